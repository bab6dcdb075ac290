"""Building blocks of the Triton kernels against PyTorch: compiled where there is a GPU, else interpreted."""

from __future__ import annotations

import pytest
import torch
import triton
import triton.language as tl

from attentive_rnn.ops.triton_blocks import bias, product, put_rows, rows_of, sigmoid, tanh
from on_gpu import DEVICE

pytestmark = pytest.mark.usefixtures("triton_runs")


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


def test_activations_are_those_of_torch_and_saturate_without_overflow():
    x = torch.tensor([-1e4, -88.0, -3.0, -1e-3, 0.0, 1e-3, 0.5, 3.0, 88.0, 1e4], device=DEVICE)
    sigmoids, tanhs = torch.empty_like(x), torch.empty_like(x)
    activate[(1,)](x, sigmoids, tanhs, len(x), BLOCK=16)
    torch.testing.assert_close(sigmoids, x.sigmoid(), rtol=1e-5, atol=1e-30)
    torch.testing.assert_close(tanhs, x.tanh(), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize(("rows", "count", "columns"), [(1, 1, 1), (5, 33, 7), (16, 70, 16)])
def test_a_product_in_parts_is_the_whole_one_and_nothing_outside_is_touched(rows, count, columns, has_bias):
    x, weight = torch.randn(rows, count, device=DEVICE), torch.randn(columns, count, device=DEVICE)
    vector = torch.randn(columns, device=DEVICE)
    y = torch.ones(rows * columns + 3, device=DEVICE)
    linear[(1,)](x, weight, vector, y, rows, count, columns, HAS=has_bias, ROWS=16, BLOCK=16)
    expected = 1 + x @ weight.T + (vector if has_bias else 0)
    torch.testing.assert_close(y[: rows * columns].view(rows, columns), expected, rtol=1e-4, atol=1e-5)
    assert (y[rows * columns :] == 1).all()
