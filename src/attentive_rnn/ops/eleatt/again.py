"""The gradients of a fast backend where its own backward cannot serve: those of the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .spec import Call, Result


def reference_gradients(
    forward: Callable[[Call], Result],
    call: Call,
    grads: tuple[Tensor | None, ...],
    needed: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients of a call's results by PyTorch's operators: differentiable again under create_graph=True.

    Args:
        forward: the recurrence's reference.
        call: the call.
        grads: of the output, the last states and the attention if asked for.
        needed: which of the call's inputs need a gradient.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        result = forward(call)
    returned: list[Any] = [result.output, *result.state, result.attention]
    used = [(r, g) for r, g in zip(returned, grads, strict=False) if g is not None]
    wanted = [t for t, need in zip(call.inputs, needed, strict=True) if need]
    found = iter(
        torch.autograd.grad(
            [r for r, _ in used],
            wanted,  # type: ignore[arg-type]
            [g for _, g in used],
            create_graph=again,
            allow_unused=True,
        )
    )
    return tuple(next(found) if need else None for need in needed)
