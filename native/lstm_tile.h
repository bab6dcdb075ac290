// Rows of an LSTM's step in one pass: from the products with the weights to the new state, all four gates of a vector
// of units stay in registers.
#pragma once
#include "lstm.h"

namespace attentive::ISA {

constexpr int gate_rows = VECTOR_BYTES == 64 ? 6 : 3;  // of a tile: as many sums and factors as there are registers

// Weights (4N, N) of one input or two: for each vector of units a panel (depth, 4, lanes), the gates beside each other.
template <class T>
struct GatePanels {
    static constexpr long width = 4 * lanes<T>;
    const T *data = nullptr;
    long depth = 0;

    void pack(Arena &arena, long N, const T *first, const T *second) {
        depth = second ? 2 * N : N;
        T *to = arena.take<T>(4 * padded<T>(N) * depth);
        data = to;
        if (!to) return;
        clear(to, 4 * padded<T>(N) * depth);
        for (long j = 0; j < N; j++)
            for (long gate = 0; gate < 4; gate++) {
                T *column = to + j / lanes<T> * lanes<T> * 4 * depth + gate * lanes<T> + j % lanes<T>;
                for (long k = 0; k < N; k++) {
                    column[k * width] = first[(gate * N + j) * N + k];
                    if (second) column[(N + k) * width] = second[(gate * N + j) * N + k];
                }
            }
    }
    const T *panel(long j) const { return data + j * 4 * depth; }
};

// Some rows of a step. Their records stand by vectors of units and then by rows.
template <class T>
struct LstmRows {
    const long N, rows;
    const T *const *p;                    // each row's own pre-activations, 4N
    const T *first_input, *second_input;  // (rows, N); the second may be null
    T *h, *c;                             // h is written; c: in, out
    const long ld;                        // of the inputs and the states, whose rows have room for whole vectors
    T *record;                            // null: none is kept
    const GatePanels<T> &weights;

    typedef void (*Tile)(const LstmRows &, long, long);
    struct Tiles {
        Tile of_height[gate_rows + 1];
    };
    template <int... M>
    static constexpr Tiles tiles_of(std::integer_sequence<int, M...>) {
        return {{nullptr, tile<M + 1>...}};
    }

    void run() const {
        static constexpr Tiles tiles = tiles_of(std::make_integer_sequence<int, gate_rows>());
        for (long j = 0; j < N; j += lanes<T>)
            each_tile(rows, gate_rows, [&](long row, long height) { tiles.of_height[height](*this, row, j); });
    }

    template <int M>
    static void tile(const LstmRows &s, long row, long j) {
        s.N - j < lanes<T> ? s.units<M>(row, j, First{s.N - j}) : s.units<M>(row, j, All{});
    }

    // Gate by gate rather than row by row: the rows' chains of operations do not depend on each other and overlap.
    template <int M, class Count>
    ALWAYS_INLINE void units(long row, long j, Count n) const {
        Vector<T> gate[4][M], c_new[M];
        each_of<M>([&](int m) {
            each_of<4>([&](int q) { gate[q][m] = load(p[row + m] + q * N + j, n); });
        });
        const T *w = weights.panel(j);
        add<M>(gate, first_input + row * ld, w);
        if (second_input) add<M>(gate, second_input + row * ld, w + N * weights.width);
        each_of<4>([&](int q) {
            each_of<M>([&](int m) { gate[q][m] = q == 2 ? tanh(gate[q][m]) : sigmoid(gate[q][m]); });
        });
        each_of<M>([&](int m) {
            T *c_at = c + (row + m) * ld + j;
            const LstmUnits<T> units{gate[0][m], gate[1][m], gate[2][m], gate[3][m], load(c_at)};
            c_new[m] = units.c();
            store(c_at, c_new[m]);
            if (record) units.keep(record + (j / lanes<T> * rows + row + m) * units.size);
        });
        each_of<M>([&](int m) { c_new[m] = tanh(c_new[m]); });
        each_of<M>([&](int m) { store(h + (row + m) * ld + j, gate[3][m] * c_new[m]); });
    }

    template <int M>
    ALWAYS_INLINE void add(Vector<T> (&sums)[4][M], const T *input, const T *w) const {
        for (long k = 0; k < N; k++, w += weights.width) {
            Vector<T> factor[M];
            each_of<M>([&](int m) { factor[m] = broadcast(input[m * ld + k]); });
            each_of<4>([&](int q) {
                const Vector<T> weight = load(w + q * lanes<T>);
                each_of<M>([&](int m) { sums[q][m] += factor[m] * weight; });
            });
        }
    }

    template <int count, class F>
    static ALWAYS_INLINE void each_of(F f) {
#pragma GCC unroll 6
        for (int i = 0; i < count; i++) f(i);
    }
};

}  // namespace attentive::ISA
