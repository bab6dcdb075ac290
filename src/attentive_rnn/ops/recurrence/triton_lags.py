"""Attention to past outputs in the Triton kernels: a_t = sum_k w_k h_{t-first-k}, and its gradients.

Nothing is carried: a past output is read where it was written, `output`, or before a row's first step in `window`.
"""

import triton
import triton.language as tl

from ..triton_blocks import rows_of


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
