"""Triton programs of one building block each, for tests: imported where Triton already knows that it interprets."""

import triton
import triton.language as tl

from attentive_rnn.ops.triton_blocks import bias, product, put_rows, rows_of, sigmoid, tanh


@triton.jit
def activate(x, sigmoids, tanhs, count, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    value = tl.load(x + i, mask=i < count, other=0.0)
    tl.store(sigmoids + i, sigmoid(value), mask=i < count)
    tl.store(tanhs + i, tanh(value), mask=i < count)


@triton.jit
def linear(x, weight, vector, y, rows, count, columns, HAS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    row, column = tl.arange(0, ROWS), tl.arange(0, BLOCK)
    here = row < rows
    made = product(x, row * count, count, here, weight, 1, count, column, columns, "ieee", tl.float32)
    made += bias(vector, column, columns, HAS)[None, :]
    put_rows(y, row * columns, column, columns, here, made + rows_of(y, row * columns, column, columns, here))
