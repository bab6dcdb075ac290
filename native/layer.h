// What every recurrence is given: the sizes and tensors of a call, its weights ready for products, its buffers.
#pragma once
#include "abi.h"
#include "matmul.h"

namespace attentive::ISA {

// Hands out parts of one block of memory; with no block it only counts, so that one function both sizes and fills.
struct Arena {
    char *base = nullptr;
    long used = 0;
    long threads = 1;  // that share a product with the weights packed here
    bool is_short = false;  // whether these products are short
    template <class T>
    T *take(long count) {
        T *part = base ? reinterpret_cast<T *>(base + used) : nullptr;
        used += (count * long(sizeof(T)) + 63) / 64 * 64;
        return part;
    }
};

// A distance between rows that does not put every row on the same few cache lines.
template <class T>
ALWAYS_INLINE long row_stride(long count) {
    const long stride = padded<T>(count) + lanes<T>;
    return stride * sizeof(T) % 1024 == 0 ? stride + 64 / long(sizeof(T)) : stride;
}

// A call in the scalar type it is made in.
template <class T>
struct Call {
    const RecurrenceCall &raw;
    const long T_, B, D, N;
    const bool gated, lagged, short_history;
    const long rank, U;  // of the gate: r or 0, and the rows of ia and ha, r or D; without a gate both 0
    explicit Call(const RecurrenceCall &call)
        : raw(call), T_(call.steps), B(call.rows), D(call.inputs), N(call.units),
          gated(call.gate != GATE_NONE), lagged(call.lags > 0), short_history(has_short<T> && call.short_history),
          rank(gated ? call.gate_rank : 0), U(rank ? rank : gated ? D : 0) {}

    // Where a gate's da stands behind its du, for products write whole vectors.
    long da_after_du() const { return rank ? padded<T>(rank) : 0; }

    static const T *in(const void *tensor) { return static_cast<const T *>(tensor); }
    static T *out(void *tensor) { return static_cast<T *>(tensor); }
};

// Rows of [hh | ih] (or of only one of them), for y = bias + [h | x~] W^T. Few products are done from the weights as
// torch keeps them, many from panels.
template <class T>
struct Product {
    const T *hh, *ih, *bias, *bias2;
    long n, d, cols;  // columns of hh and of ih, 0 where it is not read; rows
    long from;        // where in [h | x~] the columns start
    Panels<T> panels;

    Product(const T *hh, long n, const T *ih, long d, long cols, long from, const T *bias, const T *bias2 = nullptr)
        : hh(hh), ih(ih), bias(bias), bias2(bias2), n(n), d(d), cols(cols), from(from) {}

    ALWAYS_INLINE T bias_of(long col) const { return (bias ? bias[col] : T(0)) + (bias2 ? bias2[col] : T(0)); }

    void pack(Arena &arena) {
        const long depth = n + d, width = panel_width<T>;
        T *to = arena.take<T>(Panels<T>::size(depth, cols));
        panels = {to, depth, cols, arena.threads};
        if (!to) return;
        T *const start = to;
        for (long first = 0; first < cols; first += width, to += (1 + depth) * width) {
            const long used = smaller(width, cols - first);
            clear(to, (1 + depth) * width);
            for (long j = 0; j < used; j++) to[j] = bias_of(first + j);
            transpose(to + width, hh + first * n, n, used);
            transpose(to + (1 + n) * width, ih + first * d, d, used);
        }
        if (arena.is_short) panels.shorten(start);
    }

    // to (depth, width), its first `cols` columns the rows of `from` (cols, depth), a cache line of each row at a time
    static void transpose(T *to, const T *from, long depth, long cols) {
        constexpr long line = 64 / sizeof(T);
        for (long first = 0; first < depth; first += line)
            for (long j = 0; j < cols; j++)
                for (long k = first; k < smaller(first + line, depth); k++)
                    to[k * panel_width<T> + j] = from[j * depth + k];
    }

    void apply(long rows, const T *input, long ld, T *y, long ldy) const {
        if (panels.data) return matmul(rows, input + from, ld, panels, y, ldy, false);
        for (long i = 0; i < rows; i++) apply_unpacked(input + i * ld + from, y + i * ldy);
    }

    void apply_unpacked(const T *input, T *y) const {
        long col = 0;
        for (; col + 4 <= cols; col += 4) {
            Vector<T> acc[4]{};
            add_dots<4>(acc, col, input);
            T total[4];
            sums<T>(acc, total);
            for (long c = 0; c < 4; c++) y[col + c] = total[c] + bias_of(col + c);
        }
        for (; col < cols; col++) {
            Vector<T> acc[1]{};
            add_dots<1>(acc, col, input);
            y[col] = sum<T>(acc[0]) + bias_of(col);
        }
    }

    template <int C>
    ALWAYS_INLINE void add_dots(Vector<T> *acc, long col, const T *input) const {
        const auto add = [&](const T *w, long depth, const T *in) {
            each<T>(depth, [&](long k, auto some) {
                const Vector<T> v = load(in + k, some);
#pragma GCC unroll 4
                for (int c = 0; c < C; c++) acc[c] += v * load(w + c * depth + k, some);
            });
        };
        add(hh + col * n, n, input);
        add(ih + col * d, d, input + n);
    }
};

// One or two blocks of rows of torch's weights below each other, for gradients that flow back through a product:
// y = delta W.
template <class T>
struct BackProduct {
    const T *first, *second;
    long rows1, rows2, cols;
    Panels<T> panels;

    BackProduct(long cols, const T *first, long rows1, const T *second = nullptr, long rows2 = 0)
        : first(first), second(second), rows1(rows1), rows2(rows2), cols(cols) {}

    void pack(Arena &arena) {
        const long depth = rows1 + rows2, width = panel_width<T>;
        T *to = arena.take<T>(Panels<T>::size(depth, cols));
        panels = {to, depth, cols, arena.threads};
        if (!to) return;
        T *const start = to;
        for (long from = 0; from < cols; from += width) {
            const long used = smaller(width, cols - from);
            clear(to, width);
            to += width;
            for (long k = 0; k < depth; k++, to += width) {
                const T *row = k < rows1 ? first + k * cols : second + (k - rows1) * cols;
                copy(to, row + from, used);
                clear(to + used, width - used);
            }
        }
        if (arena.is_short) panels.shorten(start);
    }

    void apply(long rows, const T *delta, long ld, T *y, long ldy, bool accumulate) const {
        matmul(rows, delta, ld, panels, y, ldy, accumulate);
    }
};

// One step of the rows of a chunk that still run, forward. Strides are those of the chunk's buffers.
template <class T>
struct Step {
    long rows;
    T *input;  // rows [h | x~]: h is h_{t-1} before the cell, h_t after it
    long ld_input;
    T *record;  // what the backward pass needs: the gate's response, then the cell's
    long ld_record;
    T *other;  // rows of the LSTM's second state, or of h_{t-1} while r h_{t-1} stands in its place
    long ld_state;
    const T *residual;  // rows of a_t in the record, or null

    // What stands inside the cell's last tanh.
    ALWAYS_INLINE Vector<T> with_residual(Vector<T> pre, long row, long j) const {
        return residual ? pre + load(residual + row * ld_record + j) : pre;
    }
};

// The same step backward.
template <class T>
struct BackStep {
    long rows;
    const T *record;
    long ld_record;
    T *input;  // rows [h_{t-1} | x~ | x | the cell's own], kept for the weights' gradients
    long ld_input;
    T *delta;  // the gradients of the pre-activations, [cell | gate]
    long ld_delta;
    T *dh, *dc;  // in: of the new state; out: of the old state, but for the product with hh
    long ld_state;
    T *own;  // where in `input` the cell's own columns start
    const T *residual;  // as forward
    T *d_residual;      // rows of its gradient, at ld_state, or null

    ALWAYS_INLINE Vector<T> with_residual(Vector<T> pre, long row, long j) const {
        return residual ? pre + load(residual + row * ld_record + j) : pre;
    }
    template <class Count>
    ALWAYS_INLINE void give_residual(Vector<T> gradient, long row, long j, Count n) const {
        if (d_residual) store(d_residual + row * ld_state + j, gradient, n);
    }
};

}  // namespace attentive::ISA
