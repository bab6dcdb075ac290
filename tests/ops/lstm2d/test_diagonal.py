"""The 2-D LSTM a diagonal at a time: skewing, and every backend against the raster loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attentive_rnn.ops.lstm2d import Weights, lstm2d
from attentive_rnn.ops.lstm2d.diagonal import skew, unskew
from helpers import assert_all_near, assert_near

SIZES = [(1, 1, 1), (1, 1, 6), (2, 6, 1), (3, 7, 5), (1, 4, 9), (2, 2, 2)]  # B, H, W


def random_weights(directions: int, n: int, feed: bool = False, up: bool = True) -> Weights:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(directions, *shape, generator=generator, dtype=torch.float64).requires_grad_()

    fed = (draw(4 * n), draw(4 * n) if up else None, draw(n), draw()) if feed else ()
    return Weights(draw(4 * n, n), draw(4 * n, n) if up else None, *fed)


def random_input(b: int, h: int, w: int, directions: int, n: int) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(b, h, w, directions, 4 * n, generator=generator, dtype=torch.float64).requires_grad_()


def results(p: Tensor, w: Weights, backend: str) -> dict[str, Tensor]:
    """h and the gradients of a fixed function that weighs every number of it differently."""
    h = lstm2d(p, w, backend=backend).h
    leaves = {"p": p} | {name: t for name, t in w._asdict().items() if t is not None}
    weight = torch.randn(h.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    gradients = torch.autograd.grad((h.double() * weight).sum(), list(leaves.values()), materialize_grads=True)
    return {"h": h} | dict(zip(leaves, gradients, strict=True))


@pytest.mark.parametrize("feed", [False, True], ids=["h", "values-fed-back"])
@pytest.mark.parametrize("directions", [1, 2, 4])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_backend_is_the_raster_loop(size, directions, feed):
    p, w = random_input(*size, directions, 3), random_weights(directions, 3, feed)
    expected = results(p, w, "reference")
    for backend in ("hoisted", "auto"):
        assert_all_near(results(p, w, backend), expected, 1e-12)


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 4]), st.integers(1, 19))
def test_every_backend_is_the_raster_loop_at_any_size(b, h, w, directions, n):
    p, weights = random_input(b, h, w, directions, n), random_weights(directions, n)
    expected = lstm2d(p, weights, backend="reference").h
    for backend in ("hoisted", "auto"):
        assert_near(lstm2d(p, weights, backend=backend).h, expected, 1e-12)


@pytest.mark.parametrize(("h", "w"), [(1, 1), (1, 5), (4, 1), (3, 4)])
def test_skewing_moves_row_i_right_by_i_and_back(h, w):
    maps = torch.arange(1.0, 2 * h * w * 3 + 1).view(2, h, w, 3)
    skewed = skew(maps)
    assert skewed.shape == (2, h, h + w - 1, 3)
    for i in range(h):
        assert torch.equal(skewed[:, i, i : i + w], maps[:, i])
        assert not skewed[:, i, :i].any()
        assert not skewed[:, i, i + w :].any()
    assert torch.equal(unskew(skewed), maps)
