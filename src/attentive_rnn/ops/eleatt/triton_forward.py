"""EleAtt-RNN forward as a Triton kernel: a tile of rows runs through all its steps, its state in registers.

Products that need not wait for h_{t-1} were made before (W_xa x + b_a with a gate, W_x x + b without one).
"""

import triton
import triton.language as tl

from .triton_lags import former, residual
from .triton_steps import bias, product, put_rows, rows_of, sigmoid, tanh


@triton.jit(do_not_specialize=["T", "B"])
def forward_steps(
    x,  # (T, B, D)
    gates,  # (T, B, G*N): in without a gate: W_x x + b; out: the cell's gates and candidate
    attention,  # (T, B, D): in: W_xa x + b_a; out: a
    attended,  # (T, B, D), out: a * x
    extra,  # (T, B, N), out: the LSTM's c_{t-1}; r * h_{t-1} for gru, U_n h_{t-1} + b for gru_reset_after
    from_lags,  # (T, B, N), out: for the LSTM, a_t of the lags
    h_old,  # (T, B, N), out: h_{t-1}
    output,  # (T, B, N)
    h,  # (B, N): in the first state, out the last one
    c,
    window,  # (B, W, N): the outputs before the first step, the latest first
    last_window,  # (B, W, N), out
    w_ih,
    w_hh,
    b_ih,
    b_hh,
    w_ha,
    w_lag,  # (K)
    lengths,  # (B)
    order,  # (B): the rows in the order of their lengths, so that those of a tile end together
    zoneout,  # (states, T, B, N)
    T,
    B,
    D,
    N,
    gate_scale,
    CELL: tl.constexpr,
    GATE: tl.constexpr,
    REVERSE: tl.constexpr,
    RAGGED: tl.constexpr,
    ZONEOUT: tl.constexpr,
    LAGS: tl.constexpr,
    FIRST: tl.constexpr,
    WINDOW: tl.constexpr,
    BIAS: tl.constexpr,
    PRECISION: tl.constexpr,
    OPERAND: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    G: tl.constexpr = 4 if CELL == "lstm" else (3 if CELL == "gru" or CELL == "gru_reset_after" else 1)
    row = tl.cast(tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.int64)
    here = row < B
    if RAGGED:
        row = tl.load(order + row, mask=here, other=0)
    d, n = tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_N)
    ht = rows_of(h, row * N, n, N, here)
    if CELL == "lstm":
        ct = rows_of(c, row * N, n, N, here)
    steps = tl.where(here, T, 0)
    if RAGGED:
        steps = tl.load(lengths + row, mask=here, other=0).to(tl.int32)
    last = tl.max(steps, 0)

    for step in range(0, last):
        t = last - 1 - step if REVERSE else step
        running = t < steps
        at = tl.cast(t, tl.int64) * B + row
        put_rows(h_old, at * N, n, N, running, ht)
        tl.debug_barrier()
        if LAGS > 0:
            a_lags = residual(w_lag, output, window, t, steps, row, B, n, N, running, LAGS, FIRST, WINDOW, REVERSE)

        g_at = at * (G * N)
        if GATE != "none":
            a = rows_of(attention, at * D, d, D, running) + product(
                h_old, at * N, N, running, w_ha, 1, N, d, D, PRECISION, OPERAND
            )
            if GATE == "sigmoid":
                a = sigmoid(a) * gate_scale
            else:
                a = tl.where((d < D)[None, :], a, float("-inf"))
                a = tl.exp(a - tl.max(a, 1)[:, None])
                a = a / tl.sum(a, 1)[:, None] * gate_scale
            put_rows(attention, at * D, d, D, running, a)
            put_rows(attended, at * D, d, D, running, a * rows_of(x, at * D, d, D, running))
            tl.debug_barrier()
            p0 = (
                product(attended, at * D, D, running, w_ih, 1, D, n, N, PRECISION, OPERAND)
                + bias(b_ih, n, N, BIAS)[None, :]
            )
            if G > 1:
                p1 = product(attended, at * D, D, running, w_ih + N * D, 1, D, n, N, PRECISION, OPERAND)
                p1 += bias(b_ih + N, n, N, BIAS)[None, :]
                p2 = product(attended, at * D, D, running, w_ih + 2 * N * D, 1, D, n, N, PRECISION, OPERAND)
                p2 += bias(b_ih + 2 * N, n, N, BIAS)[None, :]
            if G > 3:
                p3 = product(attended, at * D, D, running, w_ih + 3 * N * D, 1, D, n, N, PRECISION, OPERAND)
                p3 += bias(b_ih + 3 * N, n, N, BIAS)[None, :]
        else:
            p0 = rows_of(gates, g_at, n, N, running)
            if G > 1:
                p1 = rows_of(gates, g_at + N, n, N, running)
                p2 = rows_of(gates, g_at + 2 * N, n, N, running)
            if G > 3:
                p3 = rows_of(gates, g_at + 3 * N, n, N, running)

        p0 += product(h_old, at * N, N, running, w_hh, 1, N, n, N, PRECISION, OPERAND)
        if LAGS > 0 and G == 1:
            p0 += a_lags
        if CELL == "rnn_tanh":
            p0 = tanh(p0)
            new = p0
        elif CELL == "rnn_relu":
            p0 = tl.where(p0 == p0, tl.maximum(p0, 0.0), p0)
            new = p0
        elif CELL == "lstm":  # i, f, g, o
            put_rows(extra, at * N, n, N, running, ct)
            p0 = sigmoid(p0)
            p1 = sigmoid(p1 + product(h_old, at * N, N, running, w_hh + N * N, 1, N, n, N, PRECISION, OPERAND))
            p2 = tanh(p2 + product(h_old, at * N, N, running, w_hh + 2 * N * N, 1, N, n, N, PRECISION, OPERAND))
            p3 = sigmoid(p3 + product(h_old, at * N, N, running, w_hh + 3 * N * N, 1, N, n, N, PRECISION, OPERAND))
            new_c = p1 * ct + p0 * p2
            if LAGS > 0:
                put_rows(from_lags, at * N, n, N, running, a_lags)
                new = p3 * tanh(new_c + a_lags)
            else:
                new = p3 * tanh(new_c)
        else:  # r, z, n
            if LAGS > 0:
                p2 += a_lags
            if CELL == "gru":
                p0 = sigmoid(p0)
                put_rows(extra, at * N, n, N, running, p0 * ht)
                tl.debug_barrier()
                p1 = sigmoid(p1 + product(h_old, at * N, N, running, w_hh + N * N, 1, N, n, N, PRECISION, OPERAND))
                p2 = tanh(p2 + product(extra, at * N, N, running, w_hh + 2 * N * N, 1, N, n, N, PRECISION, OPERAND))
            else:
                p0 = sigmoid(p0 + bias(b_hh, n, N, BIAS)[None, :])
                p1 = sigmoid(
                    p1
                    + product(h_old, at * N, N, running, w_hh + N * N, 1, N, n, N, PRECISION, OPERAND)
                    + bias(b_hh + N, n, N, BIAS)[None, :]
                )
                from_h = (
                    product(h_old, at * N, N, running, w_hh + 2 * N * N, 1, N, n, N, PRECISION, OPERAND)
                    + bias(b_hh + 2 * N, n, N, BIAS)[None, :]
                )
                put_rows(extra, at * N, n, N, running, from_h)
                p2 = tanh(p2 + p0 * from_h)
            new = p1 * ht + (1 - p1) * p2
        put_rows(gates, g_at, n, N, running, p0)
        if G > 1:
            put_rows(gates, g_at + N, n, N, running, p1)
            put_rows(gates, g_at + 2 * N, n, N, running, p2)
        if G > 3:
            put_rows(gates, g_at + 3 * N, n, N, running, p3)

        if ZONEOUT:
            keep = rows_of(zoneout, at * N, n, N, running)
            new = keep * ht + (1 - keep) * new
        ht = tl.where(running[:, None], new, ht)
        if CELL == "lstm":
            if ZONEOUT:
                second = tl.cast(T, tl.int64) * B  # the LSTM's c stands after all h
                keep = rows_of(zoneout, (second + at) * N, n, N, running)
                new_c = keep * ct + (1 - keep) * new_c
            ct = tl.where(running[:, None], new_c, ct)
        put_rows(output, at * N, n, N, running, new)

    put_rows(h, row * N, n, N, here, ht)
    if CELL == "lstm":
        put_rows(c, row * N, n, N, here, ct)
    if LAGS > 0:
        tl.debug_barrier()
        end = tl.zeros_like(steps) - 1 if REVERSE else steps
        for k in range(0, WINDOW):
            last_h = former(output, window, k + 1, end, steps, row, B, n, N, here, WINDOW, REVERSE)
            put_rows(last_window, (row * WINDOW + k) * N, n, N, here, last_h)
