// The simple recurrence, equation (6): h_t = f(W_x x~_t + W_h h_{t-1} + b), with f tanh or relu.
#pragma once
#include "layer.h"
#include "vmath.h"

namespace attentive::ISA {

template <class T, bool relu>
struct Rnn {
    static constexpr long blocks = 1, states = 1, own = 0;
    static constexpr long deltas = 1, first_from_h = 0;  // delta blocks [h]; all of them flow back to h

    const long N;
    Product<T> all;

    explicit Rnn(const Call<T> &call)
        : N(call.N), all(call.in(call.raw.hh), N, call.in(call.raw.ih), call.D, N, 0, call.in(call.raw.b_ih)) {}

    static long record_size(long N) { return padded<T>(N); }
    void pack_forward(Arena &arena) { all.pack(arena); }
    void pack_backward(Arena &) {}

    void forward(const Step<T> &s, long at) const {
        all.apply(s.rows, s.input, s.ld_input, s.record + at, s.ld_record);
        for (long i = 0; i < s.rows; i++) {
            T *h = s.input + i * s.ld_input, *record = s.record + at + i * s.ld_record;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> pre = s.with_residual(load(record + j), i, j);
                const Vector<T> h_new = relu ? (pre < 0 ? Vector<T>{} : pre) : tanh(pre);
                store(record + j, h_new, n);
                store(h + j, h_new, n);
            });
        }
    }

    void backward(const BackStep<T> &s, long at) const {
        for (long i = 0; i < s.rows; i++) {
            const T *record = s.record + at + i * s.ld_record;
            T *delta = s.delta + i * s.ld_delta, *dh = s.dh + i * s.ld_state;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> h = load(record + j), g = load(dh + j);
                const Vector<T> d = relu ? (h <= 0 ? Vector<T>{} : g) : g * (1 - h * h);
                s.give_residual(d, i, j, n);
                store(delta + j, d, n);
                store(dh + j, Vector<T>{}, n);
            });
        }
    }
};

}  // namespace attentive::ISA
