"""EleAtt-RNN backward as a Triton kernel: a tile of rows back through all its steps, the state's gradient in registers.

It leaves the gradients of the pre-activations; those of the weights are products over all steps, made from them after.
"""

import triton
import triton.language as tl

from .triton_lags import residual_back
from .triton_steps import product, put_rows, rows_of, tanh


@triton.jit(do_not_specialize=["T", "B"])
def backward_steps(
    x,  # (T, B, D)
    gates,  # (T, B, G*N)
    attention,  # (T, B, D)
    extra,  # (T, B, N)
    from_lags,  # (T, B, N)
    h_old,  # (T, B, N)
    g_output,  # (T, B, N)
    g_attention,  # (T, B, D)
    g_window,  # (B, W, N): of the last window
    deltas,  # (T, B, G*N), out: of W_x x~ + b
    d_candidate,  # (T, B, N), out: for gru_reset_after, of U_n h_{t-1} + b
    d_gate,  # (T, B, D), out: of W_xa x + W_ha h_{t-1} + b_a
    d_x,  # (T, B, D), out: of x through a * x
    d_lags,  # (T, B, N), out: for the LSTM, of a_t of the lags; other cells add it where a block of `deltas` is taken
    d_window,  # (B, W, N), out: of the first window
    d_h,  # (B, N): in: of the last state; out: of the first one
    d_c,
    w_ih,
    w_hh,
    w_ha,
    w_lag,  # (K)
    lengths,  # (B)
    order,  # (B): the rows in the order of their lengths
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
    G_OUTPUT: tl.constexpr,
    G_ATTENTION: tl.constexpr,
    G_WINDOW: tl.constexpr,
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
    dh = rows_of(d_h, row * N, n, N, here)
    if CELL == "lstm":
        dc = rows_of(d_c, row * N, n, N, here)
    steps = tl.where(here, T, 0)
    if RAGGED:
        steps = tl.load(lengths + row, mask=here, other=0).to(tl.int32)
    last = tl.max(steps, 0)
    if CELL == "lstm":
        d_inside, wide = d_lags, N
    else:  # the gradient inside the last tanh is that of the candidate
        d_inside, wide = deltas + (G - 1) * N, G * N

    for step in range(0, last):
        t = step if REVERSE else last - 1 - step
        running = t < steps
        at = tl.cast(t, tl.int64) * B + row
        g_at = at * (G * N)
        old = rows_of(h_old, at * N, n, N, running)
        new_dh = dh
        if G_OUTPUT:
            new_dh += rows_of(g_output, at * N, n, N, running)
        if LAGS > 0:
            new_dh += residual_back(
                *(w_lag, d_inside, wide, g_window, t, steps, row, B, n, N, running),
                *(LAGS, FIRST, WINDOW, REVERSE, G_WINDOW),
            )
        kept = tl.zeros_like(dh)
        if ZONEOUT:
            kept = rows_of(zoneout, at * N, n, N, running) * new_dh
            new_dh -= kept

        p0 = rows_of(gates, g_at, n, N, running)
        if G > 1:
            p1 = rows_of(gates, g_at + N, n, N, running)
            p2 = rows_of(gates, g_at + 2 * N, n, N, running)
        d_old = tl.zeros_like(dh)
        if CELL == "rnn_tanh":
            p0 = new_dh * (1 - p0 * p0)
        elif CELL == "rnn_relu":
            p0 = tl.where(p0 > 0, new_dh, 0.0)
        elif CELL == "lstm":  # i, f, g, o
            p3 = rows_of(gates, g_at + 3 * N, n, N, running)
            c_old = rows_of(extra, at * N, n, N, running)
            new_dc = dc
            c_kept = tl.zeros_like(dc)
            if ZONEOUT:
                second = tl.cast(T, tl.int64) * B
                c_kept = rows_of(zoneout, (second + at) * N, n, N, running) * new_dc
                new_dc -= c_kept
            inner = p1 * c_old + p0 * p2
            if LAGS > 0:
                inner += rows_of(from_lags, at * N, n, N, running)
            tanh_c = tanh(inner)
            d_inner = new_dh * p3 * (1 - tanh_c * tanh_c)
            if LAGS > 0:
                put_rows(d_lags, at * N, n, N, running, d_inner)
            new_dc += d_inner
            c_kept += new_dc * p1
            d_i = new_dc * p2 * p0 * (1 - p0)
            p1 = new_dc * c_old * p1 * (1 - p1)
            p2 = new_dc * p0 * (1 - p2 * p2)
            p3 = new_dh * tanh_c * p3 * (1 - p3)
            p0 = d_i
            dc = tl.where(running[:, None], c_kept, dc)
        else:  # r, z, n
            d_old = new_dh * p1
            d_z = new_dh * (old - p2) * p1 * (1 - p1)
            p2 = new_dh * (1 - p1) * (1 - p2 * p2)
            p1 = d_z
            put_rows(deltas, g_at + 2 * N, n, N, running, p2)
            if CELL == "gru":
                tl.debug_barrier()
                d_reset = product(deltas, g_at + 2 * N, N, running, w_hh + 2 * N * N, N, 1, n, N, PRECISION, OPERAND)
                d_old += d_reset * p0
                p0 = d_reset * old * p0 * (1 - p0)
            else:
                put_rows(d_candidate, at * N, n, N, running, p2 * p0)
                p0 = p2 * rows_of(extra, at * N, n, N, running) * p0 * (1 - p0)
        put_rows(deltas, g_at, n, N, running, p0)
        if G > 1:
            put_rows(deltas, g_at + N, n, N, running, p1)
        if CELL == "lstm":
            put_rows(deltas, g_at + 2 * N, n, N, running, p2)
            put_rows(deltas, g_at + 3 * N, n, N, running, p3)
        tl.debug_barrier()

        # [r z] of a GRU whose candidate's product is its own, or all blocks at once
        BLOCKS: tl.constexpr = 2 if G == 3 else G
        d_old += product(deltas, g_at, BLOCKS * N, running, w_hh, N, 1, n, N, PRECISION, OPERAND)
        if CELL == "gru_reset_after":
            d_old += product(d_candidate, at * N, N, running, w_hh + 2 * N * N, N, 1, n, N, PRECISION, OPERAND)
        if GATE != "none":
            d_attended = product(deltas, g_at, G * N, running, w_ih, D, 1, d, D, PRECISION, OPERAND)
            a = rows_of(attention, at * D, d, D, running)
            put_rows(d_x, at * D, d, D, running, d_attended * a)
            da = d_attended * rows_of(x, at * D, d, D, running)
            if G_ATTENTION:
                da += rows_of(g_attention, at * D, d, D, running)
            if GATE == "sigmoid":
                da = da * a * (1 - a / gate_scale)
            else:
                da = a * (da - tl.sum(a * da, 1)[:, None] / gate_scale)
            put_rows(d_gate, at * D, d, D, running, da)
            tl.debug_barrier()
            d_old += product(d_gate, at * D, D, running, w_ha, N, 1, n, N, PRECISION, OPERAND)
        dh = tl.where(running[:, None], d_old + kept, dh)

    put_rows(d_h, row * N, n, N, here, dh)
    if CELL == "lstm":
        put_rows(d_c, row * N, n, N, here, dc)
    if LAGS > 0:
        for k in range(0, WINDOW):
            t = steps + k if REVERSE else tl.zeros_like(steps) - 1 - k
            d_former = residual_back(
                *(w_lag, d_inside, wide, g_window, t, steps, row, B, n, N, here),
                *(LAGS, FIRST, WINDOW, REVERSE, G_WINDOW),
            )
            put_rows(d_window, (row * WINDOW + k) * N, n, N, here, d_former)
