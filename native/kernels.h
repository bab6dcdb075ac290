// The table of functions that each build of the kernels offers.
#pragma once
#include "abi.h"

namespace attentive {

struct Kernels {
    const char *name;
    int (*forward)(const RecurrenceCall &);
    int (*backward)(const RecurrenceCall &);
    int64_t (*history_bytes)(const RecurrenceCall &);
    int (*lstm2d_forward)(const Lstm2dCall &);
    int (*lstm2d_backward)(const Lstm2dCall &);
    int64_t (*lstm2d_history_bytes)(const Lstm2dCall &);
    void (*test_math)(const float *x, float *exp, float *sigmoid, float *tanh, long count);
};

extern const Kernels kernels_generic, kernels_avx2, kernels_avx512;  // those that the build has

}  // namespace attentive
