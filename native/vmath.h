// exp, sigmoid and tanh on vectors. In float: worst relative error 3e-7 over the whole range, 4e-7 where products and
// sums are not fused (tests/native checks it), NaN stays NaN, and saturated values are exactly 0, 1 and -1, so that
// derivatives made of them are exactly 0. In double: the C library's, lane by lane.
#pragma once
#include "simd.h"

namespace attentive::ISA {

using VecF = Vector<float>;
using VecD = Vector<double>;

struct ExpParts {
    VecF power, rest;  // exp(x) = power * (1 + rest), power a power of two
};

// The bound where x passes it; NaN stays NaN.
ALWAYS_INLINE VecF at_most(VecF x, float bound) {
#if VECTOR_BYTES == 32 && defined(__AVX__)
    return reinterpret_cast<VecF>(_mm256_min_ps(_mm256_set1_ps(bound), reinterpret_cast<__m256>(x)));
#else
    return x > bound ? broadcast(bound) : x;
#endif
}
ALWAYS_INLINE VecF at_least(VecF x, float bound) {
#if VECTOR_BYTES == 32 && defined(__AVX__)
    return reinterpret_cast<VecF>(_mm256_max_ps(_mm256_set1_ps(bound), reinterpret_cast<__m256>(x)));
#else
    return x < bound ? broadcast(bound) : x;
#endif
}

constexpr float largest_exponent = 87.0f;  // e^-87 is near the smallest float that has all its digits

// x = n ln 2 + r with |r| <= ln 2 / 2; rest = r + r^2 q(r), q a fit to (e^r - 1 - r) / r^2 with an error of 3e-9 of
// e^r. Not for |x| > largest_exponent.
ALWAYS_INLINE ExpParts exp_parts(VecF x) {
    const VecF shifted = x * 1.44269504088896341f + 12582912.0f;  // adding 1.5 * 2^23 rounds to a whole number
    const VecF n = shifted - 12582912.0f;
    const VecF r = (x - n * 0.693145751953125f) - n * 1.42860677e-6f;
    VecF q = r * 0.00138145f + 0.00836878f;
    q = q * r + 0.04166839f;
    q = q * r + 0.1666652f;
    q = q * r + 0.49999993f;
    typedef VectorOf<float>::bits Bits;
    const Bits exponent = (reinterpret_cast<Bits>(shifted) << 23) + 0x3f800000u;
    return {reinterpret_cast<VecF>(exponent), (r * r) * q + r};
}

ALWAYS_INLINE VecF reciprocal(VecF x) {
#if defined(__AVX512F__)
    const VecF y = reinterpret_cast<VecF>(_mm512_maskz_rcp14_ps(0xffff, reinterpret_cast<__m512>(x)));
    return y * (2.0f - x * y);  // one Newton step; x is in 1..1e38 here
#elif VECTOR_BYTES == 32 && defined(__AVX__)
    const VecF y = reinterpret_cast<VecF>(_mm256_rcp_ps(reinterpret_cast<__m256>(x)));
    return x == 1.0f ? x : y * (2.0f - x * y);  // the estimate for 1 is less than 1
#else
    return 1.0f / x;
#endif
}

// Zero where x is below the bound, else the value, also where x is NaN.
ALWAYS_INLINE VecF zero_below(float bound, VecF x, VecF value) { return x < bound ? VecF{} : value; }

ALWAYS_INLINE VecF exp(VecF x) {
    const ExpParts e = exp_parts(at_most(x, largest_exponent));
    return zero_below(-largest_exponent, x, e.power * e.rest + e.power);
}
ALWAYS_INLINE VecF sigmoid(VecF x) {
    const ExpParts e = exp_parts(at_least(-x, -largest_exponent));
    return zero_below(-largest_exponent, x, reciprocal(1.0f + (e.power * e.rest + e.power)));
}

// x P(x^2) / Q(x^2), fitted to tanh(x) with a relative error of 1e-8 up to 8, where tanh is 1 but for 2e-7; from there to
// the bound it rises past 1.
ALWAYS_INLINE VecF tanh(VecF x) {
    x = at_least(at_most(x, 8.75f), -8.75f);
    const VecF s = x * x;
    VecF p = s * 1.52304267e-8f + 2.1894668e-5f, q = s * 8.52244966e-7f + 3.41129256e-4f;
    p = p * s + 0.00357159832f, q = q * s + 0.0261644442f;
    p = p * s + 0.134444982f, q = q * s + 0.467778265f;
    p = p * s + 1.0f, q = q * s + 1.0f;
    return at_least(at_most(x * p / q, 1.0f), -1.0f);
}

ALWAYS_INLINE VecD exp(VecD x) {
    for (long i = 0; i < lanes<double>; i++) x[i] = __builtin_exp(x[i]);
    return x;
}
ALWAYS_INLINE VecD sigmoid(VecD x) { return 1.0 / (1.0 + exp(-x)); }
ALWAYS_INLINE VecD tanh(VecD x) {
    for (long i = 0; i < lanes<double>; i++) x[i] = __builtin_tanh(x[i]);
    return x;
}

}  // namespace attentive::ISA
