"""The equations of the 2-D LSTM against golden values, and their identities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attentive_rnn import EleAttLSTM
from attentive_rnn.ops.lstm2d import FLIPS, Weights, lstm2d
from helpers import assert_near
from random_maps import random_input, random_weights

GOLDEN = json.loads((Path(__file__).parent / "golden_attention_rnn.json").read_text())["attention_rnn"]
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
