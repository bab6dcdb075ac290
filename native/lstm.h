// The LSTM on x~ without peepholes, equation (2):
// i, f, o = sigmoid(W x~_t + U h_{t-1} + b), g = tanh(...), c_t = f c_{t-1} + i g, h_t = o tanh(c_t).
#pragma once
#include "layer.h"
#include "vmath.h"

namespace attentive::ISA {

// The gates of a vector of units, and c_{t-1}.
template <class T>
struct LstmUnits {
    static constexpr long parts = 5, size = parts * lanes<T>;
    Vector<T> i, f, g, o, c_old;

    ALWAYS_INLINE Vector<T> c() const { return f * c_old + i * g; }

    // give(block, the gradient of its pre-activations), from those of h and of c.
    template <class Give>
    ALWAYS_INLINE void each_delta(Vector<T> tanh_c, Vector<T> g_h, Vector<T> g_c, Give give) const {
        give(0, g_c * g * i * (1 - i));
        give(1, g_c * c_old * f * (1 - f));
        give(2, g_c * i * (1 - g * g));
        give(3, g_h * tanh_c * o * (1 - o));
    }

    ALWAYS_INLINE void keep(T *to) const {
        const Vector<T> all[parts]{i, f, g, o, c_old};
#pragma GCC unroll 5
        for (long at = 0; at < parts; at++) stream(to + at * lanes<T>, all[at]);
    }
    static ALWAYS_INLINE LstmUnits kept(const T *from) {
        const auto part = [&](long at) { return load(from + at * lanes<T>); };
        return {part(0), part(1), part(2), part(3), part(4)};
    }
};

template <class T>
struct Lstm {
    static constexpr long blocks = 4, states = 2, own = 0;
    static constexpr long deltas = 4, first_from_h = 0;  // delta blocks [i f g o]

    const long N;
    Product<T> all;

    explicit Lstm(const Call<T> &call)
        : N(call.N), all(call.in(call.raw.hh), N, call.in(call.raw.ih), call.D, 4 * N, 0, call.in(call.raw.b_ih)) {}

    // [i f g o], c_{t-1}
    static long record_size(long N) { return padded<T>(4 * N) + padded<T>(N); }
    void pack_forward(Arena &arena) { all.pack(arena); }
    void pack_backward(Arena &) {}

    void forward(const Step<T> &s, long at) const {
        all.apply(s.rows, s.input, s.ld_input, s.record + at, s.ld_record);
        const long c_at = padded<T>(4 * N);
        for (long k = 0; k < s.rows; k++) {
            T *h = s.input + k * s.ld_input, *c = s.other + k * s.ld_state, *record = s.record + at + k * s.ld_record;
            each<T>(N, [&](long j, auto n) {
                T *at_j = record + j;
                const Vector<T> i = sigmoid(load(at_j)), f = sigmoid(load(at_j + N));
                const Vector<T> g = tanh(load(at_j + 2 * N)), o = sigmoid(load(at_j + 3 * N));
                const Vector<T> c_old = load(c + j);
                store(at_j, i, n);
                store(at_j + N, f, n);
                store(at_j + 2 * N, g, n);
                store(at_j + 3 * N, o, n);
                store(at_j + c_at, c_old, n);
                store(c + j, f * c_old + i * g, n);
            });
            // Apart, so that the next units' gates need not wait for the end of this chain.
            each<T>(N, [&](long j, auto n) {
                store(h + j, load(record + 3 * N + j, n) * tanh(s.with_residual(load(c + j, n), k, j)), n);
            });
        }
    }

    void backward(const BackStep<T> &s, long at) const {
        const long c_at = padded<T>(4 * N);
        for (long k = 0; k < s.rows; k++) {
            const T *record = s.record + at + k * s.ld_record;
            T *delta = s.delta + k * s.ld_delta, *dh = s.dh + k * s.ld_state, *dc = s.dc + k * s.ld_state;
            each<T>(N, [&](long j, auto n) {
                const T *at_j = record + j;
                const LstmUnits<T> units{load(at_j), load(at_j + N), load(at_j + 2 * N), load(at_j + 3 * N),
                                         load(at_j + c_at)};
                const Vector<T> tanh_c = tanh(s.with_residual(units.c(), k, j)), g_h = load(dh + j);
                const Vector<T> g_pre = g_h * units.o * (1 - tanh_c * tanh_c), g_c = load(dc + j) + g_pre;
                s.give_residual(g_pre, k, j, n);
                units.each_delta(tanh_c, g_h, g_c, [&](long at, Vector<T> d) { store(delta + at * N + j, d, n); });
                store(dc + j, g_c * units.f, n);
                store(dh + j, Vector<T>{}, n);
            });
        }
    }
};

}  // namespace attentive::ISA
