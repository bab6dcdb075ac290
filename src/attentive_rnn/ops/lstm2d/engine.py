"""What a set of kernels has that runs all cells of all maps at once, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor


class Engine(NamedTuple):
    """Kernels of one device. A call's tensors p, left and up (or None) are contiguous."""

    name: str  # the backend's
    why_not: Callable[..., str | None]  # (tensors, dtype): what keeps them from the kernels, if anything
    history_bytes: Callable[[Tensor], Any]  # (p): the size of what a backward pass needs; a symbol where p has some
    memory: Callable[[Tensor, int], Tensor]  # (like, bytes): that many bytes where the tensor `like` is
    run: Callable[..., Tensor]  # (history or None, p, left, up): h; fills the history
    run_back: Callable[..., tuple[Tensor | None, ...]]  # (history, h, g_h, p, left, up, needed): those of p, left, up
