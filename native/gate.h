// The attention gate, equations (4) and (5): a_t = s * f(W_xa x_t + W_ha h_{t-1} + b_a), x~_t = a_t * x_t, with f the
// sigmoid, over the inputs the softmax, or hard, min(max(z/6 + 1/2, 0), 1). Without W_xa it reads h_{t-1} alone.
// Low-rank, a_t = s * f(W_ua u_t + b_a) with the r numbers u_t = W_xa x_t + W_ha h_{t-1}.
#pragma once
#include "layer.h"
#include "vmath.h"

namespace attentive::ISA {

template <class T>
struct Gate {
    const long N, D, rank;
    const bool softmax, hard;
    const T scale;
    Product<T> product, widen;         // [h | x] -> a, or -> u and u -> a
    BackProduct<T> to_input, to_rank;  // da or du -> dx, da -> du

    explicit Gate(const Call<T> &call)
        : N(call.N),
          D(call.D),
          rank(call.rank),
          softmax(call.raw.gate == GATE_SOFTMAX),
          hard(call.raw.gate == GATE_HARD),
          scale(T(call.raw.gate_scale)),
          product(call.in(call.raw.ha), N, call.in(call.raw.ia), call.raw.ia ? D : 0, call.U, 0,
                  rank ? nullptr : call.in(call.raw.b_a)),
          widen(call.in(call.raw.ua), rank, nullptr, 0, D, 0, call.in(call.raw.b_a)),
          to_input(D, call.in(call.raw.ia), call.U),
          to_rank(rank, call.in(call.raw.ua), D) {}

    // In a record: the response, and u.
    static long u_at(const Call<T> &call) { return call.gated ? padded<T>(call.D) : 0; }
    static long record_size(const Call<T> &call) { return u_at(call) + padded<T>(call.rank); }

    void pack_forward(Arena &arena) {
        product.pack(arena);
        if (rank) widen.pack(arena);
    }
    void pack_backward(Arena &arena, bool wants_dx) {
        if (to_input.first && wants_dx) to_input.pack(arena);
        if (rank) to_rank.pack(arena);
    }

    // The response into the record, x~ in x's place.
    void forward(const Step<T> &s) const {
        T *u = s.record + padded<T>(D);
        product.apply(s.rows, s.input, s.ld_input, rank ? u : s.record, s.ld_record);
        if (rank) widen.apply(s.rows, u, s.ld_record, s.record, s.ld_record);
        for (long i = 0; i < s.rows; i++) {
            T *a = s.record + i * s.ld_record, *x = s.input + i * s.ld_input + N;
            if (hard) {
                let_in(a, x, [](Vector<T> z) {
                    z += 3;
                    return (z <= 0 ? Vector<T>{} : z >= 6 ? broadcast(T(6)) : z) / 6;  // NaN stays NaN
                });
            } else if (softmax) {
                softmax_row(a);
                let_in(a, x, [](Vector<T> share) { return share; });
            } else {
                let_in(a, x, [](Vector<T> z) { return sigmoid(z); });
            }
        }
    }

    template <class F>
    ALWAYS_INLINE void let_in(T *a, T *x, F f) const {
        each<T>(D, [&](long j, auto n) {
            const Vector<T> response = scale * f(load(a + j));
            store(a + j, response, n);
            store(x + j, response * load(x + j), n);
        });
    }

    void softmax_row(T *a) const {
        T top = a[0], total = 0;
        for (long j = 1; j < D; j++) top = a[j] > top ? a[j] : top;
        each<T>(D, [&](long j, auto n) { store(a + j, exp(load(a + j) - top), n); });
        for (long j = 0; j < D; j++) total += a[j];
        each<T>(D, [&](long j, auto n) { store(a + j, load(a + j) / total, n); });
    }

    // dx holds the gradient of x~ and gets that of x, but for the product with ia; g_attention(i) is row i's gradient
    // of the response itself, or null.
    template <class F>
    void backward(const BackStep<T> &s, T *delta, T *dx, long ld_dx, F g_attention) const {
        const T inverse = scale == 0 ? T(0) : 1 / scale;
        for (long i = 0; i < s.rows; i++) {
            const T *a = s.record + i * s.ld_record, *x = s.input + i * s.ld_input + N + D, *g = g_attention(i);
            T *da = delta + i * s.ld_delta, *d = dx + i * ld_dx;
            if (hard) {
                hard_back(a, x, g, da, d);
                continue;
            }
            T mean = 0;  // of the gradient under the softmax's distribution
            if (softmax)
                for (long j = 0; j < D; j++) mean += a[j] * inverse * (d[j] * x[j] + (g ? g[j] : T(0)));
            each<T>(D, [&](long j, auto n) {
                const Vector<T> response = load(a + j);
                Vector<T> da_response = load(d + j) * load(x + j);
                if (g) da_response += load(g + j, n);
                store(da + j, response * (softmax ? da_response - mean : da_response * (1 - response * inverse)), n);
                store(d + j, load(d + j) * response, n);
            });
        }
    }

    // At its ends, as beyond them, the gate passes no gradient.
    void hard_back(const T *a, const T *x, const T *g, T *da, T *d) const {
        each<T>(D, [&](long j, auto n) {
            const Vector<T> response = load(a + j);
            Vector<T> da_response = load(d + j) * load(x + j) * (scale / 6);
            if (g) da_response += load(g + j, n) * (scale / 6);
            store(da + j, response == 0 ? Vector<T>{} : response == scale ? Vector<T>{} : da_response, n);
            store(d + j, load(d + j) * response, n);
        });
    }
};

}  // namespace attentive::ISA
