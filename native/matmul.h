// Products with weights that are packed once a call, and the products that gather the weights' gradients.
//
// Packed weights: the columns of a (depth, cols) matrix in panels two vectors wide, each panel (1 + depth, width) with
// the bias as its first row, so that a product reads them in one pass. With short products the rows after the bias are
// pairs (short.h).
#pragma once
#include <utility>

#include "runtime.h"
#include "short.h"
#include "simd.h"

namespace attentive::ISA {

template <class T>
constexpr long panel_width = 2 * lanes<T>;
constexpr int tile_rows =
    VECTOR_BYTES == 64 ? 12 : 6;  // accumulators of a tile: tile_rows * 2 vectors, all in registers
constexpr int half_rows = 12;     // of a tile of one vector

template <class T>
struct Panels {
    const T *data = nullptr;
    long depth = 0, cols = 0;
    long threads = 1;  // that share a product
    bool is_short = false;

    static long size(long depth, long cols) {
        return (cols + panel_width<T> - 1) / panel_width<T> * (1 + depth) * panel_width<T>;
    }
    long rows() const { return is_short ? (depth + 1) / 2 : depth; }
    long panel_size() const { return (1 + rows()) * panel_width<T>; }

    // The weights, packed in `to`, as pairs, in their place.
    void shorten(T *to) {
        if constexpr (has_short<T>) {
            constexpr long width = panel_width<T>;
            const T *from = to;
            is_short = true;
            for (long col = 0; col < cols; col += width) {
                T two[2 * width]{};
                copy(two, from, width), copy(to, two, width);
                to += width, from += width;
                for (long k = 0; k < depth; k += 2, to += width) {
                    const long some = smaller(2, depth - k);
                    clear(two + width, width), copy(two, from, some * width);
                    pair_rows(reinterpret_cast<Pair *>(to), two, width, 2);
                    from += some * width;
                }
            }
        }
    }
};

// y (M, V vectors) = bias + a W, or y += a W, from the start of a panel on. The loops over M and V are unrolled: `acc`
// is registers.
template <class T, int M, int V>
void tile(const T *a, long lda, const T *panel, long panel_size, long depth, T *y, long ldy, bool accumulate) {
    Vector<T> acc[M][V];
#pragma GCC unroll 24
    for (int j = 0; j < V; j++) {
        const Vector<T> bias = load(panel + j / 2 * panel_size + j % 2 * lanes<T>);
#pragma GCC unroll 24
        for (int i = 0; i < M; i++) acc[i][j] = bias;
    }
    if (accumulate) {
#pragma GCC unroll 24
        for (int i = 0; i < M; i++)
#pragma GCC unroll 24
            for (int j = 0; j < V; j++) acc[i][j] = load(y + i * ldy + j * lanes<T>);
    }
    const T *w = panel + panel_width<T>;
    for (long k = 0; k < depth; k++, w += panel_width<T>) {
        Vector<T> b[V];
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) b[j] = load(w + j / 2 * panel_size + j % 2 * lanes<T>);
#pragma GCC unroll 24
        for (int i = 0; i < M; i++) {
            const Vector<T> factor = broadcast(a[i * lda + k]);
#pragma GCC unroll 24
            for (int j = 0; j < V; j++) acc[i][j] += factor * b[j];
        }
    }
#pragma GCC unroll 24
    for (int i = 0; i < M; i++)
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) store(y + i * ldy + j * lanes<T>, acc[i][j]);
}

// c (M, V vectors) += a^T b over `depth` rows of a and b. The product is summed by itself and then added: over
// thousands of steps, adding row by row to one total would lose digits.
template <class T, int M, int V>
void transposed_tile(const T *a, long lda, const T *b, long ldb, long depth, T *c, long ldc) {
    Vector<T> acc[M][V];
#pragma GCC unroll 24
    for (int i = 0; i < M; i++) {
        __builtin_prefetch(c + i * ldc, 1);
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) acc[i][j] = Vector<T>{};
    }
    for (long k = 0; k < depth; k++, a += lda, b += ldb) {
        Vector<T> row[V];
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) row[j] = load(b + j * lanes<T>);
#pragma GCC unroll 24
        for (int i = 0; i < M; i++) {
            const Vector<T> factor = broadcast(a[i]);
#pragma GCC unroll 24
            for (int j = 0; j < V; j++) acc[i][j] += factor * row[j];
        }
    }
#pragma GCC unroll 24
    for (int i = 0; i < M; i++)
#pragma GCC unroll 24
        for (int j = 0; j < V; j++) {
            T *to = c + i * ldc + j * lanes<T>;
            store(to, load(to) + acc[i][j]);
        }
}

// The tiles by their number of rows: full ones of two vectors, half ones of one vector and twice the height; and for
// few rows flat ones by their number of vectors. All have enough sums in flight to keep the arithmetic busy.
template <class T>
struct Tiles {
    typedef void (*Tile)(const T *, long, const T *, long, long, T *, long, bool);
    typedef void (*Transposed)(const T *, long, const T *, long, long, T *, long);
    template <int height>
    struct Table {
        Tile tiles[height + 1];
        Transposed transposed[height + 1];
    };
    template <int V, int... M>
    static constexpr Table<sizeof...(M)> table(std::integer_sequence<int, M...>) {
        return {{nullptr, tile<T, M + 1, V>...}, {nullptr, transposed_tile<T, M + 1, V>...}};
    }
    static constexpr auto full = table<2>(std::make_integer_sequence<int, tile_rows>());
    static constexpr auto half = table<1>(std::make_integer_sequence<int, half_rows>());

    static constexpr long flat_rows = VECTOR_BYTES == 64 ? 4 : 3;  // with vectors of 64 bytes there are 32 registers
    static constexpr long flat_vectors[5] = {0, 12, 6, 4, 6};
    struct Flat {
        Tile tiles[13];
    };
    template <int M, int... V>
    static constexpr Flat flat_of(std::integer_sequence<int, V...>) {
        return {{nullptr, tile<T, M, V + 1>...}};
    }
    static constexpr Flat flat[5] = {{},
                                     flat_of<1>(std::make_integer_sequence<int, flat_vectors[1]>()),
                                     flat_of<2>(std::make_integer_sequence<int, flat_vectors[2]>()),
                                     flat_of<3>(std::make_integer_sequence<int, flat_vectors[3]>()),
                                     flat_of<4>(std::make_integer_sequence<int, flat_vectors[4]>())};
};

// f(first row, rows) for tiles of nearly equal height.
template <class F>
ALWAYS_INLINE void each_tile(long rows, long most, F f) {
    const long tiles = (rows + most - 1) / most;
    long first = 0;
    for (long i = 0; i < tiles; i++) {
        const long height = rows / tiles + (i < rows % tiles);
        f(first, height);
        first += height;
    }
}

constexpr long depth_block = 256;  // a block of a panel stays in the first-level cache while all rows pass it

// f(i, thread) for i in 0..tasks on so many threads, in any order.
template <class F>
void share(long tasks, long threads, F f) {
    parallel(tasks, threads, [](void *context, long i, long thread) { (*static_cast<F *>(context))(i, thread); }, &f);
}

constexpr long second_level = 512 << 10;  // bytes of weights that stay in the second-level cache from step to step

// The same as `matmul_columns` by short products: some rows of a at a time are put in pairs and then pass all panels.
inline void short_columns(long first, long last, long rows, const float *a, long lda, const Panels<float> &w, float *y,
                          long ldy, bool accumulate) {
    constexpr long width = panel_width<float>, most = 96, ld = depth_block / 2 + lanes<float>;
    alignas(64) Pair pairs[most * ld];
    for (long row = 0; row < rows; row += most)
        for (long k = 0; k < larger(1, w.depth); k += depth_block) {
            const long height = smaller(most, rows - row), part = smaller(depth_block, w.depth - k);
            for (long i = 0; i < height; i++) pair_row(pairs + i * ld, a + (row + i) * lda + k, part);
            const float *panel = w.data + first / width * w.panel_size();
            for (long col = first; col < last; col += width, panel += w.panel_size()) {
                const auto &tiles = w.cols - col > lanes<float> ? short_tiles<2> : short_tiles<1>;
                const Pair *from = reinterpret_cast<const Pair *>(panel + (1 + k / 2) * width);
                each_tile(height, short_rows, [&](long i, long count) {
                    tiles.tiles[count](pairs + i * ld, ld, accumulate || k > 0 ? nullptr : panel, from, (part + 1) / 2,
                                       y + (row + i) * ldy + col, ldy);
                });
            }
        }
}

// Columns first to last of y (rows, cols) = bias + a W or y += a W.
template <class T>
void matmul_columns(long first, long last, long rows, const T *a, long lda, const Panels<T> &w, T *y, long ldy,
                    bool accumulate) {
    if constexpr (has_short<T>)
        if (w.is_short) return short_columns(first, last, rows, a, lda, w, y, ldy, accumulate);
    const long width = panel_width<T>, size = w.panel_size();
    const long blocks = larger(1, (w.depth + depth_block / 2) / depth_block),
               block = larger(1, (w.depth + blocks - 1) / blocks);
    const bool far = size / width * w.cols * long(sizeof(T)) > second_level;
    const T *panel = w.data + first / width * size;
    if (rows <= Tiles<T>::flat_rows) {
        const long most = Tiles<T>::flat_vectors[rows];
        for (long left = (last - first + lanes<T> - 1) / lanes<T>, col = first; left > 0;) {
            const long tiles = (left + most - 1) / most, even = ((left + tiles - 1) / tiles + 1) / 2 * 2;
            const long vectors = smaller(even, left);
            Tiles<T>::flat[rows].tiles[vectors](a, lda, panel, size, w.depth, y + col, ldy, accumulate);
            left -= vectors, col += vectors * lanes<T>, panel += vectors / 2 * size;
        }
        return;
    }
    for (long col = first; col < last; col += width, panel += size) {
        const bool full = w.cols - col > lanes<T>;
        for (long k = 0; k < larger(1, w.depth); k += block)
            each_tile(rows, full ? tile_rows : half_rows, [&](long i, long height) {
                const auto tile = full ? Tiles<T>::full.tiles[height] : Tiles<T>::half.tiles[height];
                if (far) fetch(panel + (k + block + i * block / rows) * width, height * block / rows * width);
                tile(a + i * lda + k, lda, panel + k * width, size, smaller(block, w.depth - k), y + i * ldy + col, ldy,
                     accumulate || k > 0);
            });
    }
}

// y (rows, cols) = bias + a W or y += a W; y's rows have room for cols rounded up to a vector.
template <class T>
void matmul(long rows, const T *a, long lda, const Panels<T> &w, T *y, long ldy, bool accumulate) {
    const long width = panel_width<T>, panels = (w.cols + width - 1) / width, shares = smaller(panels, 4 * w.threads);
    if (w.threads == 1) return matmul_columns(0, w.cols, rows, a, lda, w, y, ldy, accumulate);
    share(shares, w.threads, [&](long i, long) {
        const long first = panels * i / shares * width, last = smaller(panels * (i + 1) / shares * width, w.cols);
        matmul_columns(first, last, rows, a, lda, w, y, ldy, accumulate);
    });
}

constexpr long row_block = 144;  // columns of a that stay in the second-level cache while all of b passes them

// c (rows, cols) += a^T b, with a (depth, rows) and b (depth, cols); rows of b and c have room for cols rounded up to a
// vector.
template <class T>
void add_transposed(long rows, long cols, long depth, const T *a, long lda, const T *b, long ldb, T *c, long ldc) {
    for (long first = 0; first < rows; first += row_block)
        for (long col = 0; col < cols; col += panel_width<T>) {
            const bool full = cols - col > lanes<T>;
            each_tile(smaller(row_block, rows - first), full ? tile_rows : half_rows, [&](long i, long height) {
                const auto tile = full ? Tiles<T>::full.transposed[height] : Tiles<T>::half.transposed[height];
                tile(a + first + i, lda, b + col, ldb, depth, c + (first + i) * ldc + col, ldc);
            });
        }
}

// The same for pairs of the rows of a and b, and rows of c shared by threads.
inline void short_add_transposed(long rows, long cols, long pairs, const Pair *a, long lda, const Pair *b, long ldb,
                                 float *c, long ldc, long threads) {
    constexpr long width = panel_width<float>;
    const long shares = (rows + row_block - 1) / row_block;
    share(shares, threads, [&](long part, long) {
        const long first = rows * part / shares, count = rows * (part + 1) / shares - first;
        for (long col = 0; col < cols; col += width) {
            const auto &tiles = cols - col > lanes<float> ? short_tiles<2> : short_tiles<1>;
            each_tile(count, short_rows, [&](long i, long height) {
                tiles.transposed[height](a + first + i, lda, b + col, ldb, pairs, c + (first + i) * ldc + col, ldc);
            });
        }
    });
}

constexpr long packed_depth = 192;  // rows of a panel of b that stay in the first-level cache

// The same for rows so long that each of them lies on pages of its own: what a tile reads is first brought together.
template <class T>
void add_transposed_far(long rows, long cols, long depth, const T *a, long lda, const T *b, long ldb, T *c, long ldc,
                        long threads) {
    const long width = panel_width<T>, whole = cols / width * width, shares = (rows + row_block - 1) / row_block;
    share(shares, threads, [&](long i, long) {
        const long first = rows * i / shares, count = rows * (i + 1) / shares - first;
        const T *columns = a + first;
        T *to = c + first * ldc;
        Block packing;
        if (!packing.reserve((count * depth + packed_depth * width) * long(sizeof(T))))
            return add_transposed(count, cols, depth, columns, lda, b, ldb, to, ldc);
        T *packed = reinterpret_cast<T *>(packing.data()), *panel = packed + count * depth;
        for (long k = 0; k < depth; k++)
            each_tile(count, tile_rows, [&](long row, long height) {
                for (long j = 0; j < height; j++) packed[row * depth + k * height + j] = columns[k * lda + row + j];
            });
        for (long col = 0; col < whole; col += width)
            for (long k = 0; k < depth; k += packed_depth) {
                const long part = smaller(packed_depth, depth - k);
                for (long q = 0; q < part; q++) copy(panel + q * width, b + (k + q) * ldb + col, width);
                each_tile(count, tile_rows, [&](long row, long height) {
                    Tiles<T>::full.transposed[height](packed + row * depth + k * height, height, panel, width, part,
                                                      to + row * ldc + col, ldc);
                });
            }
        if (cols > whole) add_transposed(count, cols - whole, depth, columns, lda, b + whole, ldb, to + whole, ldc);
    });
}

// sums (cols) += the column sums of b (depth, cols), each call one partial sum.
template <class T>
void add_columns(long cols, long depth, const T *b, long ldb, T *sums) {
    each<T>(cols, [&](long j, auto n) {
        Vector<T> part[8]{};
        long k = 0;
        for (; k + 8 <= depth; k += 8)
#pragma GCC unroll 8
            for (long i = 0; i < 8; i++) part[i] += load(b + (k + i) * ldb + j);
        for (; k < depth; k++) part[k % 8] += load(b + k * ldb + j);
        const Vector<T> low = (part[0] + part[1]) + (part[2] + part[3]),
                        high = (part[4] + part[5]) + (part[6] + part[7]);
        store(sums + j, load(sums + j) + (low + high), n);
    });
}

}  // namespace attentive::ISA
