// Residual attention over time: a_t = sum_k w_k h_{t-k}, k = first .. first + K - 1, is added inside the cell's last
// tanh; the outputs before the first step are the window's. Backward, with da_t the gradient of a_t:
// dh_t = ... + sum_k w_k da_{t+k} and dw_k = sum_t <h_t, da_{t+k}>, so that only the last da's are kept.
#pragma once
#include "layer.h"

namespace attentive::ISA {

// The last W vectors of each row of a chunk, h_{t-1} .. h_{t-W} or da_{t+1} .. da_{t+W}, each step in its slot.
template <class T>
struct Ring {
    T *data = nullptr;
    long window = 0, rows = 0, ld = 0;

    Ring() = default;
    Ring(long window, long rows, long ld, Arena &arena)
        : data(arena.take<T>(window * rows * ld)), window(window), rows(rows), ld(ld) {}

    ALWAYS_INLINE T *at(long step, long row) const {  // step >= -window
        return data + ((step + window) % window * rows + row) * ld;
    }
};

template <class T>
struct Residual {
    const long N, K, first, window;
    const T *weights;

    explicit Residual(const Call<T> &call)
        : N(call.N),
          K(call.raw.lags),
          first(call.raw.first_lag),
          window(K ? K + first - 1 : 0),
          weights(call.in(call.raw.lag)) {}

    Ring<T> ring(long rows, Arena &arena) const { return {window, K ? rows : 0, row_stride<T>(N), arena}; }

    // A row's window (W, N), the latest output first, into or out of the ring before step t.
    void enter(const Ring<T> &ring, long row, const T *from) const {
        for (long k = 1; k <= window; k++) copy(ring.at(-k, row), from + (k - 1) * N, N);
    }
    void leave(const Ring<T> &ring, long row, long t, T *to) const {
        for (long k = 1; k <= window; k++) copy(to + (k - 1) * N, ring.at(t - k, row), N);
    }

    // a_t of a row.
    void attend(const Ring<T> &ring, long row, long t, T *a) const {
        clear(a, N);
        for (long k = 0; k < K; k++) {
            const T *h = ring.at(t - first - k, row);
            each<T>(N, [&](long j, auto n) { store(a + j, load(a + j) + weights[k] * load(h + j), n); });
        }
    }

    // dh += sum_k w_k da_{t+k}, dw_k += <h, da_{t+k}>, for h = h_t of a row.
    void attend_back(const Ring<T> &ring, long row, long t, const T *h, T *dh, double *dw) const {
        for (long k = t < -first ? -first - t : 0; k < K; k++) {  // there is no da before the first step
            const T *da = ring.at(t + first + k, row);
            Vector<T> dot{};
            each<T>(N, [&](long j, auto n) {
                dot += load(h + j, n) * load(da + j, n);
                store(dh + j, load(dh + j) + weights[k] * load(da + j), n);
            });
            dw[k] += double(sum<T>(dot));
        }
    }
};

}  // namespace attentive::ISA
