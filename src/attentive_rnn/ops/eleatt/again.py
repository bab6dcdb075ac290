"""The gradients of a fast backend where its own backward cannot serve: those of the reference."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..autograd import gradients_again
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

    def run() -> list[Tensor | None]:
        result = forward(call)
        return [result.output, *result.state, result.attention]

    return gradients_again(run, call.inputs, grads, needed)
