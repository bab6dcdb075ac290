// The C interface of the kernels: for each recurrence a structure that describes a call, all of whose fields are eight
// bytes wide, and its functions. Tensors are row-major. The scalar type of every tensor is float, or double where
// `is_double` says so. A null pointer leaves its tensor out.
#pragma once
#include <cstdint>

extern "C" {

enum RecurrenceCell : int64_t { RNN_TANH, RNN_RELU, LSTM, GRU, GRU_RESET_AFTER };
enum RecurrenceGate : int64_t { GATE_NONE, GATE_SIGMOID, GATE_SOFTMAX, GATE_HARD };

// Fields of a call of a recurrence as F(type, name), in the order in which they lie: a structure is made of them, and the
// list of their names and kinds for Python, whose own structure must agree with it (ops/native.py).
//
// T steps, B rows, D inputs, N units, G blocks of N rows of the cell's weights, in torch's order.
//   steps, rows, inputs, units   T, B, D, N
//   lags, first_lag              K former outputs h_{t-first_lag}, ... (rra.h); 0: none
//   gate_rank                    r, of a low-rank gate (gate.h); 0: there is no ua
//   x                            (T, B, D), unit stride along D; x_step, x_row: its strides along T and B, in elements
//   h, c                         (B, N): the state before the first step
//   window                       (B, W, N), W = lags + first_lag - 1: the outputs before it, the latest first
//   ih, hh, b_ih, b_hh           (G*N, D), (G*N, N), (G*N), (G*N)
//   ia, ha, b_a                  (D, D), (D, N), (D); ia null: the gate reads h_{t-1} alone
//   ua                           (D, r); then ia and ha are (r, D) and (r, N)
//   lag                          (K): the lags' weights
//   lengths                      (B), in 0..T; null: every row has T steps
//   zoneout                      (states, T, B, N): the share of its old value that a unit keeps
//   short_products               whether products are made of factors rounded to bfloat16, in float (short.h)
//   short_history                whether the history is bfloat16, of a call in float, and for the backward pass the output
#define RECURRENCE_INPUTS(F)                                                                        \
    F(int64_t, cell) F(int64_t, gate) F(double, gate_scale)                                         \
    F(int64_t, steps) F(int64_t, rows) F(int64_t, inputs) F(int64_t, units)                         \
    F(int64_t, lags) F(int64_t, first_lag) F(int64_t, gate_rank)                                    \
    F(int64_t, is_double) F(int64_t, reverse) F(int64_t, threads)                                   \
    F(const void *, x) F(int64_t, x_step) F(int64_t, x_row)                                         \
    F(const void *, h) F(const void *, c) F(const void *, window)                                   \
    F(const void *, ih) F(const void *, hh) F(const void *, b_ih) F(const void *, b_hh)             \
    F(const void *, ia) F(const void *, ha) F(const void *, ua) F(const void *, b_a) F(const void *, lag) \
    F(const int64_t *, lengths) F(const void *, zoneout) F(int64_t, short_products)            \
    F(int64_t, short_history)

//   output                       (T, B, N)
//   h_last, c_last, window_last  as h, c and window
//   attention                    (T, B, D)
//   history                      recurrence_history_bytes() long, for the backward pass; null: none will follow
#define RECURRENCE_RESULTS(F)                                                                       \
    F(void *, output) F(void *, h_last) F(void *, c_last) F(void *, window_last) F(void *, attention) F(void *, history)

//   g_output, ..., g_attention   the gradients of the results, laid out as they are but for the strides of g_output
//   g_x, ..., g_lag              the gradients asked for
#define RECURRENCE_GRADIENTS(F)                                                                     \
    F(const void *, g_output) F(int64_t, g_output_step) F(int64_t, g_output_row)                    \
    F(const void *, g_h_last) F(const void *, g_c_last) F(const void *, g_window_last) F(const void *, g_attention) \
    F(void *, g_x) F(void *, g_h) F(void *, g_c) F(void *, g_window)                                \
    F(void *, g_ih) F(void *, g_hh) F(void *, g_b_ih) F(void *, g_b_hh)                             \
    F(void *, g_ia) F(void *, g_ha) F(void *, g_ua) F(void *, g_b_a) F(void *, g_lag)

#define RECURRENCE_FIELDS(F) RECURRENCE_INPUTS(F) RECURRENCE_RESULTS(F) RECURRENCE_GRADIENTS(F)
#define MEMBER(type, name) type name;

struct RecurrenceCall {
    RECURRENCE_FIELDS(MEMBER)
};

// Both return 0, or 1 where no memory was left.
int recurrence_forward(const RecurrenceCall *call);
int recurrence_backward(const RecurrenceCall *call);

int64_t recurrence_history_bytes(const RecurrenceCall *call);

// The 2-D LSTM over maps of H rows and W columns, in R directions at once: direction 0 in raster order, 1 with rows and
// columns reversed, 2 with the columns and 3 with the rows reversed. All tensors are contiguous.
//   maps, height, width, directions, units  B, H, W, R, N
//   p          (B, H, W, R, 4N): blocks i, f, g, o
//   left, up   (R, 4N, N); up null: H is 1
//   h          (B, H, W, R, N)
//   history    lstm2d_history_bytes() long, for the backward pass; null: none will follow
//   g_h        as h
//   g_p, g_left, g_up  the gradients asked for
#define LSTM2D_FIELDS(F)                                                                            \
    F(int64_t, maps) F(int64_t, height) F(int64_t, width) F(int64_t, directions) F(int64_t, units)  \
    F(int64_t, is_double) F(int64_t, threads)                                                       \
    F(const void *, p) F(const void *, left) F(const void *, up)                                    \
    F(void *, h) F(void *, history)                                                                 \
    F(const void *, g_h) F(void *, g_p) F(void *, g_left) F(void *, g_up)

struct Lstm2dCall {
    LSTM2D_FIELDS(MEMBER)
};
#undef MEMBER

int lstm2d_forward(const Lstm2dCall *call);
int lstm2d_backward(const Lstm2dCall *call);  // reads p's gradient from h and the history; p itself may be null
int64_t lstm2d_history_bytes(const Lstm2dCall *call);

// exp, sigmoid and tanh of `count` numbers, as the kernels compute them.
void test_vector_math(const float *x, float *exp, float *sigmoid, float *tanh, int64_t count);

// The instruction set in use: "avx512", "avx2", or "generic". Naming another one that this machine has selects it.
const char *selected_isa();
int select_isa(const char *name);

// Whether short products are faster than others here. Elsewhere they are slower, for tests; with "avx512" there are none.
int has_short_products();
}
