"""The 2-D LSTM as one loop of a graph over the diagonals, for export to ONNX: the sizes of the maps stay open.

Diagonal k holds the cells [i, k - i]. They are taken from the map and put back by index, and row i of a diagonal is
computed also where it lies outside the map, as zeros.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..autograd import without_gradient
from .reference import cell, flipped
from .spec import Call


def why_not(call: Call) -> str | None:
    """What keeps the loop from a call, if anything."""
    return None if torch.compiler.is_exporting() else "it makes a loop of a graph, for torch.export"


def forward(call: Call) -> Tensor:
    """What `reference.forward` computes."""
    from torch._higher_order_ops import scan

    call = Call.of(call.options, tuple(map(without_gradient, call.tensors)))
    p, w = call
    height, width, directions = p.shape[1:4]
    rows = torch.arange(height, device=p.device)
    diagonals = torch.arange(height + width - 1, device=p.device)
    columns = diagonals[:, None] - rows  # (K, H), of the cells of each diagonal
    inside = (columns >= 0) & (columns < width)
    maps = torch.stack([flipped(p[:, :, :, r], r) for r in range(directions)])  # (R, B, H, W, 4N)
    cells = maps[:, :, rows.expand_as(columns), columns.clamp(0, width - 1)]  # (R, B, K, H, 4N)
    xs = [cells.movedim(2, 0), inside.to(p.dtype)[:, None, None, :, None]]
    above = (rows - 1).clamp(min=0)
    below_another = (rows > 0).to(p.dtype)[:, None]
    left, up = w.left.transpose(1, 2)[:, None], None if w.up is None else w.up.transpose(1, 2)[:, None]
    n = w.left.shape[-1]
    start = [p.new_zeros(directions, p.shape[0], height, size) for size in (n, n, 1)]

    def step(before: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        (h, c, a), (s, here) = before, now

        def from_above(states: Tensor) -> Tensor:
            return states.index_select(2, above) * below_another

        s = s + h @ left
        if up is not None:
            s = s + from_above(h) @ up
        if w.value_left is not None:
            s = s + a * w.value_left[:, None, None]
        if w.value_up is not None:
            s = s + from_above(a) * w.value_up[:, None, None]
        h, c = (state * here for state in cell(s, c))
        if w.read is not None and w.read_bias is not None:
            a = torch.sigmoid(h @ w.read[:, None, :, None] + w.read_bias[:, None, None, None]) * here
        return [h.clone(), c.clone(), a.clone()], [h.clone()]

    _, made = scan(step, start, xs)
    every: Any = made[0].movedim(0, 2)  # (R, B, K, H, N)
    where = rows[:, None] + torch.arange(width, device=p.device)  # (H, W), the diagonal of each cell
    every = every[:, :, where, rows[:, None].expand_as(where)]
    return torch.stack([flipped(every[r], r) for r in range(directions)], 3)
