// The gated recurrent unit on x~, with r, z = sigmoid(W x~_t + U h_{t-1} + b) and h_t = z h_{t-1} + (1 - z) n:
// equation (7),   n = tanh(W_n x~_t + U_n (r h_{t-1}) + b_n), the reset gate before the product;
// torch's form,   n = tanh(W_n x~_t + b_n + r (U_n h_{t-1} + b_hn)), the reset gate after it.
#pragma once
#include "layer.h"
#include "vmath.h"

namespace attentive::ISA {

template <class T>
struct Gru {
    static constexpr long blocks = 3, states = 1, own = 1;
    static constexpr long deltas = 3, first_from_h = 1;  // delta blocks [n r z]; r and z flow back to h directly

    const long N;
    Product<T> r_z, candidate;
    BackProduct<T> to_reset;

    explicit Gru(const Call<T> &call)
        : N(call.N),
          r_z(call.in(call.raw.hh), N, call.in(call.raw.ih), call.D, 2 * N, 0, call.in(call.raw.b_ih)),
          candidate(call.in(call.raw.hh) + 2 * N * N, N, call.in(call.raw.ih) + 2 * N * call.D, call.D, N, 0,
                    call.raw.b_ih ? call.in(call.raw.b_ih) + 2 * N : nullptr),
          to_reset(N, call.in(call.raw.hh) + 2 * N * N, N) {}

    // [r z], n
    static long record_size(long N) { return padded<T>(2 * N) + padded<T>(N); }
    void pack_forward(Arena &arena) {
        r_z.pack(arena);
        candidate.pack(arena);
    }
    void pack_backward(Arena &arena) { to_reset.pack(arena); }

    void forward(const Step<T> &s, long at) const {
        const long n_at = padded<T>(2 * N);
        r_z.apply(s.rows, s.input, s.ld_input, s.record + at, s.ld_record);
        for (long i = 0; i < s.rows; i++) {
            T *h = s.input + i * s.ld_input, *kept = s.other + i * s.ld_state, *record = s.record + at + i * s.ld_record;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> r = sigmoid(load(record + j)), h_old = load(h + j);
                store(record + j, r, n);
                store(kept + j, h_old, n);
                store(h + j, r * h_old, n);
            });
        }
        candidate.apply(s.rows, s.input, s.ld_input, s.record + at + n_at, s.ld_record);
        for (long i = 0; i < s.rows; i++) {
            T *h = s.input + i * s.ld_input, *kept = s.other + i * s.ld_state, *record = s.record + at + i * s.ld_record;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> z = sigmoid(load(record + N + j)), h_old = load(kept + j);
                const Vector<T> c = tanh(s.with_residual(load(record + n_at + j), i, j));
                store(record + N + j, z, n);
                store(record + n_at + j, c, n);
                store(h + j, z * h_old + (1 - z) * c, n);
            });
        }
    }

    void backward(const BackStep<T> &s, long at) const {
        const long n_at = padded<T>(2 * N);
        for (long i = 0; i < s.rows; i++) {
            const T *record = s.record + at + i * s.ld_record, *h = s.input + i * s.ld_input;
            T *delta = s.delta + i * s.ld_delta, *dh = s.dh + i * s.ld_state;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> z = load(record + N + j), c = load(record + n_at + j), g = load(dh + j);
                const Vector<T> dn = g * (1 - z) * (1 - c * c);
                s.give_residual(dn, i, j, n);
                store(delta + j, dn, n);
                store(delta + 2 * N + j, g * (load(h + j) - c) * z * (1 - z), n);
                store(dh + j, g * z, n);
            });
        }
        to_reset.apply(s.rows, s.delta, s.ld_delta, s.own, s.ld_input, false);  // the gradient of r h
        for (long i = 0; i < s.rows; i++) {
            const T *record = s.record + at + i * s.ld_record, *h = s.input + i * s.ld_input;
            T *delta = s.delta + i * s.ld_delta, *dh = s.dh + i * s.ld_state, *own = s.own + i * s.ld_input;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> r = load(record + j), h_old = load(h + j), g = load(own + j);
                store(delta + N + j, g * h_old * r * (1 - r), n);
                store(dh + j, load(dh + j) + g * r, n);
                store(own + j, r * h_old, n);  // what U_n saw
            });
        }
    }
};

template <class T>
struct GruResetAfter {
    static constexpr long blocks = 3, states = 1, own = 0;
    static constexpr long deltas = 4, first_from_h = 1;  // delta blocks [n r z U_n h]

    const long N;
    Product<T> r_z, from_x, from_h;

    explicit GruResetAfter(const Call<T> &call)
        : N(call.N),
          r_z(call.in(call.raw.hh), N, call.in(call.raw.ih), call.D, 2 * N, 0, call.in(call.raw.b_ih),
              call.in(call.raw.b_hh)),
          from_x(nullptr, 0, call.in(call.raw.ih) + 2 * N * call.D, call.D, N, N,
                 call.raw.b_ih ? call.in(call.raw.b_ih) + 2 * N : nullptr),
          from_h(call.in(call.raw.hh) + 2 * N * N, N, nullptr, 0, N, 0,
                 call.raw.b_hh ? call.in(call.raw.b_hh) + 2 * N : nullptr) {}

    // [r z], n, U_n h
    static long record_size(long N) { return padded<T>(2 * N) + 2 * padded<T>(N); }
    void pack_forward(Arena &arena) {
        r_z.pack(arena);
        from_x.pack(arena);
        from_h.pack(arena);
    }
    void pack_backward(Arena &) {}

    void forward(const Step<T> &s, long at) const {
        const long n_at = padded<T>(2 * N), u_at = n_at + padded<T>(N);
        r_z.apply(s.rows, s.input, s.ld_input, s.record + at, s.ld_record);
        from_x.apply(s.rows, s.input, s.ld_input, s.record + at + n_at, s.ld_record);
        from_h.apply(s.rows, s.input, s.ld_input, s.record + at + u_at, s.ld_record);
        for (long i = 0; i < s.rows; i++) {
            T *h = s.input + i * s.ld_input, *record = s.record + at + i * s.ld_record;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> r = sigmoid(load(record + j)), z = sigmoid(load(record + N + j));
                const Vector<T> pre = load(record + n_at + j) + r * load(record + u_at + j);
                const Vector<T> c = tanh(s.with_residual(pre, i, j));
                store(record + j, r, n);
                store(record + N + j, z, n);
                store(record + n_at + j, c, n);
                store(h + j, z * load(h + j) + (1 - z) * c, n);
            });
        }
    }

    void backward(const BackStep<T> &s, long at) const {
        const long n_at = padded<T>(2 * N), u_at = n_at + padded<T>(N);
        for (long i = 0; i < s.rows; i++) {
            const T *record = s.record + at + i * s.ld_record, *h = s.input + i * s.ld_input;
            T *delta = s.delta + i * s.ld_delta, *dh = s.dh + i * s.ld_state;
            each<T>(N, [&](long j, auto n) {
                const Vector<T> r = load(record + j), z = load(record + N + j), c = load(record + n_at + j);
                const Vector<T> u = load(record + u_at + j), g = load(dh + j);
                const Vector<T> dn = g * (1 - z) * (1 - c * c);
                s.give_residual(dn, i, j, n);
                store(delta + j, dn, n);
                store(delta + N + j, dn * u * r * (1 - r), n);
                store(delta + 2 * N + j, g * (load(h + j) - c) * z * (1 - z), n);
                store(delta + 3 * N + j, dn * r, n);
                store(dh + j, g * z, n);
            });
        }
    }
};

}  // namespace attentive::ISA
