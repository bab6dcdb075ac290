"""The recurrence as one loop of a graph, for export to ONNX: `reference.py` with the loop over time left in the graph,
so that the numbers of steps and of rows stay open.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..autograd import without_gradient
from .reference import advance, attend, projected
from .spec import Attention, Call, Result


def why_not(call: Call) -> str | None:
    """What keeps the loop from a call, if anything."""
    return None if torch.compiler.is_exporting() else "it makes a loop of a graph, for torch.export"


def forward(call: Call) -> Result:
    """The recurrence over x (T, B, D); a step past a row's length changes nothing and puts out zeros."""
    from torch._higher_order_ops import scan

    call = Call.of(call.options, tuple(map(without_gradient, call.tensors)))
    spec, x, state, w, lengths, reverse, zoneout, need_attention, _ = call
    steps, n = x.shape[0], w.hh.shape[-1]
    if lengths is not None:
        there = (torch.arange(steps, device=x.device)[:, None] < lengths.to(x.device))[:, :, None]
        x = x.masked_fill(~there, 0.0)  # a product with int8 weights looks at the range of all of x
    w_h = w.hh[: 2 * n].clone() if spec.cell == "gru" else w.hh  # the last block waits for r_t; a loop takes no views
    xs: list[Tensor] = [x, projected(w, x)]
    if lengths is not None:
        xs.append(there)
    if zoneout is not None:
        xs.append(zoneout.transpose(0, 1))
    if reverse:
        xs = [each.flip(0) for each in xs]

    def step(before: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        rest: Any = iter(now)
        frame, xi = next(rest), next(rest)
        runs = None if lengths is None else next(rest)
        keep = None if zoneout is None else next(rest)
        h = before[0]
        a = None
        if w.ha is not None:
            a, attended = attend(spec, frame, xi, F.linear(h, w.ha), w)
            xi = F.linear(attended, w.ih, w.b_ih)
        after, response = advance(spec, xi, F.linear(h, w_h, w.b_hh), tuple(before), w, keep)
        made = [after[0], *(one for one in (a, response) if need_attention and one is not None)]
        if runs is not None:
            after = tuple(
                torch.where(runs if new.dim() == 2 else runs[:, :, None], new, old)
                for new, old in zip(after, before, strict=True)
            )
            made = [torch.where(runs, one, 0.0) for one in made]
        return [one.clone() for one in after], [one.clone() for one in made]

    last, made = scan(step, list(state), xs)
    output, *attended = (each.flip(0) for each in made) if reverse else made
    by_gate = attended.pop(0) if need_attention and w.ha is not None else None
    return Result(output, tuple(last), Attention(attended[0] if attended else None, by_gate))
