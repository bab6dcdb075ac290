// The C interface of the kernels: one description of a call, whose words are all eight bytes wide, and two functions.
// Tensors are row-major; T steps, B rows, D inputs, N units. The scalar type of every tensor is float, or double where
// `is_double` says so. A null pointer leaves its tensor out.
#pragma once
#include <cstdint>

extern "C" {

enum EleattCell : int64_t { RNN_TANH, RNN_RELU, LSTM, GRU, GRU_RESET_AFTER };
enum EleattGate : int64_t { GATE_NONE, GATE_SIGMOID, GATE_SOFTMAX };

struct EleattCall {
    int64_t cell, gate;
    double gate_scale;
    int64_t steps, rows, inputs, units;  // T, B, D, N
    int64_t lags, first_lag;             // K former outputs h_{t-first_lag}, ... (rra.h); 0: none
    int64_t is_double, reverse, threads;

    const void *x;                      // (T, B, D), unit stride along D
    int64_t x_step, x_row;              // its strides along T and B, in elements
    const void *h, *c;                  // (B, N): the state before the first step
    const void *window;                 // (B, W, N), W = lags + first_lag - 1: the outputs before it, the latest first
    const void *ih, *hh, *b_ih, *b_hh;  // (G*N, D), (G*N, N), (G*N), (G*N): blocks in torch's order
    const void *ia, *ha, *b_a;          // (D, D), (D, N), (D)
    const void *lag;                    // (K): the lags' weights
    const int64_t *lengths;             // (B), in 1..T; null: every row has T steps
    const void *zoneout;                // (states, T, B, N): the share of its old value that a unit keeps

    void *output;           // (T, B, N)
    void *h_last, *c_last;  // (B, N)
    void *window_last;      // (B, W, N)
    void *attention;        // (T, B, D)
    void *history;          // eleatt_history_bytes() long, for the backward pass; null: none will follow

    const void *g_output;  // the gradients of the results, as they are laid out above
    int64_t g_output_step, g_output_row;
    const void *g_h_last, *g_c_last, *g_window_last, *g_attention;
    void *g_x, *g_h, *g_c, *g_window;  // the gradients asked for
    void *g_ih, *g_hh, *g_b_ih, *g_b_hh, *g_ia, *g_ha, *g_b_a, *g_lag;
};

// Both return 0, or 1 where no memory was left.
int eleatt_forward(const EleattCall *call);
int eleatt_backward(const EleattCall *call);

int64_t eleatt_history_bytes(const EleattCall *call);

// The 2-D LSTM over maps of H rows and W columns, in R directions at once: direction 0 in raster order, 1 with rows and
// columns reversed, 2 with the columns and 3 with the rows reversed. All tensors are contiguous.
struct Lstm2dCall {
    int64_t maps, height, width, directions, units;  // B, H, W, R, N
    int64_t is_double, threads;

    const void *p;          // (B, H, W, R, 4N): blocks i, f, g, o
    const void *left, *up;  // (R, 4N, N); up null: H is 1
    void *h;                // (B, H, W, R, N)
    void *history;          // lstm2d_history_bytes() long, for the backward pass; null: none will follow

    const void *g_h;             // as h
    void *g_p, *g_left, *g_up;   // the gradients asked for
};

int lstm2d_forward(const Lstm2dCall *call);
int lstm2d_backward(const Lstm2dCall *call);  // reads p's gradient from h and the history; p itself may be null
int64_t lstm2d_history_bytes(const Lstm2dCall *call);

// exp, sigmoid and tanh of `count` numbers, as the kernels compute them.
void eleatt_test_math(const float *x, float *exp, float *sigmoid, float *tanh, int64_t count);

// The instruction set in use: "avx512", "avx2", or "generic". Naming another one that this machine has selects it.
const char *eleatt_isa();
int eleatt_select_isa(const char *name);
}
