"""Triton kernels of the recurrence: a tile of rows runs through all its steps, and back, with its state in registers.

Products that need not wait for h_{t-1} are made before (W_xa x + b_a with a gate, W_x x + b without one) and after
(those of the weights' gradients, from the gradients of the pre-activations).
"""

import triton
import triton.language as tl

from ..triton_blocks import bias, product, put_rows, rows_of, sigmoid, tanh
from .triton_lags import former, residual, residual_back


@triton.jit
def from_input(
    block,
    gates,
    attended,
    at,
    running,
    w_ih,
    b_ih,
    D,
    n,
    N,
    G: tl.constexpr,
    GATED: tl.constexpr,
    BIAS: tl.constexpr,
    PRECISION: tl.constexpr,
    OPERAND: tl.constexpr,
):
    """A block of W_x x~ + b: made here where there is a gate, else before the launch."""
    if GATED:
        made = product(attended, at * D, D, running, w_ih + block * N * D, 1, D, n, N, PRECISION, OPERAND)
        return made + bias(b_ih + block * N, n, N, BIAS)[None, :]
    else:  # noqa: RET505 - a kernel has one return, or one for each case known when it is compiled
        return rows_of(gates, at * (G * N) + block * N, n, N, running)


@triton.jit
def from_state(block, h, at, running, w_hh, n, N, PRECISION: tl.constexpr, OPERAND: tl.constexpr):
    """A block of W_h h."""
    return product(h, at * N, N, running, w_hh + block * N * N, 1, N, n, N, PRECISION, OPERAND)


@triton.jit(do_not_specialize=["T", "B"])
def forward_steps(
    x,  # (T, B, D)
    gates,  # (T, B, G*N): in without a gate: W_x x + b; out: the cell's gates and candidate
    attention,  # (T, B, D): in: W_xa x + b_a, or b_a; out: a
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
    GATED: tl.constexpr = GATE != "none"
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

        if GATED:
            pre_a = rows_of(attention, at * D, d, D, running)
            pre_a += product(h_old, at * N, N, running, w_ha, 1, N, d, D, PRECISION, OPERAND)
            if GATE == "sigmoid":
                a = sigmoid(pre_a) * gate_scale
            elif GATE == "hard":
                held = tl.minimum(tl.maximum(pre_a + 3, 0.0), 6.0) / 6
                a = tl.where(pre_a == pre_a, held, pre_a) * gate_scale  # NaN stays NaN
            else:
                pre_a = tl.where((d < D)[None, :], pre_a, float("-inf"))
                e = tl.exp(pre_a - tl.max(pre_a, 1)[:, None])
                a = e / tl.sum(e, 1)[:, None] * gate_scale
            put_rows(attention, at * D, d, D, running, a)
            put_rows(attended, at * D, d, D, running, a * rows_of(x, at * D, d, D, running))
            tl.debug_barrier()

        g_at = at * (G * N)
        sources = (gates, attended, at, running, w_ih, b_ih, D, n, N)
        state = (h_old, at, running, w_hh, n, N)
        if G == 1:
            pre = from_input(0, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            pre += from_state(0, *state, PRECISION, OPERAND)
            if LAGS > 0:
                pre += a_lags
            relu = tl.where(pre == pre, tl.maximum(pre, 0.0), pre)  # NaN stays NaN
            new = relu if CELL == "rnn_relu" else tanh(pre)
            put_rows(gates, g_at, n, N, running, new)
        elif CELL == "lstm":
            pre_i = from_input(0, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            pre_f = from_input(1, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            pre_g = from_input(2, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            pre_o = from_input(3, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            put_rows(extra, at * N, n, N, running, ct)
            i = sigmoid(pre_i + from_state(0, *state, PRECISION, OPERAND))
            f = sigmoid(pre_f + from_state(1, *state, PRECISION, OPERAND))
            g = tanh(pre_g + from_state(2, *state, PRECISION, OPERAND))
            o = sigmoid(pre_o + from_state(3, *state, PRECISION, OPERAND))
            new_c = f * ct + i * g
            if LAGS > 0:
                put_rows(from_lags, at * N, n, N, running, a_lags)
                new = o * tanh(new_c + a_lags)
            else:
                new = o * tanh(new_c)
            put_rows(gates, g_at, n, N, running, i)
            put_rows(gates, g_at + N, n, N, running, f)
            put_rows(gates, g_at + 2 * N, n, N, running, g)
            put_rows(gates, g_at + 3 * N, n, N, running, o)
        else:
            pre_r = from_input(0, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            pre_z = from_input(1, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            pre_n = from_input(2, *sources, G, GATED, BIAS, PRECISION, OPERAND)
            pre_r += from_state(0, *state, PRECISION, OPERAND)
            pre_z += from_state(1, *state, PRECISION, OPERAND)
            if LAGS > 0:
                pre_n += a_lags
            if CELL == "gru":
                r, z = sigmoid(pre_r), sigmoid(pre_z)
                put_rows(extra, at * N, n, N, running, r * ht)
                tl.debug_barrier()
                candidate = tanh(pre_n + from_state(2, extra, at, running, w_hh, n, N, PRECISION, OPERAND))
            else:
                r = sigmoid(pre_r + bias(b_hh, n, N, BIAS)[None, :])
                z = sigmoid(pre_z + bias(b_hh + N, n, N, BIAS)[None, :])
                from_h = from_state(2, *state, PRECISION, OPERAND) + bias(b_hh + 2 * N, n, N, BIAS)[None, :]
                put_rows(extra, at * N, n, N, running, from_h)
                candidate = tanh(pre_n + r * from_h)
            new = z * ht + (1 - z) * candidate
            put_rows(gates, g_at, n, N, running, r)
            put_rows(gates, g_at + N, n, N, running, z)
            put_rows(gates, g_at + 2 * N, n, N, running, candidate)

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

        if G == 1:
            value = rows_of(gates, g_at, n, N, running)
            d_pre = new_dh * (1 - value * value) if CELL == "rnn_tanh" else tl.where(value <= 0, 0.0, new_dh)
            put_rows(deltas, g_at, n, N, running, d_pre)
            d_old = tl.zeros_like(dh)
        elif CELL == "lstm":
            i, f = rows_of(gates, g_at, n, N, running), rows_of(gates, g_at + N, n, N, running)
            g, o = rows_of(gates, g_at + 2 * N, n, N, running), rows_of(gates, g_at + 3 * N, n, N, running)
            c_old = rows_of(extra, at * N, n, N, running)
            new_dc = dc
            c_kept = tl.zeros_like(dc)
            if ZONEOUT:
                second = tl.cast(T, tl.int64) * B
                c_kept = rows_of(zoneout, (second + at) * N, n, N, running) * new_dc
                new_dc -= c_kept
            inner = f * c_old + i * g
            if LAGS > 0:
                inner += rows_of(from_lags, at * N, n, N, running)
            tanh_c = tanh(inner)
            d_inner = new_dh * o * (1 - tanh_c * tanh_c)
            if LAGS > 0:
                put_rows(d_lags, at * N, n, N, running, d_inner)
            new_dc += d_inner
            c_kept += new_dc * f
            put_rows(deltas, g_at, n, N, running, new_dc * g * i * (1 - i))
            put_rows(deltas, g_at + N, n, N, running, new_dc * c_old * f * (1 - f))
            put_rows(deltas, g_at + 2 * N, n, N, running, new_dc * i * (1 - g * g))
            put_rows(deltas, g_at + 3 * N, n, N, running, new_dh * tanh_c * o * (1 - o))
            dc = tl.where(running[:, None], c_kept, dc)
            d_old = tl.zeros_like(dh)
        else:
            r, z = rows_of(gates, g_at, n, N, running), rows_of(gates, g_at + N, n, N, running)
            candidate = rows_of(gates, g_at + 2 * N, n, N, running)
            d_old = new_dh * z
            d_pre_z = new_dh * (old - candidate) * z * (1 - z)
            d_pre_n = new_dh * (1 - z) * (1 - candidate * candidate)
            put_rows(deltas, g_at + 2 * N, n, N, running, d_pre_n)
            if CELL == "gru":
                tl.debug_barrier()
                d_reset = product(deltas, g_at + 2 * N, N, running, w_hh + 2 * N * N, N, 1, n, N, PRECISION, OPERAND)
                d_old += d_reset * r
                d_pre_r = d_reset * old * r * (1 - r)
            else:
                put_rows(d_candidate, at * N, n, N, running, d_pre_n * r)
                d_pre_r = d_pre_n * rows_of(extra, at * N, n, N, running) * r * (1 - r)
            put_rows(deltas, g_at, n, N, running, d_pre_r)
            put_rows(deltas, g_at + N, n, N, running, d_pre_z)
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
            elif GATE == "hard":
                da = tl.where((a == 0) | (a == gate_scale), 0.0, da * (gate_scale / 6))
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
