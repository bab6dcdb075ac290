"""The 2-D LSTM a diagonal at a time: skewing, and every backend against the raster loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn.ops.lstm2d import lstm2d
from attentive_rnn.ops.lstm2d.diagonal import skew, unskew
from helpers import assert_all_near, assert_near
from random_maps import random_input, random_weights, results

SIZES = [(1, 1, 1), (1, 1, 6), (2, 6, 1), (3, 7, 5), (1, 4, 9), (2, 2, 2)]  # B, H, W


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
