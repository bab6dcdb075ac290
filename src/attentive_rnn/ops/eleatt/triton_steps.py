"""What the Triton kernels of the recurrences share: activations, tiles of a matrix, products."""

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
def weight(matrix, row, rows, column, columns, OPERAND: tl.constexpr):
    """A block [row, column] of a weight (rows, columns), zero outside it."""
    inside = (row < rows)[:, None] & (column < columns)[None, :]
    return tl.load(matrix + row[:, None] * columns + column[None, :], mask=inside, other=0.0).to(OPERAND)


@triton.jit
def transposed(matrix, row, rows, column, columns, OPERAND: tl.constexpr):
    """A block [column, row] of the transpose of a weight (rows, columns), zero outside it."""
    inside = (column < columns)[:, None] & (row < rows)[None, :]
    return tl.load(matrix + row[None, :] * columns + column[:, None], mask=inside, other=0.0).to(OPERAND)


@triton.jit
def product(left, right, PRECISION: tl.constexpr):
    """left @ right in float32; the left factor takes the right one's type."""
    return tl.dot(left.to(right.dtype), right, input_precision=PRECISION)


@triton.jit
def bias(vector, index, count, HAS: tl.constexpr):
    if HAS:
        return tl.load(vector + index, mask=index < count, other=0.0).to(tl.float32)
    else:  # noqa: RET505 - a kernel has one return, or one for each case known when it is compiled
        return tl.zeros_like(index).to(tl.float32)
