"""The 2-D LSTM a diagonal at a time in PyTorch's operators: H + W - 1 steps instead of H * W, all directions at once.

Row i of the map is shifted right by i, so that the left and the upper neighbour of every cell of a column stand in the
column before it (van den Oord et al., ICML 2016, "skewing").
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .reference import cell, flipped
from .spec import Call


def skew(maps: Tensor) -> Tensor:
    """(M, H, W, E) with row i shifted right by i: (M, H, H + W - 1, E), zero beside the map."""
    m, h, w, e = maps.shape
    return F.pad(maps, (0, 0, 0, h)).flatten(1, 2)[:, :-h].view(m, h, h + w - 1, e)


def unskew(skewed: Tensor) -> Tensor:
    """The maps of which `skewed` (M, H, H + W - 1, E) is the skewed form."""
    m, h, steps, e = skewed.shape
    return F.pad(skewed.flatten(1, 2), (0, 0, 0, h)).view(m, h, steps + 1, e)[:, :, : steps + 1 - h]


def forward(call: Call) -> Tensor:
    """What `reference.forward` computes."""
    p, w = call
    batch, height, _, directions, _ = p.shape
    n = w.left.shape[-1]
    maps = torch.stack([flipped(p[:, :, :, r], r) for r in range(directions)])  # (R, B, H, W, 4N)
    columns = skew(maps.flatten(0, 1)).movedim(2, 0).unflatten(1, (directions, batch)).flatten(2, 3)
    taps = w.left if w.up is None else torch.cat([w.left, w.up], 2)
    taps = taps.transpose(1, 2)  # (R, N or 2N, 4N)
    h = c = p.new_zeros(directions, batch * height, n)
    a = p.new_zeros(directions, batch * height, 1)
    outputs = []
    for k, column in enumerate(columns.unbind(0)):  # (R, B * H, 4N)
        past = h if w.up is None else torch.cat([h, _above(h, height)], 2)
        s = torch.baddbmm(column, past, taps)
        if w.value_left is not None:
            s = s + a * w.value_left.unsqueeze(1)
        if w.value_up is not None:
            s = s + _above(a, height) * w.value_up.unsqueeze(1)
        h, c = cell(s, c)
        outputs.append(h)
        if w.read is not None and w.read_bias is not None:
            a = torch.sigmoid(h @ w.read.unsqueeze(2) + w.read_bias[:, None, None])
            a = a * _reached(k, height, p).repeat(batch, 1)  # a state of zero reads as more than zero

    maps = unskew(torch.stack(outputs, 2).unflatten(1, (batch, height)).flatten(0, 1)).unflatten(0, (directions, batch))
    return torch.stack([flipped(maps[r], r) for r in range(directions)], 3)


def results(call: Call) -> list[Tensor]:
    """[h], by PyTorch's operators."""
    return [forward(call)]


def _above(states: Tensor, height: int) -> Tensor:
    """The states (R, B * H, E) one row further down in each map, zero in its first row."""
    rows = states.unflatten(1, (states.shape[1] // height, height))
    return F.pad(rows[:, :, :-1], (0, 0, 1, 0)).flatten(1, 2)


def _reached(k: int, height: int, like: Tensor) -> Tensor:
    """(H, 1): one for the rows that column k has reached, those up to k."""
    return (torch.arange(height, device=like.device) <= k).to(like.dtype).unsqueeze(1)
