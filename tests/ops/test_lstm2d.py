"""The 2-D LSTM as a function: golden values, its two forms against each other, its past, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attentive_rnn import EleAttLSTM
from attentive_rnn.ops.lstm2d import FLIPS, Weights, lstm2d
from attentive_rnn.ops.lstm2d.diagonal import skew, unskew
from helpers import assert_all_near, assert_near

GOLDEN = json.loads((Path(__file__).parent / "golden_attention_rnn.json").read_text())["attention_rnn"]
SIZES = [(1, 1, 1), (1, 1, 6), (2, 6, 1), (3, 7, 5), (1, 4, 9), (2, 2, 2)]  # B, H, W
every_backend = pytest.mark.parametrize("backend", ["reference", "hoisted", "auto"])


def golden(name: str) -> Tensor:
    return torch.tensor(GOLDEN[name], dtype=torch.float64)


def in_torchs_order(blocks: Tensor) -> Tensor:
    """Rows of the blocks o, f, i, g as i, f, g, o."""
    o, f, i, g = blocks.chunk(4)
    return torch.cat([i, f, g, o])


@every_backend
def test_golden_values(backend):
    p = in_torchs_order(golden("P")).permute(1, 2, 0)[None, :, :, None].expand(1, 3, 4, 2, 8)
    weights = Weights(*(in_torchs_order(golden(k)).expand(2, 8, 2) for k in ("K_left", "K_up")))
    h = lstm2d(p, weights, backend=backend).h
    masks = torch.sigmoid(h @ golden("w_a") + golden("b_a"))
    exact = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(h[0, :, :, 0].permute(2, 0, 1), golden("h_raster"), **exact)
    torch.testing.assert_close(masks[0, :, :, 0], golden("mask_raster"), **exact)
    torch.testing.assert_close(masks[0, :, :, 1], golden("mask_inverse_raster"), **exact)


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


@every_backend
@pytest.mark.parametrize("r", range(4))
def test_a_direction_is_the_first_one_on_the_flipped_map(r, backend):
    p, w = random_input(2, 4, 5, 4, 3), random_weights(4, 3)
    axes = [axis for axis, flip in zip((1, 2), FLIPS[r], strict=True) if flip]
    alone = Weights(w.left[r : r + 1], w.up[r : r + 1])
    flipped = lstm2d(p[:, :, :, r : r + 1].flip(axes), alone, backend=backend).h.flip(axes)
    assert_near(lstm2d(p, w, backend=backend).h[:, :, :, r : r + 1], flipped, 1e-14)


@every_backend
def test_a_map_of_one_row_is_an_lstm_and_needs_no_weight_up(backend):
    p, w = random_input(3, 1, 8, 2, 4), random_weights(2, 4, up=False)
    lstm = EleAttLSTM(16, 4, bidirectional=True, bias=False, gate=None, dtype=torch.float64)
    both = [torch.eye(16, dtype=torch.float64), w.left[0]], [torch.eye(16, dtype=torch.float64), w.left[1]]
    with torch.no_grad():
        for parameters, values in zip(lstm.all_weights, both, strict=True):
            for parameter, value in zip(parameters, values, strict=True):
                parameter.copy_(value)
    h = lstm2d(p, w, backend=backend).h.squeeze(1)
    for r in range(2):
        assert_near(h[:, :, r], lstm(p[:, 0, :, r].transpose(0, 1))[0].transpose(0, 1)[..., 4 * r : 4 * r + 4], 1e-13)


@every_backend
def test_a_cell_reaches_those_to_its_right_and_below_only(backend):
    """The cone of the left and upper recursion, and its mirror image in the inverse direction."""
    p, w = random_input(1, 5, 6, 4, 3).detach(), random_weights(4, 3)
    changed = p.clone()
    changed[0, 2, 3] += 1.0
    reached = (lstm2d(p, w, backend=backend).h != lstm2d(changed, w, backend=backend).h).any(-1)[0]
    i, j = torch.meshgrid(torch.arange(5), torch.arange(6), indexing="ij")
    down, right, up, left = i >= 2, j >= 3, i <= 2, j <= 3
    for r, cone in enumerate((down & right, up & left, down & left, up & right)):
        assert torch.equal(reached[..., r], cone)


@every_backend
@pytest.mark.parametrize("feed", [False, True], ids=["h", "values-fed-back"])
def test_first_and_second_derivatives(backend, feed):
    p, w = random_input(1, 2, 3, 2, 2), random_weights(2, 2, feed)
    tensors = [t for t in (p, *w) if t is not None]

    def run(p: Tensor, *weights: Tensor) -> Tensor:
        return lstm2d(p, Weights(*weights), backend=backend).h

    assert torch.autograd.gradcheck(run, tensors)
    assert torch.autograd.gradgradcheck(run, tensors, fast_mode=True)


def test_what_does_not_fit_is_refused_by_name():
    p, w = random_input(2, 3, 4, 2, 3), random_weights(2, 3, feed=True)
    for part, weights, message in [
        (p[0], w, r"p must have 5 dimensions"),
        (p[:, :, :, :1].expand(-1, -1, -1, 3, -1), w, r"1, 2 or 4 directions"),
        (p[..., :8], w, r"4N = 12 pre-activations"),
        (p[:0], w, r"at least one map"),
        (p, w._replace(left=w.left[:1]), r"weight left must be \(2, 12, 3\)"),
        (p, w._replace(read=w.read[:, :2]), r"weight read must be \(2, 3\)"),
        (p, w._replace(read=None), r"values are fed back with"),
        (p, w._replace(value_up=None), r"values are fed back with"),
        (p, w._replace(up=None, value_up=None), r"a map of 3 rows needs the weight up"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            lstm2d(part, weights)
    with pytest.raises(ValueError, match=r"backend should be 'auto' or one of"):
        lstm2d(p, w, backend="fast")
