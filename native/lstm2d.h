// The 2-D LSTM: s_ij = P_ij + K_left h_{i,j-1} + K_up h_{i-1,j}, then the LSTM's gates with c_{i,j-1}.
// Cell (i, k - i) of a map is worked on at step k. A step's cells depend on those of the step before only, so they are
// the rows of one product, over several maps where the diagonals are short.
#pragma once
#include "lstm.h"
#include "runtime.h"

namespace attentive::ISA {

// A few maps as one direction sees them. Row q of a step is cell (i, k - i) of map m, q = (i - top) * count + m.
struct Maps {
    const Lstm2dCall &call;
    const long r, first, count;
    const long H = call.height, W = call.width, R = call.directions, steps = H + W - 1;

    long top(long k) const { return larger(0, k - W + 1); }
    long rows(long k) const { return (smaller(k + 1, H) - top(k)) * count; }

    // Where cell (i, j) of map m stands in a tensor (B, H, W, R): directions 1 and 3 see the rows reversed, 1 and 2 the
    // columns.
    long at(long m, long i, long j) const {
        const long y = r % 2 ? H - 1 - i : i, x = r == 1 || r == 2 ? W - 1 - j : j;
        return (((first + m) * H + y) * W + x) * R + r;
    }
    // f(row, m, i, j) for the cells of step k.
    template <class F>
    ALWAYS_INLINE void each_cell(long k, F f) const {
        long row = 0;
        for (long i = top(k), end = smaller(k + 1, H); i < end; i++)
            for (long m = 0; m < count; m++) f(row++, m, i, k - i);
    }
};

// How the maps are cut into groups whose diagonals make products of some height. The cut depends on the sizes alone.
struct MapPlan {
    long chunks, maps, wider;

    explicit MapPlan(const Lstm2dCall &call) {
        constexpr long height = 64;
        const long diagonal = larger(1, call.height * call.width / (call.height + call.width - 1));
        chunks = (call.maps * diagonal + height - 1) / height;
        chunks = larger(1, smaller(chunks, call.maps));
        maps = call.maps / chunks;
        wider = call.maps % chunks;
    }
    long most() const { return maps + (wider > 0); }
    Maps chunk(const Lstm2dCall &call, long r, long i) const {
        return {call, r, i * maps + smaller(i, wider), maps + (i < wider)};
    }
};

template <class T>
struct Lstm2d {
    const Lstm2dCall &call;
    const long N, ld, ld_record;  // between states and between records, in numbers
    const Lstm<T> lstm;
    Panels<T> left[4], up[4];

    explicit Lstm2d(const Lstm2dCall &call)
        : call(call), N(call.units), ld(padded<T>(N)), ld_record(record_stride(N)), lstm(N) {}

    static long record_stride(long N) {
        const long size = Lstm<T>::record_size(N);
        return size * sizeof(T) % 1024 == 0 ? size + lanes<T> : size;
    }
    static const T *in(const void *tensor) { return static_cast<const T *>(tensor); }
    static T *out(void *tensor) { return static_cast<T *>(tensor); }

    // Panels of every direction's weights, for y = h K^T forward and y = delta K backward.
    void pack(Arena &arena, bool back) {
        for (long r = 0; r < call.directions; r++) {
            left[r] = panels(arena, in(call.left) + r * 4 * N * N, back);
            if (call.up) up[r] = panels(arena, in(call.up) + r * 4 * N * N, back);
        }
    }
    Panels<T> panels(Arena &arena, const T *weight, bool back) const {
        if (back) {
            BackProduct<T> product(N, weight, 4 * N);
            product.pack(arena);
            return product.panels;
        }
        Product<T> product(weight, N, nullptr, 0, 4 * N, 0, nullptr);
        product.pack(arena);
        return product.panels;
    }

    // The states of all rows of the maps, with one row of zeros above the first: row i of map m at (i + 1) * count + m.
    T *states(long count, Arena &arena) const {
        const long numbers = (call.height + 1) * count * ld;
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
        T *h = states(M, arena), *c = states(M, arena);
        T *record = arena.take<T>(call.history ? 0 : most_rows(M) * ld_record + lanes<T>);
        if (!arena.base) return;
        if (call.history) record = history(maps);
        Step<T> s{};
        s.ld_input = s.ld_state = ld, s.ld_record = ld_record;
        for (long k = 0; k < maps.steps; k++) {
            const long above = maps.top(k) * M * ld, own = above + M * ld;
            s.rows = maps.rows(k), s.record = record, s.input = h + own, s.other = c + own;
            maps.each_cell(k, [&](long row, long m, long i, long j) {
                copy(record + row * ld_record, in(call.p) + maps.at(m, i, j) * 4 * N, 4 * N);
                if (j + 1 < maps.W) fetch(in(call.p) + maps.at(m, i, j + 1) * 4 * N, 4 * N);
                fetch_to_write(out(call.h) + maps.at(m, i, j) * N, N);
            });
            if (call.history) fetch_to_write(record + s.rows * ld_record, s.rows * ld_record);
            matmul(s.rows, s.input, ld, left[maps.r], record, ld_record, true);
            if (call.up) matmul(s.rows, h + above, ld, up[maps.r], record, ld_record, true);
            lstm.activate(s, 0);
            maps.each_cell(k, [&](long row, long m, long i, long j) {
                copy(out(call.h) + maps.at(m, i, j) * N, s.input + row * ld, N);
            });
            if (call.history) record += s.rows * ld_record;
        }
    }

    // The weights' gradients of one direction over some maps, transposed: rows [left | up], a column for each delta.
    long sum_rows() const { return call.up ? 2 * N : N; }
    long ld_sums() const { return row_stride<T>(4 * N); }

    void backward(const Maps &maps, Arena &arena, T *sums) const {
        constexpr long flush_rows = 72;
        const long M = maps.count, inputs = sum_rows(), ld_input = row_stride<T>(inputs);
        const long capacity = larger(flush_rows, most_rows(M)), ld_delta = row_stride<T>(4 * N);
        T *dh = states(M, arena), *dc = states(M, arena);
        T *input = arena.take<T>(capacity * ld_input + lanes<T>), *delta = arena.take<T>(capacity * ld_delta + lanes<T>);
        if (!arena.base) return;
        clear(delta, capacity * ld_delta + lanes<T>);  // what pads the rows is zero
        const T *record = history(maps) + M * maps.H * maps.W * ld_record, *g_h = in(call.g_h);
        BackStep<T> s{};
        s.ld_record = ld_record, s.ld_state = ld, s.ld_delta = ld_delta;
        long gathered = 0;
        const auto flush = [&] {
            if (sums) add_transposed(inputs, 4 * N, gathered, input, ld_input, delta, ld_delta, sums, ld_sums());
            gathered = 0;
        };
        for (long k = maps.steps - 1; k >= 0; k--) {
            const long above = maps.top(k) * M * ld, own = above + M * ld;
            s.rows = maps.rows(k);
            if (gathered + s.rows > capacity) flush();
            record -= s.rows * ld_record;
            s.record = record, s.dh = dh + own, s.dc = dc + own, s.delta = delta + gathered * ld_delta;
            T *rows = input + gathered * ld_input;
            maps.each_cell(k, [&](long row, long m, long i, long j) {
                const T *g = g_h + maps.at(m, i, j) * N;
                T *d = s.dh + row * ld;
                if (j > 0) fetch(g_h + maps.at(m, i, j - 1) * N, N);
                if (j > 1) fetch(in(call.h) + maps.at(m, i, j - 2) * N, N);
                if (call.g_p) fetch_to_write(out(call.g_p) + maps.at(m, i, j) * 4 * N, 4 * N);
                each<T>(N, [&](long q, auto n) { store(d + q, load(d + q) + load(g + q, n), n); });
                if (!sums) return;
                past(maps, m, i, j - 1, rows + row * ld_input);
                if (call.up) past(maps, m, i - 1, j, rows + row * ld_input + N);
            });
            if (k) fetch(s.record - maps.rows(k - 1) * ld_record, maps.rows(k - 1) * ld_record);
            lstm.backward(s, 0);
            if (call.g_p)
                maps.each_cell(k, [&](long row, long m, long i, long j) {
                    copy(out(call.g_p) + maps.at(m, i, j) * 4 * N, s.delta + row * ld_delta, 4 * N);
                });
            matmul(s.rows, s.delta, ld_delta, left[maps.r], s.dh, ld, false);
            if (call.up) matmul(s.rows, s.delta, ld_delta, up[maps.r], dh + above, ld, true);
            gathered += s.rows;
        }
        flush();
    }

    // h of a neighbour, zero outside the map.
    void past(const Maps &maps, long m, long i, long j, T *to) const {
        if (i < 0 || j < 0) return clear(to, N);
        copy(to, in(call.h) + maps.at(m, i, j) * N, N);
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

// A pass over all maps in all directions; tasks are numbered direction by direction.
template <class T>
struct Lstm2dJob {
    Lstm2d<T> pass;
    const MapPlan plan;
    const long groups;  // of chunks whose gradients are summed, a direction
    const long threads;
    Block weights, buffers, sums;
    long buffer_bytes = 0, sum_bytes = 0;

    explicit Lstm2dJob(const Lstm2dCall &call)
        : pass(call), plan(call), groups(smaller(plan.chunks, 16)), threads(threads_for(call)) {}

    static long threads_for(const Lstm2dCall &call) {
        const double cells = double(call.maps) * double(call.height) * double(call.width) * double(call.directions);
        return cells * 8.0 * double(call.units) * double(call.units) < 4e6 ? 1 : larger(1, call.threads);
    }
    bool prepare(bool back) {
        Arena count, unused;
        Lstm2d<T>(pass.call).pack(count, back);
        const Maps widest = plan.chunk(pass.call, 0, 0);
        back ? pass.backward(widest, unused, nullptr) : pass.forward(widest, unused);
        buffer_bytes = unused.used;
        if (back) sum_bytes = (pass.sum_rows() * pass.ld_sums() * long(sizeof(T)) + 63) / 64 * 64;
        if (!weights.reserve(count.used) || !buffers.reserve(threads * buffer_bytes)) return false;
        if (back && !sums.reserve(pass.call.directions * groups * sum_bytes)) return false;
        Arena arena{weights.data(), 0};
        pass.pack(arena, back);
        return true;
    }
    Arena arena(long thread) const { return {buffers.data() + thread * buffer_bytes, 0}; }
    T *sum(long task) const { return reinterpret_cast<T *>(sums.data() + task * sum_bytes); }
};

template <class T>
int lstm2d_forward(const Lstm2dCall &call) {
    Lstm2dJob<T> job(call);
    if (!job.prepare(false)) return 1;
    share(call.directions * job.plan.chunks, job.threads, [&](long task, long thread) {
        Arena arena = job.arena(thread);
        job.pass.forward(job.plan.chunk(call, task / job.plan.chunks, task % job.plan.chunks), arena);
    });
    return 0;
}

template <class T>
int lstm2d_backward(const Lstm2dCall &call) {
    Lstm2dJob<T> job(call);
    if (!job.prepare(true)) return 1;
    const bool weights = call.g_left || call.g_up;
    share(call.directions * job.groups, job.threads, [&](long task, long thread) {
        clear(reinterpret_cast<char *>(job.sum(task)), job.sum_bytes);
        for (long i = task % job.groups; i < job.plan.chunks; i += job.groups) {
            Arena arena = job.arena(thread);
            job.pass.backward(job.plan.chunk(call, task / job.groups, i), arena, weights ? job.sum(task) : nullptr);
        }
    });
    for (long r = 0; weights && r < call.directions; r++) {
        T *total = job.sum(r * job.groups);
        for (long group = 1; group < job.groups; group++) {
            const T *part = job.sum(r * job.groups + group);
            for (long i = 0; i < job.sum_bytes / long(sizeof(T)); i++) total[i] += part[i];
        }
        job.pass.finish(r, total);
    }
    return 0;
}

template <class T>
int64_t lstm2d_history_bytes(const Lstm2dCall &call) {
    const int64_t cells = call.maps * call.height * call.width * call.directions;
    return (cells * Lstm2d<T>::record_stride(call.units) + lanes<T>)*int64_t(sizeof(T));
}

}  // namespace attentive::ISA
