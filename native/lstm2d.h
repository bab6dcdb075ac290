// The 2-D LSTM: s_ij = P_ij + K_left h_{i,j-1} + K_up h_{i-1,j}, then the LSTM's gates with c_{i,j-1}.
// Cell (i, k - i) of a map is worked on at step k. A step's cells depend on those of the step before only, so they are
// the rows of one product, over several maps where the diagonals are short.
#pragma once
#include "job.h"
#include "lstm_tile.h"

namespace attentive::ISA {

// A few maps as one direction sees them. Row q of a step is cell (i, k - i) of map m, q = (i - top) * count + m.
struct Maps {
    const Lstm2dCall &call;
    const long r, first, count;
    const long H = call.height, W = call.width, R = call.directions, steps = H + W - 1;

    long top(long k) const { return larger(0, k - W + 1); }
    long rows(long k) const { return (smaller(k + 1, H) - top(k)) * count; }

    // Cells stand in a tensor (B, H, W, R); directions 1 and 3 see the rows reversed, 1 and 2 the columns. The ways from a
    // cell to the next of its row and of its column:
    long along() const { return r == 1 || r == 2 ? -R : R; }
    long down() const { return r % 2 ? -W * R : W * R; }

    // f(row, cell, i, j) for the cells of step k.
    template <class F>
    ALWAYS_INLINE void each_cell(long k, F f) const {
        const long corner = (down() < 0 ? (H - 1) * W * R : 0) + (along() < 0 ? (W - 1) * R : 0) + r;
        long row = 0;
        for (long i = top(k), end = smaller(k + 1, H); i < end; i++)
            for (long m = 0; m < count; m++)
                f(row++, (first + m) * H * W * R + corner + i * down() + (k - i) * along(), i, k - i);
    }
};

// The maps cut into groups whose diagonals make products of some height. The cut depends on the sizes alone.
struct MapPlan : Cut {
    long groups;  // of chunks whose gradients are summed, a direction

    explicit MapPlan(const Lstm2dCall &call) : Cut(call.maps, chunks_for(call)), groups(smaller(chunks, 16)) {}

    static long chunks_for(const Lstm2dCall &call) {
        constexpr long height = 64;
        const long diagonal = larger(1, call.height * call.width / (call.height + call.width - 1));
        return larger(1, smaller((call.maps * diagonal + height - 1) / height, call.maps));
    }
    Maps maps(const Lstm2dCall &call, long r, long chunk) const { return {call, r, first(chunk), count(chunk)}; }
};

template <class T>
struct Lstm2d {
    const Lstm2dCall &call;
    const bool back;
    const long N, inputs, ld, ld_state, ld_record;  // inputs: of a cell's product; strides in numbers
    GatePanels<T> taps[4];
    Panels<T> left[4], up[4];

    Lstm2d(const Lstm2dCall &call, bool back)
        : call(call), back(back), N(call.units), inputs(call.up ? 2 * N : N), ld(row_stride<T>(N + padded<T>(N))),
          ld_state(padded<T>(N)), ld_record(record_size(N)) {}

    static long record_size(long N) { return padded<T>(N) / lanes<T> * LstmUnits<T>::size; }
    static const T *in(const void *tensor) { return static_cast<const T *>(tensor); }
    static T *out(void *tensor) { return static_cast<T *>(tensor); }

    // Panels of every direction's weights, for y = [h_left | h_up] [K_left | K_up]^T forward and y = delta K backward.
    void pack(Arena &arena) {
        for (long r = 0; r < call.directions; r++) {
            const T *K_left = in(call.left) + r * 4 * N * N, *K_up = call.up ? in(call.up) + r * 4 * N * N : nullptr;
            if (back) {
                left[r] = back_panels(arena, K_left);
                if (K_up) up[r] = back_panels(arena, K_up);
                continue;
            }
            taps[r].pack(arena, N, K_left, K_up);
        }
    }
    void buffers(long maps, Arena &count) const {
        const Maps widest{call, 0, 0, maps};
        back ? backward(widest, count, nullptr) : forward(widest, count);
    }
    Panels<T> back_panels(Arena &arena, const T *weight) const {
        BackProduct<T> product(N, weight, 4 * N);
        product.pack(arena);
        return product.panels;
    }

    // Zeros for all rows of the maps and one more: row i of map m at i * count + m.
    T *zeros(long count, long stride, Arena &arena) const {
        const long numbers = (call.height + 1) * count * stride;
        T *part = arena.take<T>(numbers + lanes<T>);
        if (part) clear(part, numbers + lanes<T>);
        return part;
    }
    long most_rows(long count) const { return smaller(call.height, call.width) * count; }
    T *history(const Maps &maps) const {
        return out(call.history) + (maps.r * call.maps + maps.first) * maps.H * maps.W * ld_record;
    }

    void forward(const Maps &maps, Arena &arena) const {
        const long M = maps.count;
        T *h[2], *c = zeros(M, ld_state, arena);
        for (T *&step : h) step = zeros(M, ld_state, arena);  // the last step's and this one's, below zeros for row -1
        long *cells = arena.take<long>(most_rows(M));
        const T **p = arena.take<const T *>(most_rows(M));
        if (!arena.base) return;
        T *kept = call.history ? history(maps) : nullptr;
        for (long k = 0; k < maps.steps; k++) {
            const long first = maps.top(k) * M;
            const T *old = h[k % 2] + (M + first) * ld_state;
            T *own = h[1 - k % 2] + (M + first) * ld_state;
            maps.each_cell(k, [&](long row, long cell, long, long) {
                cells[row] = cell;
                p[row] = in(call.p) + cell * 4 * N;
            });
            each_slice(maps.rows(k), [&](long from, long rows) {
                const T *left = old + from * ld_state, *up = call.up ? left - M * ld_state : nullptr;
                T *h = own + from * ld_state, *c_own = c + (first + from) * ld_state;
                LstmRows<T>{N, rows, p + from, left, up, h, c_own, ld_state, kept, taps[maps.r]}.run();
                if (kept) kept += rows * ld_record;
                for (long row = 0; row < rows; row++, h += ld_state) {
                    stream(out(call.h) + cells[from + row] * N, h, N);
                    fetch(p[from + row] + maps.along() * 4 * N, 4 * N);
                }
            });
        }
        settle();
    }

    // f(first row, rows): so few that what the next step reads is fetched while their products are done.
    template <class F>
    ALWAYS_INLINE static void each_slice(long rows, F f) {
        constexpr long slice = 2 * tile_rows;
        for (long row = 0; row < rows; row += slice) f(row, smaller(slice, rows - row));
    }

    // The weights' gradients of one direction over some maps, transposed: rows [left | up], a column for each delta.
    long ld_sums() const { return row_stride<T>(4 * N); }

    void backward(const Maps &maps, Arena &arena, T *sums) const {
        constexpr long flush_rows = 72;
        const long M = maps.count, ld_input = row_stride<T>(inputs);
        const long capacity = larger(flush_rows, most_rows(M)), ld_delta = row_stride<T>(4 * N);
        T *d_past = zeros(M, ld, arena), *dc = zeros(M, ld_state, arena);  // rows [dh_left | dh_up]
        T *input = arena.take<T>(capacity * ld_input + lanes<T>), *delta = arena.take<T>(capacity * ld_delta + lanes<T>);
        long *cells = arena.take<long>(most_rows(M));
        if (!arena.base) return;
        clear(delta, capacity * ld_delta + lanes<T>);  // what pads the rows is zero
        const T *record = history(maps) + M * maps.H * maps.W * ld_record, *g_h = in(call.g_h);
        long gathered = 0;
        const auto flush = [&] {
            if (sums) add_transposed(inputs, 4 * N, gathered, input, ld_input, delta, ld_delta, sums, ld_sums());
            gathered = 0;
        };
        for (long k = maps.steps - 1; k >= 0; k--) {
            const long first = maps.top(k) * M, rows = maps.rows(k);
            if (gathered + rows > capacity) flush();
            record -= rows * ld_record;
            T *own_input = input + gathered * ld_input, *own_delta = delta + gathered * ld_delta;
            maps.each_cell(k, [&](long row, long cell, long i, long j) {
                cells[row] = cell;
                if (!sums) return;
                past(j > 0, cell - maps.along(), own_input + row * ld_input);
                if (call.up) past(i > 0, cell - maps.down(), own_input + row * ld_input + N);
            });
            const T *next = k ? record - maps.rows(k - 1) * ld_record : record;
            each_slice(rows, [&](long from, long rows) {
                T *d = own_delta + from * ld_delta, *d_own = d_past + (first + from) * ld;
                deltas(rows, record + from * ld_record, next + from * ld_record, cells + from, d_own,
                       d_own + M * ld + N, dc + (first + from) * ld_state, d, ld_delta);
                if (call.g_p)
                    for (long row = 0; row < rows; row++)
                        stream(out(call.g_p) + cells[from + row] * 4 * N, d + row * ld_delta, 4 * N);
                matmul(rows, d, ld_delta, left[maps.r], d_own, ld, false);
                if (call.up) matmul(rows, d, ld_delta, up[maps.r], d_own + N, ld, false);
                for (long row = from; row < from + rows; row++) {
                    fetch(g_h + (cells[row] - maps.along()) * N, N);
                    fetch(in(call.h) + (cells[row] - 2 * maps.along()) * N, N);
                }
            });
            gathered += rows;
        }
        flush();
        settle();
    }

    // The gradients of some cells' pre-activations, from those of h by the output and by the cells to the right and
    // below; meanwhile as much of the record of the step to come is fetched.
    void deltas(long rows, const T *record, const T *next, const long *cells, const T *d_left, const T *d_up, T *dc,
                T *delta, long ld_delta) const {
        constexpr long size = LstmUnits<T>::size;
        each<T>(N, [&](long j, auto n) {
            for (long row = 0; row < rows; row++, record += size, next += size) {
                const auto units = LstmUnits<T>::kept(record);
                T *dc_at = dc + row * ld_state + j, *to = delta + row * ld_delta + j;
                fetch(next, size);
                const Vector<T> g_h = load(in(call.g_h) + cells[row] * N + j, n) + load(d_left + row * ld + j, n) +
                                      load(d_up + row * ld + j, n);
                const Vector<T> tanh_c = tanh(units.c()), g_c = load(dc_at) + g_h * units.o * (1 - tanh_c * tanh_c);
                units.each_delta(tanh_c, g_h, g_c, [&](long block, Vector<T> d) { store(to + block * N, d, n); });
                store(dc_at, g_c * units.f);
            }
        });
    }

    // h of a neighbour, zero where there is none.
    void past(bool inside, long cell, T *to) const {
        if (!inside) return clear(to, N);
        copy(to, in(call.h) + cell * N, N);
    }

    void finish(long r, const T *sums) const {
        for (long row = 0; row < 4 * N; row++)
            for (long q = 0; q < N; q++) {
                const long to = (r * 4 * N + row) * N + q;
                if (call.g_left) out(call.g_left)[to] = sums[q * ld_sums() + row];
                if (call.g_up) out(call.g_up)[to] = sums[(N + q) * ld_sums() + row];
            }
    }
};

inline long threads_for(const Lstm2dCall &call) {
    const double cells = double(call.maps) * double(call.height) * double(call.width) * double(call.directions);
    return cells * 8.0 * double(call.units) * double(call.units) < 4e6 ? 1 : larger(1, call.threads);
}

// Passes over all maps in all directions; tasks are numbered direction by direction.
template <class T>
int lstm2d_forward(const Lstm2dCall &call) {
    Job<Lstm2d<T>, MapPlan> job(Lstm2d<T>(call, false), MapPlan(call), threads_for(call));
    if (!job.prepare(true)) return 1;
    const long chunks = job.plan.chunks;
    share(call.directions * chunks, job.threads, [&](long task, long thread) {
        Arena arena = job.arena(thread);
        job.pass.forward(job.plan.maps(call, task / chunks, task % chunks), arena);
    });
    return 0;
}

template <class T>
int lstm2d_backward(const Lstm2dCall &call) {
    Job<Lstm2d<T>, MapPlan> job(Lstm2d<T>(call, true), MapPlan(call), threads_for(call));
    const long groups = job.plan.groups, bytes = (job.pass.inputs * job.pass.ld_sums() * long(sizeof(T)) + 63) / 64 * 64;
    if (!job.prepare(true) || !job.prepare_sums(call.directions * groups, bytes)) return 1;
    const bool weights = call.g_left || call.g_up;
    share(call.directions * groups, job.threads, [&](long task, long thread) {
        job.clear_sum(task);
        T *sums = weights ? reinterpret_cast<T *>(job.sum(task)) : nullptr;
        for (long chunk = task % groups; chunk < job.plan.chunks; chunk += groups) {
            Arena arena = job.arena(thread);
            job.pass.backward(job.plan.maps(call, task / groups, chunk), arena, sums);
        }
    });
    for (long r = 0; weights && r < call.directions; r++) job.pass.finish(r, job.template total<T>(r * groups, groups));
    return 0;
}

template <class T>
int64_t lstm2d_history_bytes(const Lstm2dCall &call) {
    const int64_t cells = call.maps * call.height * call.width * call.directions;
    return (cells * Lstm2d<T>::record_size(call.units) + lanes<T>)*int64_t(sizeof(T));
}

}  // namespace attentive::ISA
