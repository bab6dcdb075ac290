"""What the recurrences ask of PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


def differentiable(tensors: Iterable[Tensor | None]) -> bool:
    """Whether gradients of a call on these tensors can be asked for."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def gradients_again(
    run: Callable[[], Sequence[Tensor | None]],
    inputs: Sequence[Tensor | None],
    grads: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """The gradients of a call, run again by PyTorch's operators: differentiable again under create_graph=True.

    Args:
        run: makes the results from the inputs.
        inputs: of the call.
        grads: of the results, in their order; None where there is none.
        needed: which inputs need a gradient.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        returned = run()
    used: list[Any] = [(r, g) for r, g in zip(returned, grads, strict=False) if g is not None]
    wanted: list[Any] = [t for t, need in zip(inputs, needed, strict=True) if need]
    results, weights = [r for r, _ in used], [g for _, g in used]
    found = iter(torch.autograd.grad(results, wanted, weights, create_graph=again, allow_unused=True))
    return tuple(next(found) if need else None for need in needed)
