"""A recurrence over a long sequence in parts, each of which a backward pass runs once more: its steps are not kept.

Input is what :func:`..ops.recurrence.recurrence` takes, output what it gives.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..ops.native import why_not_transformed
from ..ops.recurrence import Attention, Run, Spec, State, Weights, recurrence


def in_parts(part: int | None, x: Tensor, state: State, weights: Weights, spec: Spec, **options: Any) -> Run:
    """The recurrence over x (T, B, D), which keeps for a backward pass the states every `part` steps alone.

    Outputs and gradients are those of one run. Where nothing is kept (without gradients) or kept by others (graphs of
    torch.compile, transforms of torch.func) it is one run.

    Args:
        part: steps in a part; None: one run.
        x, state, weights, spec, options: see :func:`..ops.recurrence.recurrence`.
    """
    steps = x.shape[0]
    if part is None or steps <= part or not torch.is_grad_enabled() or why_not_transformed() is not None:
        return recurrence(x, state, weights, spec, **options)
    lengths, zoneout, reverse = (options.pop(name) for name in ("lengths", "zoneout", "reverse"))
    starts = range(0, steps, part)
    runs: dict[int, Run] = {}
    for start in reversed(starts) if reverse else starts:
        end = min(start + part, steps)
        own = {
            "lengths": None if lengths is None else (lengths - start).clamp(0, end - start),
            "zoneout": None if zoneout is None else zoneout[:, start:end],
            "reverse": reverse,
        }
        frames = x[start:end]
        run = checkpoint(
            recurrence, frames, state, weights, spec, use_reentrant=False, preserve_rng_state=False, **own, **options
        )
        runs[start], state = run, run.state
    ordered = [runs[start] for start in starts]
    attention = Attention(*map(_joined, zip(*(run.attention for run in ordered), strict=True)))
    return Run(torch.cat([run.output for run in ordered]), state, attention, ordered[-1].choice)


def _joined(parts: tuple[Any, ...]) -> Tensor | None:
    """One tensor over all steps of the parts' tensors; None of None."""
    return None if parts[0] is None else torch.cat(parts)
