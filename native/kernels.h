// The table of functions that each build of the kernels offers.
#pragma once
#include "abi.h"

namespace attentive {

struct Kernels {
    const char *name;
    int (*forward)(const EleattCall &);
    int (*backward)(const EleattCall &);
    int64_t (*history_bytes)(const EleattCall &);
    void (*test_math)(const float *x, float *exp, float *sigmoid, float *tanh, long count);
};

extern const Kernels kernels_generic, kernels_avx2, kernels_avx512;  // those that the build has

}  // namespace attentive
