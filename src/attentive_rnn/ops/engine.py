"""What a set of kernels has that runs a whole call of a recurrence at once, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor


class Engine(NamedTuple):
    """Kernels of one device for one recurrence.

    CALL stands for the operands of the recurrence, as its kernels read them. EleAtt and RRA: one `Call`, of which `run`
    makes (output, states[, attention]). The 2-D LSTM: contiguous p, left and up (or None), of which it makes h.
    """

    name: str  # the backend's
    why_not: Callable[..., str | None]  # (tensors, dtype): what keeps them from the kernels, if anything
    history_bytes: Callable[..., Any]  # (sizes): of what a backward pass needs; a symbol where a size is one
    memory: Callable[[Tensor, int], Tensor]  # (like, bytes): that many bytes where the tensor `like` is
    run: Callable[..., Any]  # (history or None, CALL): the results; fills the history
    run_back: Callable[..., tuple[Tensor | None, ...]]  # (history, result, gradients, ..., CALL): the operands'
