"""The 2-D LSTM as Triton kernels: a program takes one direction of one map through all its diagonals and back.

The cells of a diagonal wait for nothing but the diagonal before it, so they are taken a tile of rows at a time and the
program waits for itself once a diagonal. What passes between diagonals goes through memory: a neighbour's state stands
one row away, where registers do not reach, and the weights of a cell would not fit beside it.
"""

import triton
import triton.language as tl

from ..triton_blocks import product, put_rows, rows_of, sigmoid, tanh


@triton.jit
def cell_at(b, i, j, r, H, W, R, ROWS_FLIPPED: tl.constexpr, COLUMNS_FLIPPED: tl.constexpr):
    """Which cell of (B, H, W, R) direction r sees at [i, j]; bit r of the constants says what it reverses."""
    row = tl.where(((ROWS_FLIPPED >> r) & 1) != 0, H - 1 - i, i)
    column = tl.where(((COLUMNS_FLIPPED >> r) & 1) != 0, W - 1 - j, j)
    return ((tl.cast(b, tl.int64) * H + row) * W + column) * R + r


@triton.jit
def forward_diagonals(
    p,  # (B, H, W, R, 4N)
    gates,  # (B, H, W, R, 4N), out where KEEP: i, f, g, o
    c,  # out, float32: where KEEP (B, H, W, R, N), else (B, R, H, N), the latest of each row
    h,  # (B, H, W, R, N), out
    left,  # (R, 4N, N)
    up,
    H,
    W,
    R,
    N,
    UP: tl.constexpr,
    KEEP: tl.constexpr,
    ROWS_FLIPPED: tl.constexpr,
    COLUMNS_FLIPPED: tl.constexpr,
    PRECISION: tl.constexpr,
    OPERAND: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    b, r = tl.program_id(0) // R, tl.program_id(0) % R
    n = tl.arange(0, BLOCK_N)
    own_rows = tl.cast(tl.program_id(0), tl.int64) * H
    left += r * 4 * N * N
    up += r * 4 * N * N

    for k in range(0, H + W - 1):
        end = tl.minimum(k + 1, H)
        for first in range(tl.maximum(0, k - W + 1), end, ROWS):
            i = first + tl.arange(0, ROWS)
            j = k - i
            here = i < end
            at = cell_at(b, i, j, r, H, W, R, ROWS_FLIPPED, COLUMNS_FLIPPED)
            at_left = cell_at(b, i, j - 1, r, H, W, R, ROWS_FLIPPED, COLUMNS_FLIPPED)
            has_left = here & (j > 0)

            s_at = at * (4 * N)
            s_i = rows_of(p, s_at, n, N, here)
            s_f = rows_of(p, s_at + N, n, N, here)
            s_g = rows_of(p, s_at + 2 * N, n, N, here)
            s_o = rows_of(p, s_at + 3 * N, n, N, here)
            h_at = at_left * N
            s_i += product(h, h_at, N, has_left, left, 1, N, n, N, PRECISION, OPERAND)
            s_f += product(h, h_at, N, has_left, left + N * N, 1, N, n, N, PRECISION, OPERAND)
            s_g += product(h, h_at, N, has_left, left + 2 * N * N, 1, N, n, N, PRECISION, OPERAND)
            s_o += product(h, h_at, N, has_left, left + 3 * N * N, 1, N, n, N, PRECISION, OPERAND)
            if UP:
                h_at = cell_at(b, i - 1, j, r, H, W, R, ROWS_FLIPPED, COLUMNS_FLIPPED) * N
                has_up = here & (i > 0)
                s_i += product(h, h_at, N, has_up, up, 1, N, n, N, PRECISION, OPERAND)
                s_f += product(h, h_at, N, has_up, up + N * N, 1, N, n, N, PRECISION, OPERAND)
                s_g += product(h, h_at, N, has_up, up + 2 * N * N, 1, N, n, N, PRECISION, OPERAND)
                s_o += product(h, h_at, N, has_up, up + 3 * N * N, 1, N, n, N, PRECISION, OPERAND)

            s_i, s_f, s_g, s_o = sigmoid(s_i), sigmoid(s_f), tanh(s_g), sigmoid(s_o)
            if KEEP:
                old, new = at_left * N, at * N
                put_rows(gates, s_at, n, N, here, s_i)
                put_rows(gates, s_at + N, n, N, here, s_f)
                put_rows(gates, s_at + 2 * N, n, N, here, s_g)
                put_rows(gates, s_at + 3 * N, n, N, here, s_o)
            else:
                old = (own_rows + i) * N
                new = old
            c_new = s_f * rows_of(c, old, n, N, has_left) + s_i * s_g
            put_rows(c, new, n, N, here, c_new)
            put_rows(h, at * N, n, N, here, s_o * tanh(c_new))
        tl.debug_barrier()


@triton.jit
def backward_diagonals(
    gates,  # (B, H, W, R, 4N)
    c,  # (B, H, W, R, N), float32
    g_h,  # (B, H, W, R, N)
    g_p,  # (B, H, W, R, 4N), out
    d_c,  # (B, R, H, N), float32: what each row's latest cell passes to the one on its left
    left,  # (R, 4N, N)
    up,
    H,
    W,
    R,
    N,
    UP: tl.constexpr,
    ROWS_FLIPPED: tl.constexpr,
    COLUMNS_FLIPPED: tl.constexpr,
    PRECISION: tl.constexpr,
    OPERAND: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    b, r = tl.program_id(0) // R, tl.program_id(0) % R
    n = tl.arange(0, BLOCK_N)
    own_rows = tl.cast(tl.program_id(0), tl.int64) * H
    left += r * 4 * N * N
    up += r * 4 * N * N

    for back in range(0, H + W - 1):
        k = H + W - 2 - back
        end = tl.minimum(k + 1, H)
        for first in range(tl.maximum(0, k - W + 1), end, ROWS):
            i = first + tl.arange(0, ROWS)
            j = k - i
            here = i < end
            at = cell_at(b, i, j, r, H, W, R, ROWS_FLIPPED, COLUMNS_FLIPPED)
            has_right = here & (j + 1 < W)

            dh = rows_of(g_h, at * N, n, N, here)
            s_at = cell_at(b, i, j + 1, r, H, W, R, ROWS_FLIPPED, COLUMNS_FLIPPED) * (4 * N)
            dh += product(g_p, s_at, 4 * N, has_right, left, N, 1, n, N, PRECISION, OPERAND)
            if UP:
                s_at = cell_at(b, i + 1, j, r, H, W, R, ROWS_FLIPPED, COLUMNS_FLIPPED) * (4 * N)
                dh += product(g_p, s_at, 4 * N, here & (i + 1 < H), up, N, 1, n, N, PRECISION, OPERAND)

            s_at = at * (4 * N)
            s_i = rows_of(gates, s_at, n, N, here)
            s_f = rows_of(gates, s_at + N, n, N, here)
            s_g = rows_of(gates, s_at + 2 * N, n, N, here)
            s_o = rows_of(gates, s_at + 3 * N, n, N, here)
            tanh_c = tanh(rows_of(c, at * N, n, N, here))
            at_left = cell_at(b, i, j - 1, r, H, W, R, ROWS_FLIPPED, COLUMNS_FLIPPED)
            c_old = rows_of(c, at_left * N, n, N, here & (j > 0))
            dc = rows_of(d_c, (own_rows + i) * N, n, N, has_right) + dh * s_o * (1 - tanh_c * tanh_c)
            put_rows(d_c, (own_rows + i) * N, n, N, here, dc * s_f)
            put_rows(g_p, s_at, n, N, here, dc * s_g * s_i * (1 - s_i))
            put_rows(g_p, s_at + N, n, N, here, dc * c_old * s_f * (1 - s_f))
            put_rows(g_p, s_at + 2 * N, n, N, here, dc * s_i * (1 - s_g * s_g))
            put_rows(g_p, s_at + 3 * N, n, N, here, dh * tanh_c * s_o * (1 - s_o))
        tl.debug_barrier()
