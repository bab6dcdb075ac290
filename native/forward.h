// One chunk of rows through all its steps: gate, cell, zoneout, output.
#pragma once
#include "gate.h"
#include "rows.h"
#include "rra.h"

namespace attentive::ISA {

// The steps' records, [gate | u | cell | residual] a row: one step's, or for the backward pass all of them.
template <class T, class Cell>
struct Record {
    static long cell_at(const Call<T> &call) { return Gate<T>::record_size(call); }
    static long residual_at(const Call<T> &call) { return cell_at(call) + Cell::record_size(call.N); }
    static long stride(const Call<T> &call) {
        const long size = residual_at(call) + (call.lagged ? padded<T>(call.N) : 0);
        return size * sizeof(T) % 1024 == 0 ? size + lanes<T> : size;
    }
};

template <class T, class Cell>
struct Forward {
    const Call<T> call;
    Gate<T> gate;
    Cell cell;
    Residual<T> residual;

    explicit Forward(const RecurrenceCall &raw) : call(raw), gate(call), cell(call), residual(call) {}

    void pack(Arena &arena) {
        if (call.gated) gate.pack_forward(arena);
        cell.pack_forward(arena);
    }

    struct Buffers {
        Step<T> s;
        T *old;  // the states before a step, for zoneout
        Ring<T> ring;
    };

    Buffers buffers(long R, Arena &arena) const {
        const RecurrenceCall &raw = call.raw;
        Buffers b{};
        b.s.ld_input = row_stride<T>(call.N + call.D), b.s.ld_state = row_stride<T>(call.N);
        b.s.ld_record = Record<T, Cell>::stride(call);
        b.s.input = arena.take<T>(R * b.s.ld_input);
        b.s.other = arena.take<T>(R * b.s.ld_state);
        b.s.record = arena.take<T>(raw.history && !call.short_history ? 0 : R * b.s.ld_record);
        b.old = arena.take<T>(raw.zoneout ? Cell::states * R * b.s.ld_state : 0);
        b.ring = residual.ring(R, arena);
        arena.take<T>(lanes<T>);
        return b;
    }

    void chunk(const Rows &rows, Arena arena) const {
        const RecurrenceCall &raw = call.raw;
        const long N = call.N, D = call.D, R = rows.count, B = call.B;
        const Buffers b = buffers(R, arena);
        Step<T> s = b.s;
        T *history = call.short_history ? nullptr : call.out(raw.history), *old = b.old;
        uint16_t *short_history = call.short_history ? static_cast<uint16_t *>(raw.history) : nullptr;
        const T *x = call.in(raw.x), *h_first = call.in(raw.h), *c_first = call.in(raw.c);
        T *output = call.out(raw.output), *attention = call.out(raw.attention);
        for (long i = 0; i < R; i++) {
            copy(s.input + i * s.ld_input, h_first + rows.row(i) * N, N);
            if (Cell::states > 1) copy(s.other + i * s.ld_state, c_first + rows.row(i) * N, N);
            if (call.lagged) residual.enter(b.ring, i, call.in(raw.window) + rows.row(i) * residual.window * N);
        }
        s.rows = R;
        for (long t = 0; t < rows.steps; t++) {
            s.rows = rows.running(t, s.rows);
            if (s.rows == 0) break;
            const long kept_at = (rows.first * rows.steps + t * R) * s.ld_record;
            if (history) s.record = history + kept_at;
            for (long i = 0; i < s.rows; i++) {
                const T *from = x + rows.time(t, i) * raw.x_step + rows.row(i) * raw.x_row;
                copy(s.input + i * s.ld_input + N, from, D);
                if (t + 1 < rows.length(i)) fetch(from + (rows.reverse ? -raw.x_step : raw.x_step), D);
                fetch_to_write(output + (rows.time(t, i) * B + rows.row(i)) * N, N);
            }
            if (history) fetch_to_write(s.record + R * s.ld_record, t + 1 < rows.steps ? s.rows * s.ld_record : 0);
            if (call.gated) gate.forward(s);
            if (raw.zoneout) keep_old(s, old, R);
            if (call.lagged) attend(s, b.ring, t);
            cell.forward(s, Record<T, Cell>::cell_at(call));
            if (raw.zoneout) zone_out(s, old, R, rows, t);
            if (short_history) shorten(short_history + kept_at, s.record, s.rows * s.ld_record);
            for (long i = 0; i < s.rows; i++) {
                const long at = rows.time(t, i) * B + rows.row(i);
                copy(output + at * N, s.input + i * s.ld_input, N);
                if (call.lagged) copy(b.ring.at(t, i), s.input + i * s.ld_input, N);
                if (attention) copy(attention + at * D, s.record + i * s.ld_record, D);
            }
        }
        for (long i = 0; i < R; i++) {
            const long at = rows.row(i);
            copy(call.out(raw.h_last) + at * N, s.input + i * s.ld_input, N);
            if (Cell::states > 1) copy(call.out(raw.c_last) + at * N, s.other + i * s.ld_state, N);
            if (call.lagged)
                residual.leave(b.ring, i, rows.length(i), call.out(raw.window_last) + at * residual.window * N);
            for (long t = rows.length(i); t < rows.steps; t++) {
                clear(output + (t * B + at) * N, N);
                if (attention) clear(attention + (t * B + at) * D, D);
            }
        }
    }

    void attend(Step<T> &s, const Ring<T> &ring, long t) const {
        T *a = s.record + Record<T, Cell>::residual_at(call);
        for (long i = 0; i < s.rows; i++) residual.attend(ring, i, t, a + i * s.ld_record);
        s.residual = a;
    }

    void keep_old(const Step<T> &s, T *old, long R) const {
        for (long i = 0; i < s.rows; i++) {
            copy(old + i * s.ld_state, s.input + i * s.ld_input, call.N);
            if (Cell::states > 1) copy(old + (R + i) * s.ld_state, s.other + i * s.ld_state, call.N);
        }
    }

    // state = k * old + (1 - k) * new
    void zone_out(const Step<T> &s, const T *old, long R, const Rows &rows, long t) const {
        for (long state = 0; state < Cell::states; state++)
            for (long i = 0; i < s.rows; i++) {
                const long at = (state * rows.steps + rows.time(t, i)) * call.B + rows.row(i);
                const T *keep = call.in(call.raw.zoneout) + at * call.N, *before = old + (state * R + i) * s.ld_state;
                T *now = state ? s.other + i * s.ld_state : s.input + i * s.ld_input;
                each<T>(call.N, [&](long j, auto n) {
                    const Vector<T> k = load(keep + j, n);
                    store(now + j, k * load(before + j) + (1 - k) * load(now + j), n);
                });
            }
    }
};

}  // namespace attentive::ISA
