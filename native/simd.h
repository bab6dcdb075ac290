// Vectors by the GCC/Clang extensions: the same source for every instruction set. ISA is the namespace of this build
// of the kernels, so that no function compiled for one machine can be linked in place of another's.
#pragma once
#include <cstdint>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#ifndef VECTOR_BYTES
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

namespace attentive::ISA {

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
    typedef float type __attribute__((vector_size(VECTOR_BYTES)));
    typedef float unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
    typedef uint32_t bits __attribute__((vector_size(VECTOR_BYTES)));
};
template <>
struct VectorOf<double> {
    typedef double type __attribute__((vector_size(VECTOR_BYTES)));
    typedef double unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
    typedef uint64_t bits __attribute__((vector_size(VECTOR_BYTES)));
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr long lanes = VECTOR_BYTES / sizeof(T);

// How many lanes of a vector count: all of them, known when compiling, or the last few of a row.
struct All {};
struct First {
    long count;
};

template <class T>
ALWAYS_INLINE Vector<T> broadcast(T value) {
    return value - Vector<T>{};
}

template <class T>
ALWAYS_INLINE Vector<T> load(const T *from) {
    return *reinterpret_cast<const typename VectorOf<T>::unaligned *>(from);
}
template <class T>
ALWAYS_INLINE Vector<T> load(const T *from, All) {
    return load(from);
}
template <class T>
ALWAYS_INLINE Vector<T> load(const T *from, First n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return reinterpret_cast<Vector<T>>(_mm512_maskz_loadu_ps((1u << n.count) - 1, from));
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
    alignas(32) static constexpr int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    if constexpr (sizeof(T) == 4) {
        const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i_u *>(ones + 8 - n.count));
        return reinterpret_cast<Vector<T>>(_mm256_maskload_ps(from, mask));
    }
#endif
    Vector<T> value{};
    for (long i = 0; i < n.count; i++) value[i] = from[i];
    return value;
}

template <class T>
ALWAYS_INLINE void store(T *to, Vector<T> value, All = {}) {
    *reinterpret_cast<typename VectorOf<T>::unaligned *>(to) = value;
}
template <class T>
ALWAYS_INLINE void store(T *to, Vector<T> value, First n) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return _mm512_mask_storeu_ps(to, (1u << n.count) - 1, reinterpret_cast<__m512>(value));
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
    if constexpr (sizeof(T) == 4) {  // by halves: faster than a masked store
        const __m256 all = reinterpret_cast<__m256>(value);
        __m128 part = _mm256_castps256_ps128(all);
        if (n.count & 4) {
            _mm_storeu_ps(to, part);
            part = _mm256_extractf128_ps(all, 1);
            to += 4;
        }
        if (n.count & 2) {
            _mm_storel_pi(reinterpret_cast<__m64 *>(to), part);
            part = _mm_movehl_ps(part, part);
            to += 2;
        }
        if (n.count & 1) _mm_store_ss(to, part);
        return;
    }
#endif
    for (long i = 0; i < n.count; i++) to[i] = value[i];
}

// f(j, All or First) for the vectors that cover 0..count; loads of a whole last vector may pass the end of a row in the
// kernels' own buffers, which are padded; stores never do.
template <class T, class F>
ALWAYS_INLINE void each(long count, F f) {
    long j = 0;
    for (; j + lanes<T> <= count; j += lanes<T>) f(j, All{});
    if (j < count) f(j, First{count - j});
}

template <class T>
ALWAYS_INLINE T sum(Vector<T> v) {
    T total = 0;
    for (long i = 0; i < lanes<T>; i++) total += v[i];
    return total;
}

#if VECTOR_BYTES == 64 && defined(__AVX512DQ__)
// Eight sums, of the lanes that many apart.
ALWAYS_INLINE __m256 halved(Vector<float> v) {
    const __m512 both = reinterpret_cast<__m512>(v);
    return _mm256_add_ps(_mm512_castps512_ps256(both), _mm512_extractf32x8_ps(both, 1));
}
#elif VECTOR_BYTES == 32 && defined(__AVX2__)
ALWAYS_INLINE __m256 halved(Vector<float> v) { return reinterpret_cast<__m256>(v); }
#endif

// The sums of the lanes of four vectors.
template <class T>
ALWAYS_INLINE void sums(const Vector<T> *v, T *to) {
#if VECTOR_BYTES == 64 && defined(__AVX512DQ__) || VECTOR_BYTES == 32 && defined(__AVX2__)
    if constexpr (sizeof(T) == 4) {
        const __m256 all = _mm256_hadd_ps(_mm256_hadd_ps(halved(v[0]), halved(v[1])),
                                          _mm256_hadd_ps(halved(v[2]), halved(v[3])));
        _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
        return;
    }
#endif
    for (int i = 0; i < 4; i++) to[i] = sum<T>(v[i]);
}

// Not std::min and std::max: those are functions of the whole program, of which the linker keeps one copy, and that may
// be the one compiled for an instruction set that this machine has not.
ALWAYS_INLINE long smaller(long a, long b) { return a < b ? a : b; }
ALWAYS_INLINE long larger(long a, long b) { return a > b ? a : b; }
template <class T>
ALWAYS_INLINE long padded(long n) {
    return (n + lanes<T> - 1) / lanes<T> * lanes<T>;
}

template <class T>
ALWAYS_INLINE void copy(T *to, const T *from, long n) {
    __builtin_memcpy(to, from, n * sizeof(T));
}

// Memory that the next step reads, or that this one will write, can travel while products are done.
template <class T>
ALWAYS_INLINE void fetch(const T *from, long n) {
    for (long i = 0; i < n; i += 64 / long(sizeof(T))) __builtin_prefetch(from + i, 0, 2);
}
template <class T>
ALWAYS_INLINE void fetch_to_write(T *to, long n) {
    for (long i = 0; i < n; i += 64 / long(sizeof(T))) __builtin_prefetch(to + i, 1, 2);
}

// Stores that pass the caches by, for what is long gone from them when it is read again; `settle` them before other
// threads read.
template <class T>
ALWAYS_INLINE void stream(T *to, Vector<T> value) {
#if VECTOR_BYTES == 64 && defined(__AVX512F__)
    if (reinterpret_cast<uintptr_t>(to) % 64 == 0)
        return _mm512_stream_si512(reinterpret_cast<__m512i *>(to), reinterpret_cast<__m512i>(value));
#elif VECTOR_BYTES == 32 && defined(__AVX__)
    if (reinterpret_cast<uintptr_t>(to) % 32 == 0)
        return _mm256_stream_si256(reinterpret_cast<__m256i *>(to), reinterpret_cast<__m256i>(value));
#endif
    store(to, value);
}
template <class T>
ALWAYS_INLINE void stream(T *to, const T *from, long n) {
    long j = 0;
    for (; j + lanes<T> <= n; j += lanes<T>) stream(to + j, load(from + j));
    copy(to + j, from + j, n - j);
}
ALWAYS_INLINE void settle() {
#if defined(__AVX__)
    _mm_sfence();
#endif
}

template <class T>
ALWAYS_INLINE void clear(T *to, long n) {
    __builtin_memset(to, 0, n * sizeof(T));
}

}  // namespace attentive::ISA
