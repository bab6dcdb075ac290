// The LSTM on x~ without peepholes, equation (2):
// i, f, o = sigmoid(W x~_t + U h_{t-1} + b), g = tanh(...), c_t = f c_{t-1} + i g, h_t = o tanh(c_t).
#pragma once
#include "layer.h"
#include "vmath.h"

namespace attentive::ISA {

template <class T>
struct Lstm {
    static constexpr long blocks = 4, states = 2, own = 0;
    static constexpr long deltas = 4, first_from_h = 0;  // delta blocks [i f g o]

    const long N;
    Product<T> all;

    explicit Lstm(const Call<T> &call)
        : N(call.N), all(call.in(call.raw.hh), N, call.in(call.raw.ih), call.D, 4 * N, 0, call.in(call.raw.b_ih)) {}

    explicit Lstm(long units) : N(units), all(nullptr, 0, nullptr, 0, 0, 0, nullptr) {}  // for `activate` alone

    // [i f g o], c_{t-1}
    static long record_size(long N) { return padded<T>(4 * N) + padded<T>(N); }
    void pack_forward(Arena &arena) { all.pack(arena); }
    void pack_backward(Arena &) {}

    void forward(const Step<T> &s, long at) const {
        all.apply(s.rows, s.input, s.ld_input, s.record + at, s.ld_record);
        activate(s, at);
    }

    // The gates and the states from the pre-activations in the record.
    void activate(const Step<T> &s, long at) const {
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
                const Vector<T> i = load(at_j), f = load(at_j + N), g = load(at_j + 2 * N), o = load(at_j + 3 * N);
                const Vector<T> c_old = load(at_j + c_at), tanh_c = tanh(s.with_residual(f * c_old + i * g, k, j));
                const Vector<T> g_h = load(dh + j), g_pre = g_h * o * (1 - tanh_c * tanh_c), g_c = load(dc + j) + g_pre;
                s.give_residual(g_pre, k, j, n);
                store(delta + j, g_c * g * i * (1 - i), n);
                store(delta + N + j, g_c * c_old * f * (1 - f), n);
                store(delta + 2 * N + j, g_c * i * (1 - g * g), n);
                store(delta + 3 * N + j, g_h * tanh_c * o * (1 - o), n);
                store(dc + j, g_c * f, n);
                store(dh + j, Vector<T>{}, n);
            });
        }
    }
};

}  // namespace attentive::ISA
