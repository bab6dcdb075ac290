// One chunk of rows back through all its steps, and the gradients of the weights.
#pragma once
#include "forward.h"

namespace attentive::ISA {

// The rows of deltas that are gathered before the weights' gradients take them.
constexpr long flush_rows = 72, flush_rows_large = 384;

// The sums of the weights' gradients over a group of chunks, transposed: a column for each delta.
template <class T, class Cell>
struct Sums {
    long ld_h, ld_x, ld_a, ld_u, ld_own;
    T *h, *x, *a, *u, *own, *bias, *lag;

    Sums(const Call<T> &call, Arena &arena) {
        const long N = call.N, D = call.D, U = call.U, A = call.raw.ia ? U : 0;
        ld_h = row_stride<T>((Cell::deltas - Cell::first_from_h) * N + U), ld_x = row_stride<T>(Cell::blocks * N);
        ld_a = row_stride<T>(A), ld_u = row_stride<T>(D), ld_own = row_stride<T>(N);
        h = arena.take<T>(N * ld_h), x = arena.take<T>(D * ld_x), a = arena.take<T>(A ? D * ld_a : 0);
        u = arena.take<T>(call.rank * ld_u), own = arena.take<T>(Cell::own * N * ld_own);
        bias = arena.take<T>(Cell::deltas * N + call.da_after_du() + (call.gated ? D : 0));
        lag = arena.take<T>(call.raw.lags);
    }
};

template <class T, class Cell>
struct Backward {
    const Call<T> call;
    Gate<T> gate;
    Cell cell;
    Residual<T> residual;
    BackProduct<T> to_h, to_x;  // [deltas that flow to h | da or du] -> dh, [n r z] -> dx~

    explicit Backward(const RecurrenceCall &raw)
        : call(raw),
          gate(call),
          cell(call),
          residual(call),
          to_h(call.N, call.in(raw.hh), (Cell::deltas - Cell::first_from_h) * call.N, call.in(raw.ha),
               call.U),
          to_x(call.D, call.in(raw.ih) + first_torch_row() * call.D, Cell::blocks * call.N - first_torch_row(),
               call.in(raw.ih), first_torch_row()) {}

    // The row of torch's ih whose delta stands first: the candidate's block where it leads.
    long first_torch_row() const { return Cell::first_from_h * (Cell::blocks - 1) * call.N; }
    bool wants_dx() const { return call.gated || call.raw.g_x; }

    void pack(Arena &arena) {
        to_h.pack(arena);
        if (wants_dx()) to_x.pack(arena);
        if (call.gated) gate.pack_backward(arena, call.raw.g_x);
        cell.pack_backward(arena);
    }

    struct Buffers {
        BackStep<T> s;
        T *deltas, *inputs, *dx, *kept;
        T *record, *former;  // of a short history: a step's, and a row of the output
        long ld_dx, gathered, capacity, width;  // width: of the columns of `inputs` before the cell's own
        Ring<T> ring;
        double *d_lag;  // the gradients of the lags' weights
        Pair *short_inputs, *short_deltas;  // the gathered rows in pairs, for short products
    };

    Buffers buffers(long R, Arena &arena) const {
        const long N = call.N, D = call.D, G = call.gated ? D : 0;
        Buffers b{};
        b.width = N + D + G + call.rank;
        b.capacity = larger(large_weights(D, N) ? flush_rows_large : flush_rows, R);
        b.s.ld_input = row_stride<T>(b.width + Cell::own * N);
        b.s.ld_delta = row_stride<T>(Cell::deltas * N + call.da_after_du() + G);
        b.s.ld_state = row_stride<T>(N), b.ld_dx = row_stride<T>(D);
        b.inputs = arena.take<T>(b.capacity * b.s.ld_input);
        b.deltas = arena.take<T>(b.capacity * b.s.ld_delta);
        b.s.dh = arena.take<T>(R * b.s.ld_state);
        b.s.dc = arena.take<T>(Cell::states > 1 ? R * b.s.ld_state : 0);
        b.dx = arena.take<T>(R * b.ld_dx);
        b.kept = arena.take<T>(call.raw.zoneout ? Cell::states * R * b.s.ld_state : 0);
        b.record = arena.take<T>(call.short_history ? R * Record<T, Cell>::stride(call) : 0);
        b.former = arena.take<T>(call.short_history ? N : 0);
        b.ring = residual.ring(R, arena);
        b.d_lag = arena.take<double>(residual.K);
        const long pairs = call.raw.short_products ? (b.capacity + 1) / 2 : 0;
        b.short_inputs = arena.take<Pair>(pairs * b.s.ld_input + lanes<float>);
        b.short_deltas = arena.take<Pair>(pairs * b.s.ld_delta + lanes<float>);
        arena.take<T>(lanes<T>);
        return b;
    }

    void chunk(const Rows &rows, Arena arena, const Sums<T, Cell> &sums) const {
        const RecurrenceCall &raw = call.raw;
        const long N = call.N, D = call.D, R = rows.count;
        Buffers b = buffers(R, arena);
        clear(arena.base, arena.used);  // what no gradient reaches is zero, and so is what pads the rows
        BackStep<T> &s = b.s;
        s.ld_record = Record<T, Cell>::stride(call);
        const long cell_at = Record<T, Cell>::cell_at(call), from_h = Cell::first_from_h * N,
                   gate_at = Cell::deltas * N, da_at = gate_at + call.da_after_du();

        for (long i = 0; i < R; i++) {
            const long at = rows.row(i) * N;
            if (raw.g_h_last) copy(s.dh + i * s.ld_state, call.in(raw.g_h_last) + at, N);
            if (Cell::states > 1 && raw.g_c_last) copy(s.dc + i * s.ld_state, call.in(raw.g_c_last) + at, N);
        }
        for (long t = rows.length(0) - 1; t >= 0; t--) {
            s.rows = rows.running(t, R);
            if (b.gathered + s.rows > b.capacity) flush(b, sums);
            remember(b, (rows.first * rows.steps + t * R) * s.ld_record, t ? R * s.ld_record : 0);
            s.input = b.inputs + b.gathered * s.ld_input, s.own = s.input + b.width;
            s.delta = b.deltas + b.gathered * s.ld_delta;
            gather(b, rows, t);
            if (call.lagged) attend_back(b, rows, t);
            if (raw.zoneout) split_zoned(b, rows, t);
            cell.backward(s, cell_at);
            if (wants_dx()) to_x.apply(s.rows, s.delta, s.ld_delta, b.dx, b.ld_dx, false);
            if (call.gated)
                gate.backward(s, s.delta + da_at, b.dx, b.ld_dx, [&](long i) {
                    const T *g = call.in(raw.g_attention);
                    return g ? g + (rows.time(t, i) * call.B + rows.row(i)) * D : nullptr;
                });
            if (call.rank)
                gate.to_rank.apply(s.rows, s.delta + da_at, s.ld_delta, s.delta + gate_at, s.ld_delta, false);
            to_h.apply(s.rows, s.delta + from_h, s.ld_delta, s.dh, s.ld_state, true);
            if (raw.zoneout) add_kept(b, R);
            if (raw.g_x) {
                if (raw.ia) gate.to_input.apply(s.rows, s.delta + gate_at, s.ld_delta, b.dx, b.ld_dx, true);
                for (long i = 0; i < s.rows; i++)
                    copy(call.out(raw.g_x) + (rows.time(t, i) * call.B + rows.row(i)) * D, b.dx + i * b.ld_dx, D);
            }
            b.gathered += s.rows;
        }
        flush(b, sums);
        for (long i = 0; i < R; i++) {
            const long at = rows.row(i);
            if (raw.g_h) copy(call.out(raw.g_h) + at * N, s.dh + i * s.ld_state, N);
            if (raw.g_c) copy(call.out(raw.g_c) + at * N, s.dc + i * s.ld_state, N);
            for (long k = 0; k < residual.window; k++) {  // the outputs before the first step
                const long place = (at * residual.window + k) * N;
                T *d = s.dh + i * s.ld_state;
                clear(d, N);
                attend_back(b, rows, -1 - k, i, call.in(raw.window) + place, d);
                if (raw.g_window) copy(call.out(raw.g_window) + place, d, N);
            }
            for (long t = rows.length(i); raw.g_x && t < rows.steps; t++)
                clear(call.out(raw.g_x) + (t * call.B + at) * D, D);
        }
        for (long k = 0; k < residual.K; k++) sums.lag[k] += T(b.d_lag[k]);
    }

    // A row of the output, which is short as the history is.
    void recall(T *to, long at) const {
        if (call.short_history)
            widen(to, static_cast<const uint16_t *>(call.raw.output) + at, call.N);
        else
            copy(to, call.in(call.raw.output) + at, call.N);
    }

    // The step's records, which lie at `at` in the history; those of the step before, `ago` earlier, are on their way.
    void remember(Buffers &b, long at, long ago) const {
        const long count = b.s.rows * b.s.ld_record;
        if (call.short_history) {
            const uint16_t *history = static_cast<const uint16_t *>(call.raw.history) + at;
            widen(b.record, history, count);
            b.s.record = b.record;
            if (ago) fetch(history - ago, count);
        } else {
            b.s.record = call.in(call.raw.history) + at;
            if (ago) fetch(b.s.record - ago, count);
        }
    }

    // dh of all rows of step t, and where their da goes.
    void attend_back(Buffers &b, const Rows &rows, long t) const {
        b.s.residual = b.s.record + Record<T, Cell>::residual_at(call), b.s.d_residual = b.ring.at(t, 0);
        for (long i = 0; i < b.s.rows; i++) {
            const long at = (rows.time(t, i) * call.B + rows.row(i)) * call.N;
            if (call.short_history) recall(b.former, at);
            const T *h = call.short_history ? b.former : call.in(call.raw.output) + at;
            attend_back(b, rows, t, i, h, b.s.dh + i * b.s.ld_state);
        }
    }
    // What later steps and the last window pass back to the output h of a row's step t, before the first if t < 0.
    void attend_back(const Buffers &b, const Rows &rows, long t, long i, const T *h, T *dh) const {
        const long N = call.N, ago = rows.length(i) - 1 - t;  // its place in the last window
        residual.attend_back(b.ring, i, t, h, dh, b.d_lag);
        if (!call.raw.g_window_last || ago >= residual.window) return;
        const T *g = call.in(call.raw.g_window_last) + (rows.row(i) * residual.window + ago) * N;
        each<T>(N, [&](long j, auto n) { store(dh + j, load(dh + j) + load(g + j, n), n); });
    }

    // [h_{t-1} | x~ | x | u] of the step's rows, and the output's gradient onto dh.
    void gather(const Buffers &b, const Rows &rows, long t) const {
        const RecurrenceCall &raw = call.raw;
        const long N = call.N, D = call.D;
        const BackStep<T> &s = b.s;
        for (long i = 0; i < s.rows; i++) {
            const long row = rows.row(i), time = rows.time(t, i);
            T *input = s.input + i * s.ld_input, *x = input + N + (call.gated ? D : 0), *dh = s.dh + i * s.ld_state;
            if (t)
                recall(input, (rows.time(t - 1, i) * call.B + row) * N);
            else
                copy(input, call.in(raw.h) + row * N, N);
            const T *from = call.in(raw.x) + time * raw.x_step + row * raw.x_row;
            copy(x, from, D);
            const long before = rows.reverse ? 1 : -1;
            if (t) fetch(from + before * raw.x_step, D);
            if (t > 1 && !call.short_history)
                fetch(call.in(raw.output) + ((time + 2 * before) * call.B + row) * N, N);
            if (call.gated) {
                const T *a = s.record + i * s.ld_record;
                each<T>(D, [&](long j, auto n) { store(input + N + j, load(a + j) * load(x + j), n); });
                copy(x + D, a + Gate<T>::u_at(call), call.rank);
            }
            if (!raw.g_output) continue;
            const T *g = call.in(raw.g_output) + time * raw.g_output_step + row * raw.g_output_row;
            each<T>(N, [&](long j, auto n) { store(dh + j, load(dh + j) + load(g + j, n), n); });
            if (t) fetch(g + before * raw.g_output_step, N);
        }
    }

    // The share k of the gradient that passes the cell by is set aside; the cell gets 1 - k of it.
    void split_zoned(const Buffers &b, const Rows &rows, long t) const {
        const BackStep<T> &s = b.s;
        for (long state = 0; state < Cell::states; state++)
            for (long i = 0; i < s.rows; i++) {
                const long at = (state * rows.steps + rows.time(t, i)) * call.B + rows.row(i);
                const T *keep = call.in(call.raw.zoneout) + at * call.N;
                T *d = (state ? s.dc : s.dh) + i * s.ld_state, *kept = b.kept + (state * rows.count + i) * s.ld_state;
                each<T>(call.N, [&](long j, auto n) {
                    const Vector<T> k = load(keep + j, n), g = load(d + j);
                    store(kept + j, k * g, n);
                    store(d + j, (1 - k) * g, n);
                });
            }
    }
    void add_kept(const Buffers &b, long R) const {
        const BackStep<T> &s = b.s;
        for (long state = 0; state < Cell::states; state++)
            for (long i = 0; i < s.rows; i++) {
                T *d = (state ? s.dc : s.dh) + i * s.ld_state, *kept = b.kept + (state * R + i) * s.ld_state;
                each<T>(call.N, [&](long j, auto n) { store(d + j, load(d + j) + load(kept + j), n); });
            }
    }

    void flush(Buffers &b, const Sums<T, Cell> &sums) const {
        const long N = call.N, D = call.D, K = b.gathered, ldi = b.s.ld_input, ldd = b.s.ld_delta;
        const long from_h = Cell::first_from_h * N, gate_at = Cell::deltas * N, da_at = gate_at + call.da_after_du();
        if constexpr (has_short<T>)
            if (call.raw.short_products) {
                pair_rows(b.short_inputs, b.inputs, ldi, K);
                pair_rows(b.short_deltas, b.deltas, ldd, K);
            }
        const auto add = [&](long rows, long cols, const T *input, const T *delta, T *to, long ld) {
            if constexpr (has_short<T>)
                if (call.raw.short_products)
                    return short_add_transposed(rows, cols, (K + 1) / 2, b.short_inputs + (input - b.inputs), ldi,
                                                b.short_deltas + (delta - b.deltas), ldd, to, ld,
                                                to_h.panels.threads);
            if (large_weights(D, N))
                add_transposed_far(rows, cols, K, input, ldi, delta, ldd, to, ld, to_h.panels.threads);
            else
                add_transposed(rows, cols, K, input, ldi, delta, ldd, to, ld);
        };
        add(N, gate_at - from_h + call.U, b.inputs, b.deltas + from_h, sums.h, sums.ld_h);
        add(D, Cell::blocks * N, b.inputs + N, b.deltas, sums.x, sums.ld_x);
        if (call.raw.ia) add(D, call.U, b.inputs + N + D, b.deltas + gate_at, sums.a, sums.ld_a);
        if (call.rank) add(call.rank, D, b.inputs + N + 2 * D, b.deltas + da_at, sums.u, sums.ld_u);
        if (Cell::own) add(N, N, b.inputs + b.width, b.deltas, sums.own, sums.ld_own);
        add_columns(call.gated ? da_at + D : gate_at, K, b.deltas, ldd, sums.bias);
        b.gathered = 0;
    }

    // to (rows, depth) = from (depth, rows) transposed, some rows that share cache lines at a time
    static void transpose(T *to, const T *from, long ld, long rows, long depth) {
        constexpr long line = 64 / sizeof(T);
        for (long first = 0; to && first < rows; first += line)
            for (long k = 0; k < depth; k++)
                for (long row = first; row < smaller(first + line, rows); row++) to[row * depth + k] = from[k * ld + row];
    }

    // The sums into torch's tensors: the block whose delta leads is torch's last.
    void finish(const Sums<T, Cell> &sums) const {
        const RecurrenceCall &raw = call.raw;
        const long N = call.N, D = call.D, rows = Cell::blocks * N, leading = Cell::first_from_h * N;
        const long from_h = Cell::deltas * N - leading;
        T *g_hh = call.out(raw.g_hh), *g_ih = call.out(raw.g_ih);
        transpose(g_hh, sums.h, sums.ld_h, from_h, N);
        if (Cell::own && g_hh) transpose(g_hh + from_h * N, sums.own, sums.ld_own, N, N);
        transpose(g_ih, sums.x + leading, sums.ld_x, rows - leading, D);
        if (g_ih) transpose(g_ih + (rows - leading) * D, sums.x, sums.ld_x, leading, D);
        for (long row = 0; row < rows; row++) {
            if (raw.g_b_ih) call.out(raw.g_b_ih)[row] = sums.bias[(row + leading) % rows];
            if (raw.g_b_hh) call.out(raw.g_b_hh)[row] = sums.bias[leading + row];
        }
        if (raw.g_lag) copy(call.out(raw.g_lag), sums.lag, residual.K);
        if (!call.gated) return;
        transpose(call.out(raw.g_ha), sums.h + from_h, sums.ld_h, call.U, N);
        transpose(call.out(raw.g_ia), sums.a, sums.ld_a, call.U, D);
        transpose(call.out(raw.g_ua), sums.u, sums.ld_u, D, call.rank);
        if (raw.g_b_a) copy(call.out(raw.g_b_a), sums.bias + Cell::deltas * N + call.da_after_du(), D);
    }
};

}  // namespace attentive::ISA
