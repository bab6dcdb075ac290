// Products of factors rounded to bfloat16 and summed in float: two of them in one instruction where the machine has
// AVX512-BF16, and otherwise by shifts, for tests.
//
// The factors stand in pairs that are summed: a number of 32 bits holds element k in its low half and k + 1 in its high.
#pragma once
#include <utility>

#include "vmath.h"

// An instruction that not every machine with AVX-512 has: only where a call asks for it do these functions run.
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
#define SHORT_TARGET __attribute__((target("avx512bf16")))
#else
#define SHORT_TARGET
#endif

namespace attentive::ISA {

typedef uint32_t Pair;
typedef VectorOf<float>::bits Pairs;
typedef uint32_t UnalignedPairs __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

template <class T>
constexpr bool has_short = sizeof(T) == 4;

ALWAYS_INLINE Pairs load_pairs(const Pair *from) { return *reinterpret_cast<const UnalignedPairs *>(from); }
ALWAYS_INLINE void store_pairs(Pair *to, Pairs value) { *reinterpret_cast<UnalignedPairs *>(to) = value; }

// A vector as bfloat16 in the low halves of its lanes, the nearest one and of two that are as near the even one; NaN
// stays NaN.
ALWAYS_INLINE Pairs nearest(VecF v) {
    const Pairs bits = reinterpret_cast<Pairs>(v), up = bits + 0x7fffu + ((bits >> 16) & 1u);
    return (v == v ? up : bits | 0x400000u) >> 16;
}

typedef uint16_t Shorts __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef uint16_t UnalignedShorts __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2), may_alias));

// `count` numbers as bfloat16, whole vectors, and back. Where T is double nothing is ever short.
template <class T>
void shorten(uint16_t *to, const T *from, long count) {
    if constexpr (has_short<T>)
        for (long j = 0; j < count; j += lanes<T>)
            *reinterpret_cast<UnalignedShorts *>(to + j) = __builtin_convertvector(nearest(load(from + j)), Shorts);
}
template <class T>
void widen(T *to, const uint16_t *from, long count) {
    if constexpr (has_short<T>) {
        long j = 0;
        for (; j + lanes<T> <= count; j += lanes<T>) {
            const Shorts some = *reinterpret_cast<const UnalignedShorts *>(from + j);
            store(to + j, reinterpret_cast<VecF>(__builtin_convertvector(some, Pairs) << 16));
        }
        for (; j < count; j++) {
            const uint32_t bits = uint32_t(from[j]) << 16;
            copy(to + j, reinterpret_cast<const T *>(&bits), 1);
        }
    }
}

// Two vectors as `nearest` has them, one after the other.
SHORT_TARGET ALWAYS_INLINE Pairs rounded(VecF first, VecF second) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
    return (Pairs)_mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first));
#else
    Pairs result{};
    for (int half = 0; half < 2; half++) {
        const Pairs kept = nearest(half ? second : first);
        for (long i = 0; i < lanes<float>; i++) result[(half * lanes<float> + i) / 2] |= kept[i] << i % 2 * 16;
    }
    return result;
#endif
}

// Of two vectors of bfloat16 one after the other: pairs of an element of the first and one of the second.
ALWAYS_INLINE Pairs interleaved(Pairs both) {
#if VECTOR_BYTES == 64 && defined(__AVX512BW__)
    constexpr auto at = [](int i) { return short(i % 2 * 16 + i / 2); };
    alignas(64) static constexpr short from[32] = {at(0),  at(1),  at(2),  at(3),  at(4),  at(5),  at(6),  at(7),
                                                   at(8),  at(9),  at(10), at(11), at(12), at(13), at(14), at(15),
                                                   at(16), at(17), at(18), at(19), at(20), at(21), at(22), at(23),
                                                   at(24), at(25), at(26), at(27), at(28), at(29), at(30), at(31)};
    return (Pairs)_mm512_permutexvar_epi16(_mm512_load_si512(from), (__m512i)both);
#else
    Pairs result{};
    for (long i = 0; i < lanes<float>; i++) {
        const auto half = [&](long k) { return both[k / 2] >> k % 2 * 16 & 0xffffu; };
        result[i] = half(i) | half(lanes<float> + i) << 16;
    }
    return result;
#endif
}

// sum + low * low + high * high
SHORT_TARGET ALWAYS_INLINE VecF add_products(VecF sum, Pair factor, Pairs row) {
    const Pairs factors = factor - Pairs{};
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
    return reinterpret_cast<VecF>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), (__m512bh)factors, (__m512bh)row));
#else
    const auto low = [](Pairs p) { return reinterpret_cast<VecF>(p << 16); };
    const auto high = [](Pairs p) { return reinterpret_cast<VecF>(p & 0xffff0000u); };
    return sum + low(factors) * low(row) + high(factors) * high(row);
#endif
}

// y (M, V vectors) = bias + a W or y += a W, of pairs along the depth: a's rows, and a panel's, two vectors wide.
template <int M, int V>
SHORT_TARGET void short_tile(const Pair *a, long lda, const float *bias, const Pair *w, long pairs, float *y, long ldy) {
    VecF acc[M][V];
#pragma GCC unroll 24
    for (int i = 0; i < M; i++)
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) acc[i][j] = bias ? load(bias + j * lanes<float>) : load(y + i * ldy + j * lanes<float>);
    for (long k = 0; k < pairs; k++, w += 2 * lanes<float>) {
        Pairs row[V];
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) row[j] = load_pairs(w + j * lanes<float>);
#pragma GCC unroll 24
        for (int i = 0; i < M; i++)
#pragma GCC unroll 24
            for (int j = 0; j < V; j++) acc[i][j] = add_products(acc[i][j], a[i * lda + k], row[j]);
    }
#pragma GCC unroll 24
    for (int i = 0; i < M; i++)
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) store(y + i * ldy + j * lanes<float>, acc[i][j]);
}

// c (M, V vectors) += a^T b, of pairs of the rows of a and b.
template <int M, int V>
SHORT_TARGET void short_transposed_tile(const Pair *a, long lda, const Pair *b, long ldb, long pairs, float *c, long ldc) {
    VecF acc[M][V]{};
    for (long k = 0; k < pairs; k++, a += lda, b += ldb) {
        Pairs row[V];
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) row[j] = load_pairs(b + j * lanes<float>);
#pragma GCC unroll 24
        for (int i = 0; i < M; i++)
#pragma GCC unroll 24
            for (int j = 0; j < V; j++) acc[i][j] = add_products(acc[i][j], a[i], row[j]);
    }
#pragma GCC unroll 24
    for (int i = 0; i < M; i++)
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) {
            float *to = c + i * ldc + j * lanes<float>;
            store(to, load(to) + acc[i][j]);
        }
}

// The tiles of V vectors by their number of rows.
constexpr int short_rows = VECTOR_BYTES == 64 ? 12 : 6;
struct ShortTiles {
    void (*tiles[short_rows + 1])(const Pair *, long, const float *, const Pair *, long, float *, long);
    void (*transposed[short_rows + 1])(const Pair *, long, const Pair *, long, long, float *, long);
};
template <int V, int... M>
constexpr ShortTiles short_tiles_of(std::integer_sequence<int, M...>) {
    return {{nullptr, short_tile<M + 1, V>...}, {nullptr, short_transposed_tile<M + 1, V>...}};
}
template <int V>
constexpr ShortTiles short_tiles = short_tiles_of<V>(std::make_integer_sequence<int, short_rows>());

// The `count` numbers of a row in pairs, with zeros up to a whole vector of them.
SHORT_TARGET inline void pair_row(Pair *to, const float *from, long count) {
    const auto part = [&](long j) { return load(from + j, First{count - j}); };
    for (long j = 0; j < count; j += 2 * lanes<float>, to += lanes<float>) {
        const long middle = j + lanes<float>, end = middle + lanes<float>;
        const VecF first = middle <= count ? load(from + j) : part(j);
        const VecF second = end <= count ? load(from + middle) : middle < count ? part(middle) : VecF{};
        store_pairs(to, rounded(first, second));
    }
}

// Rows of `count` numbers, whole vectors, in pairs of one row and the next, the last row with zeros if it has no next.
SHORT_TARGET inline void pair_rows(Pair *to, const float *from, long count, long rows) {
    for (long k = 0; k < rows; k += 2, to += count, from += 2 * count)
        for (long j = 0; j < count; j += lanes<float>)
            store_pairs(to + j, interleaved(rounded(load(from + j), k + 1 < rows ? load(from + count + j) : VecF{})));
}

}  // namespace attentive::ISA
