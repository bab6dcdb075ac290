// The kernels for one instruction set: this file is compiled once for each, with -DISA=<its name>.
#include "kernels.h"

#include <type_traits>

#include "backward.h"
#include "gru.h"
#include "job.h"
#include "lstm.h"
#include "lstm2d.h"
#include "rnn.h"
#include "runtime.h"
#include "vmath.h"

namespace attentive::ISA {
namespace {

constexpr double least_parallel_work = 4e6;  // multiplications; less is not worth waking a thread for
constexpr long least_rows_to_pack = 8;       // steps * rows; fewer do not pay for packing the weights

long threads_for(const RecurrenceCall &call) {
    const double weights = double(call.units + call.inputs) * double(4 * call.units + call.inputs);
    const bool small = double(call.steps) * double(call.rows) * weights < least_parallel_work;
    return small ? 1 : larger(1, call.threads);
}

Plan plan_for(const RecurrenceCall &call) { return Plan(call.rows, large_weights(call.inputs, call.units)); }

// The rows from the longest to the shortest, where they differ.
struct Order {
    Block block;
    bool ready = true;
    explicit Order(const RecurrenceCall &call) {
        if (!call.lengths) return;
        ready = block.reserve((call.rows + call.steps + 1) * long(sizeof(int64_t)));
        if (ready) sort_rows(call.lengths, call.rows, call.steps, data(), data() + call.rows);
    }
    int64_t *data() const { return reinterpret_cast<int64_t *>(block.data()); }
};

// A pass over the rows of a call.
template <class Pass>
struct RowsJob : Job<Pass, Plan> {
    const RecurrenceCall &call;
    const Order order;
    const bool shared;  // large weights and few rows: the threads share each product instead of the rows

    RowsJob(const RecurrenceCall &call, const Plan &plan, long tasks, bool shared)
        : Job<Pass, Plan>(Pass(call), plan, shared ? 1 : smaller(threads_for(call), tasks)),
          call(call),
          order(call),
          shared(shared) {}

    bool prepare(bool pack) {
        return order.ready && Job<Pass, Plan>::prepare(pack, shared ? threads_for(call) : 1, call.short_products);
    }
    Rows rows(long chunk) const {
        return {call.lengths ? order.data() : nullptr,
                call.lengths,
                long(call.steps),
                this->plan.first(chunk),
                this->plan.count(chunk),
                call.reverse != 0};
    }
};

bool shares_products(const RecurrenceCall &call, const Plan &plan) {
    return large_weights(call.inputs, call.units) && plan.chunks < threads_for(call);
}

template <class T, class Cell>
int forward(const RecurrenceCall &call) {
    const Plan plan = plan_for(call);
    RowsJob<Forward<T, Cell>> job(call, plan, plan.chunks, shares_products(call, plan));
    if (!job.prepare(call.steps * call.rows >= least_rows_to_pack)) return 1;
    share(plan.chunks, job.threads, [&](long chunk, long thread) { job.pass.chunk(job.rows(chunk), job.arena(thread)); });
    return 0;
}

template <class T, class Cell>
int backward(const RecurrenceCall &call) {
    const Plan plan = plan_for(call);
    RowsJob<Backward<T, Cell>> job(call, plan, plan.groups, shares_products(call, plan));
    Arena count;
    Sums<T, Cell>(job.pass.call, count);
    if (!job.prepare(true) || !job.prepare_sums(plan.groups, count.used)) return 1;
    const auto sums_of = [&](long group) {
        Arena arena{job.sum(group)};
        return Sums<T, Cell>(job.pass.call, arena);
    };
    share(plan.groups, job.threads, [&](long group, long thread) {
        job.clear_sum(group);
        const Sums<T, Cell> sums = sums_of(group);
        for (long chunk = group; chunk < plan.chunks; chunk += plan.groups)
            job.pass.chunk(job.rows(chunk), job.arena(thread), sums);
    });
    job.template total<T>(0, plan.groups);
    job.pass.finish(sums_of(0));
    return 0;
}

template <class T, class Cell>
int64_t history_bytes(const RecurrenceCall &call) {
    const Call<T> typed(call);
    const long size = typed.short_history ? long(sizeof(uint16_t)) : long(sizeof(T));
    return (call.steps * call.rows * Record<T, Cell>::stride(typed) + lanes<T>)*size;
}

// `use` with the call's scalar type and cell.
template <class Use>
auto with_cell(const RecurrenceCall &call, Use use) {
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

int any_forward(const RecurrenceCall &call) {
    return with_cell(call, [&](auto scalar, auto *cell) {
        return forward<decltype(scalar), std::remove_pointer_t<decltype(cell)>>(call);
    });
}
int any_backward(const RecurrenceCall &call) {
    return with_cell(call, [&](auto scalar, auto *cell) {
        return backward<decltype(scalar), std::remove_pointer_t<decltype(cell)>>(call);
    });
}
int64_t any_history_bytes(const RecurrenceCall &call) {
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
