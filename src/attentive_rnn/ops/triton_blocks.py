"""Building blocks of the Triton kernels: activations, rows of a matrix, products."""

import triton
import triton.language as tl


@triton.jit
def sigmoid(x):
    return 1 / (1 + tl.exp(-x))


@triton.jit
def tanh(x):
    e = tl.exp(-2 * tl.abs(x))  # in (0, 1]: no overflow
    return tl.where(x < 0, e - 1, 1 - e) / (1 + e)


@triton.jit
def rows_of(tensor, at, column, columns, row_is_there):
    """Elements [row, column] of a row-major matrix in float32, zero outside it; `at` is where each row starts."""
    inside = row_is_there[:, None] & (column < columns)[None, :]
    return tl.load(tensor + at[:, None] + column[None, :], mask=inside, other=0.0).to(tl.float32)


@triton.jit
def put_rows(tensor, at, column, columns, row_is_there, value):
    inside = row_is_there[:, None] & (column < columns)[None, :]
    tl.store(tensor + at[:, None] + column[None, :], value.to(tensor.dtype.element_ty), mask=inside)


@triton.jit
def product(
    left,
    at,
    count,
    row_is_there,
    matrix,
    to_row,
    to_column,
    column,
    columns,
    PRECISION: tl.constexpr,
    OPERAND: tl.constexpr,
):
    """left (rows, count) @ matrix (count, columns) in float32, a few of the `count` at a time.

    Rows of the left factor start at `at`; element (k, j) of the right one is matrix[k * to_row + j * to_column].
    Both come from memory, the left factor from what this program wrote before its last barrier: registers cannot be
    taken in parts, and a whole weight has no room in them.
    """
    CHUNK: tl.constexpr = 32
    total = tl.zeros((at.shape[0], column.shape[0]), tl.float32)
    for first in range(0, count, CHUNK):
        k = first + tl.arange(0, CHUNK)
        inside = (k < count)[:, None] & (column < columns)[None, :]
        right = tl.load(matrix + k[:, None] * to_row + column[None, :] * to_column, mask=inside, other=0.0)
        total = tl.dot(
            rows_of(left, at, k, count, row_is_there).to(OPERAND), right.to(OPERAND), total, input_precision=PRECISION
        )
    return total


@triton.jit
def bias(vector, index, count, HAS: tl.constexpr):
    if HAS:
        return tl.load(vector + index, mask=index < count, other=0.0).to(tl.float32)
    else:  # noqa: RET505 - a kernel has one return, or one for each case known when it is compiled
        return tl.zeros_like(index).to(tl.float32)
