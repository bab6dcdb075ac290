"""Triton kernels of the recurrence: a tile of rows runs through all its steps, and back, with its state in registers.

Products that need not wait for h_{t-1} are made before (W_xa x + b_a with a gate, W_x x + b without one) and after
(those of the weights' gradients, from the gradients of the pre-activations).
"""

import triton
import triton.language as tl

from ..triton_blocks import bias, product, put_rows, rows_of, sigmoid, tanh


@triton.jit
def former(output, window, lag, t, steps, row, B, n, N, there, WINDOW: tl.constexpr, REVERSE: tl.constexpr):
    """h of each row, `lag` of its steps before its step t."""
    then = t + lag if REVERSE else t - lag
    since = then - steps if REVERSE else -1 - then
    before = since + tl.zeros_like(steps)  # of each row, which of the window's, where none was made so early
    made = rows_of(output, (tl.cast(then, tl.int64) * B + row) * N, n, N, there & (before < 0))
    return made + rows_of(window, (row * WINDOW + before) * N, n, N, there & (before >= 0))


@triton.jit
def residual(
    w,
    output,
    window,
    t,
    steps,
    row,
    B,
    n,
    N,
    there,
    LAGS: tl.constexpr,
    FIRST: tl.constexpr,
    WINDOW: tl.constexpr,
    REVERSE: tl.constexpr,
):
    """a_t of each row."""
    total = tl.zeros((row.shape[0], n.shape[0]), tl.float32)
    for k in tl.static_range(LAGS):
        h = former(output, window, FIRST + k, t, steps, row, B, n, N, there, WINDOW, REVERSE)
        total += tl.load(w + k).to(tl.float32) * h
    return total


@triton.jit
def residual_back(
    w,
    d_residual,
    stride,
    g_window,
    t,
    steps,
    row,
    B,
    n,
    N,
    there,
    LAGS: tl.constexpr,
    FIRST: tl.constexpr,
    WINDOW: tl.constexpr,
    REVERSE: tl.constexpr,
    G_WINDOW: tl.constexpr,
):
    """What later steps and the last window add to the gradient of each row's h_t: sum_k w_k da_{t+first+k}.

    A step t before the first one is that of an output in the first window.
    """
    total = tl.zeros((row.shape[0], n.shape[0]), tl.float32)
    for k in tl.static_range(LAGS):
        then = (t - FIRST - k if REVERSE else t + FIRST + k) + tl.zeros_like(steps)
        inside = there & (then >= 0) & (then < steps)
        da = rows_of(d_residual, (then.to(tl.int64) * B + row) * stride, n, N, inside)
        total += tl.load(w + k).to(tl.float32) * da
    if G_WINDOW:
        since = t + tl.zeros_like(steps) if REVERSE else steps - 1 - t  # steps that came after
        total += rows_of(g_window, (row * WINDOW + since) * N, n, N, there & (since < WINDOW))
    return total


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


@triton.jit(do_not_specialize=["T", "B"])
def lag_products(
    d_residual,
    output,
    window,
    lengths,
    products,  # (T, K), out: the sum over rows and units of da_t * h_{t-first-k}
    T,
    B,
    N,
    stride,
    FIRST: tl.constexpr,
    WINDOW: tl.constexpr,
    REVERSE: tl.constexpr,
    RAGGED: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    t, k = tl.program_id(0), tl.program_id(1)
    n = tl.arange(0, BLOCK_N)
    total = tl.zeros((ROWS, BLOCK_N), tl.float32)
    for start in range(0, B, ROWS):
        row = tl.cast(start + tl.arange(0, ROWS), tl.int64)
        here = row < B
        steps = tl.where(here, T, 0)
        if RAGGED:
            steps = tl.load(lengths + row, mask=here, other=0).to(tl.int32)
        running = t < steps
        da = rows_of(d_residual, (tl.cast(t, tl.int64) * B + row) * stride, n, N, running)
        total += da * former(output, window, FIRST + k, t, steps, row, B, n, N, running, WINDOW, REVERSE)
    tl.store(products + tl.cast(t, tl.int64) * tl.num_programs(1) + k, tl.sum(tl.sum(total, 1), 0))
