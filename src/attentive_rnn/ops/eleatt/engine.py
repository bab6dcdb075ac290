"""What a set of kernels has that runs all steps of a call at once, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor


class Engine(NamedTuple):
    """Kernels of one device. A call's tensors are contiguous, or x with unit stride along D."""

    name: str  # the backend's
    why_not: Callable[..., str | None]  # (tensors, dtype): what keeps them from the kernels, if anything
    history_bytes: Callable[..., Any]  # (spec, x, N): the size of what a backward pass needs
    memory: Callable[[Tensor, int], Tensor]  # (like, bytes): that many bytes where the tensor `like` is
    run: Callable[..., tuple[Tensor, ...]]  # (history or None, call): output, states[, attention]; fills the history
    run_back: Callable[..., tuple[Tensor | None, ...]]  # (history, output, grads, needed, call): x's and the inputs'
