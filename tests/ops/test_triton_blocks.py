"""Building blocks of the Triton kernels against PyTorch: compiled where there is a GPU, else interpreted."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from on_gpu import DEVICE


@pytest.fixture
def programs(triton_runs: None) -> Any:
    """The programs; Triton makes them for its interpreter only where it is told so when they are imported."""
    return importlib.import_module("triton_programs")


def test_activations_are_those_of_torch_and_saturate(programs):
    x = torch.tensor([-80.0, -20.0, -3.0, -1e-3, 0.0, 1e-3, 0.5, 3.0, 20.0, 80.0], device=DEVICE)
    sigmoids, tanhs = torch.empty_like(x), torch.empty_like(x)
    programs.activate[(1,)](x, sigmoids, tanhs, len(x), BLOCK=16)
    torch.testing.assert_close(sigmoids, x.sigmoid(), rtol=1e-5, atol=1e-30)
    torch.testing.assert_close(tanhs, x.tanh(), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize(("rows", "count", "columns"), [(1, 1, 1), (5, 33, 7), (16, 70, 16)])
def test_a_product_in_parts_is_the_whole_one_and_nothing_outside_is_touched(rows, count, columns, has_bias, programs):
    x, weight = torch.randn(rows, count, device=DEVICE), torch.randn(columns, count, device=DEVICE)
    vector = torch.randn(columns, device=DEVICE)
    y = torch.ones(rows * columns + 3, device=DEVICE)
    programs.linear[(1,)](x, weight, vector, y, rows, count, columns, HAS=has_bias, ROWS=16, BLOCK=16)
    expected = 1 + x @ weight.T + (vector if has_bias else 0)
    torch.testing.assert_close(y[: rows * columns].view(rows, columns), expected, rtol=1e-4, atol=1e-5)
    assert (y[rows * columns :] == 1).all()
