// The kernels for one instruction set: this file is compiled once for each, with -DISA=<its name>.
#include "kernels.h"

#include <type_traits>

#include "backward.h"
#include "gru.h"
#include "lstm.h"
#include "lstm2d.h"
#include "rnn.h"
#include "runtime.h"
#include "vmath.h"

namespace attentive::ISA {
namespace {

constexpr double least_parallel_work = 4e6;  // multiplications; less is not worth waking a thread for
constexpr long least_rows_to_pack = 8;       // steps * rows; fewer do not pay for packing the weights

long threads_for(const EleattCall &call) {
    const double weights = double(call.units + call.inputs) * double(4 * call.units + call.inputs);
    const bool small = double(call.steps) * double(call.rows) * weights < least_parallel_work;
    return small ? 1 : larger(1, call.threads);
}

Plan plan_for(const EleattCall &call) { return Plan(call.rows, large_weights(call.inputs, call.units)); }

// The rows from the longest to the shortest, where they differ.
struct Order {
    Block block;
    bool ready = true;
    explicit Order(const EleattCall &call) {
        if (!call.lengths) return;
        ready = block.reserve((call.rows + call.steps + 1) * long(sizeof(int64_t)));
        if (ready) sort_rows(call.lengths, call.rows, call.steps, data(), data() + call.rows);
    }
    int64_t *data() const { return reinterpret_cast<int64_t *>(block.data()); }
};

// A pass over all chunks: the packed weights, and for each thread the buffers of a chunk.
template <class Pass>
struct Job {
    Pass pass;
    const EleattCall &call;
    const Plan plan;
    const Order order;
    const bool shared;   // large weights and few rows: the threads share each product instead of the rows
    const long threads;  // that share the rows
    Block weights, buffers;
    long buffer_bytes = 0;

    Job(const EleattCall &call, long tasks)
        : pass(call),
          call(call),
          plan(plan_for(call)),
          order(call),
          shared(large_weights(call.inputs, call.units) && plan.chunks < threads_for(call)),
          threads(shared ? 1 : smaller(threads_for(call), tasks)) {}

    bool prepare(bool pack) {
        Arena count, unused;
        Pass(call).pack(count);
        pass.buffers(plan.most(), unused);
        buffer_bytes = unused.used;
        if (!order.ready || !buffers.reserve(threads * buffer_bytes)) return false;
        if (!pack) return true;
        if (!weights.reserve(count.used)) return false;
        Arena arena{weights.data(), 0, shared ? threads_for(call) : 1};
        pass.pack(arena);
        return true;
    }
    Rows rows(long chunk) const {
        return {call.lengths ? order.data() : nullptr,
                call.lengths,
                long(call.steps),
                plan.first(chunk),
                plan.count(chunk),
                call.reverse != 0};
    }
    Arena arena(long thread) const { return {buffers.data() + thread * buffer_bytes}; }
};

template <class T, class Cell>
int forward(const EleattCall &call) {
    typedef Job<Forward<T, Cell>> Whole;
    Whole job(call, plan_for(call).chunks);
    if (!job.prepare(call.steps * call.rows >= least_rows_to_pack)) return 1;
    parallel(
        job.plan.chunks, job.threads,
        [](void *context, long chunk, long thread) {
            const Whole &job = *static_cast<Whole *>(context);
            job.pass.chunk(job.rows(chunk), job.arena(thread));
        },
        &job);
    return 0;
}

template <class T, class Cell>
int backward(const EleattCall &call) {
    struct Whole : Job<Backward<T, Cell>> {
        using Job<Backward<T, Cell>>::Job;
        Block sums;
        long sum_bytes = 0;
        Sums<T, Cell> group_sums(long group) const {
            Arena arena{sums.data() + group * sum_bytes};
            return Sums<T, Cell>(this->pass.call, arena);
        }
    };
    Whole job(call, plan_for(call).groups);
    Arena count;
    Sums<T, Cell>(job.pass.call, count);
    job.sum_bytes = count.used;
    if (!job.prepare(true) || !job.sums.reserve(job.plan.groups * job.sum_bytes)) return 1;
    parallel(
        job.plan.groups, job.threads,
        [](void *context, long group, long thread) {
            const Whole &job = *static_cast<Whole *>(context);
            clear(job.sums.data() + group * job.sum_bytes, job.sum_bytes);
            const Sums<T, Cell> sums = job.group_sums(group);
            for (long chunk = group; chunk < job.plan.chunks; chunk += job.plan.groups)
                job.pass.chunk(job.rows(chunk), job.arena(thread), sums);
        },
        &job);
    T *total = reinterpret_cast<T *>(job.sums.data());
    for (long group = 1; group < job.plan.groups; group++) {
        const T *part = reinterpret_cast<const T *>(job.sums.data() + group * job.sum_bytes);
        for (long i = 0; i < job.sum_bytes / long(sizeof(T)); i++) total[i] += part[i];
    }
    job.pass.finish(job.group_sums(0));
    return 0;
}

template <class T, class Cell>
int64_t history_bytes(const EleattCall &call) {
    return (call.steps * call.rows * Record<T, Cell>::stride(Call<T>(call)) + lanes<T>)*long(sizeof(T));
}

// `use` with the call's scalar type and cell.
template <class Use>
auto with_cell(const EleattCall &call, Use use) {
    const auto typed = [&](auto scalar) {
        typedef decltype(scalar) T;
        switch (call.cell) {
            case RNN_TANH: return use(scalar, static_cast<Rnn<T, false> *>(nullptr));
            case RNN_RELU: return use(scalar, static_cast<Rnn<T, true> *>(nullptr));
            case LSTM: return use(scalar, static_cast<Lstm<T> *>(nullptr));
            case GRU: return use(scalar, static_cast<Gru<T> *>(nullptr));
            default: return use(scalar, static_cast<GruResetAfter<T> *>(nullptr));
        }
    };
    return call.is_double ? typed(double()) : typed(float());
}

int any_forward(const EleattCall &call) {
    return with_cell(call, [&](auto scalar, auto *cell) {
        return forward<decltype(scalar), std::remove_pointer_t<decltype(cell)>>(call);
    });
}
int any_backward(const EleattCall &call) {
    return with_cell(call, [&](auto scalar, auto *cell) {
        return backward<decltype(scalar), std::remove_pointer_t<decltype(cell)>>(call);
    });
}
int64_t any_history_bytes(const EleattCall &call) {
    return with_cell(call, [&](auto scalar, auto *cell) {
        return history_bytes<decltype(scalar), std::remove_pointer_t<decltype(cell)>>(call);
    });
}

int any_lstm2d_forward(const Lstm2dCall &call) {
    return call.is_double ? lstm2d_forward<double>(call) : lstm2d_forward<float>(call);
}
int any_lstm2d_backward(const Lstm2dCall &call) {
    return call.is_double ? lstm2d_backward<double>(call) : lstm2d_backward<float>(call);
}
int64_t any_lstm2d_history_bytes(const Lstm2dCall &call) {
    return call.is_double ? lstm2d_history_bytes<double>(call) : lstm2d_history_bytes<float>(call);
}

void test_math(const float *x, float *exps, float *sigmoids, float *tanhs, long count) {
    each<float>(count, [&](long j, auto n) {
        const VecF v = load(x + j, n);
        store(exps + j, exp(v), n);
        store(sigmoids + j, sigmoid(v), n);
        store(tanhs + j, tanh(v), n);
    });
}

}  // namespace
}  // namespace attentive::ISA

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

namespace attentive {
const Kernels JOIN(kernels_, ISA) = {TEXT(ISA), ISA::any_forward, ISA::any_backward, ISA::any_history_bytes,
                                     ISA::any_lstm2d_forward, ISA::any_lstm2d_backward, ISA::any_lstm2d_history_bytes,
                                     ISA::test_math};
}
