"""The gradients of a fast backend where its own backward cannot serve: those of the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .spec import Result, Spec, Weights


def reference_gradients(
    forward: Callable[..., Result],
    call: tuple[Spec, Tensor | None, bool, Tensor | None, bool],
    inputs: tuple[Tensor | None, ...],
    grads: tuple[Tensor | None, ...],
    needed: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients of a call's results by PyTorch's operators: differentiable again under create_graph=True.

    Args:
        forward: the recurrence's reference.
        call: the spec, lengths, reverse, zoneout and need_attention.
        inputs: x, the states and the weights.
        grads: of the output, the last states and the attention if asked for.
        needed: which inputs need a gradient.
    """
    spec, lengths, reverse, zoneout, need_attention = call
    x, *rest = inputs
    state, w = tuple(rest[: spec.states]), Weights(*rest[spec.states :])  # type: ignore[arg-type]
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        result = forward(spec, x, state, w, lengths, reverse, zoneout, need_attention)
    returned: list[Any] = [result.output, *result.state, result.attention]
    used = [(r, g) for r, g in zip(returned, grads, strict=False) if g is not None]
    wanted = [t for t, need in zip(inputs, needed, strict=True) if need]
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
