// The C interface: the best build of the kernels that this machine can run.
#include <cstring>

#include "kernels.h"

namespace attentive {
namespace {

struct Choice {
    const Kernels *kernels;
    bool usable;
};

int choices(Choice *list) {
    int count = 0;
#ifdef WITH_X86
    __builtin_cpu_init();
#ifdef EMULATE_AVX512  // a test build: vectors as wide, on AVX2
    list[count++] = {&kernels_avx512, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")};
#else
    list[count++] = {&kernels_avx512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")};
#endif
    list[count++] = {&kernels_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")};
#endif
    list[count++] = {&kernels_generic, true};
    return count;
}

const Kernels *best() {
    Choice list[3];
    const int count = choices(list);
    int i = 0;
    while (i < count - 1 && !list[i].usable) i++;
    return list[i].kernels;
}

const Kernels *selected = best();

}  // namespace
}  // namespace attentive

using attentive::selected;

int has_short_products() {
#if defined(WITH_X86) && !defined(EMULATE_AVX512)
    return selected == &attentive::kernels_avx512 && __builtin_cpu_supports("avx512bf16");
#else
    return 0;
#endif
}

namespace {

// The call as this machine can run it: on vectors of AVX-512 short products need an instruction that it may not have.
RecurrenceCall possible(RecurrenceCall call) {
#if defined(WITH_X86) && !defined(EMULATE_AVX512)
    if (selected == &attentive::kernels_avx512 && !has_short_products()) call.short_products = 0;
#endif
    return call;
}

}  // namespace

int recurrence_forward(const RecurrenceCall *call) { return selected->forward(possible(*call)); }
int recurrence_backward(const RecurrenceCall *call) { return selected->backward(possible(*call)); }
int64_t recurrence_history_bytes(const RecurrenceCall *call) { return selected->history_bytes(*call); }

int lstm2d_forward(const Lstm2dCall *call) { return selected->lstm2d_forward(*call); }
int lstm2d_backward(const Lstm2dCall *call) { return selected->lstm2d_backward(*call); }
int64_t lstm2d_history_bytes(const Lstm2dCall *call) { return selected->lstm2d_history_bytes(*call); }

const char *selected_isa() { return selected->name; }

void test_vector_math(const float *x, float *exp, float *sigmoid, float *tanh, int64_t count) {
    selected->test_math(x, exp, sigmoid, tanh, count);
}

int select_isa(const char *name) {
    attentive::Choice list[3];
    const int count = attentive::choices(list);
    for (int i = 0; i < count; i++)
        if (list[i].usable && std::strcmp(name, list[i].kernels->name) == 0) {
            selected = list[i].kernels;
            return 0;
        }
    return 1;
}
