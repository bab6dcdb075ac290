"""Calls of the compiled CPU kernels of the 2-D LSTM (native/abi.h, Lstm2dCall) on contiguous tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import native
from ..engine import Engine


def history_bytes(p: Tensor) -> Any:
    """The size of what a backward pass needs of a forward pass over p (B, H, W, R, 4N): so much a cell, and a rest."""
    b, h, w, r, rows = p.shape
    one, two = (
        int(native.kernels.lstm2d_history_bytes(maps, 1, 1, 1, int(rows) // 4, p.dtype is torch.float64, 1))
        for maps in (1, 2)
    )
    return b * h * w * r * (two - one) + 2 * one - two


def run(history: Tensor | None, p: Tensor, left: Tensor, up: Tensor | None) -> Tensor:
    """h; `history` is filled with what a backward pass needs."""
    h = native.empty((*p.shape[:4], left.shape[-1]), p.dtype)
    native.kernels.lstm2d_forward(*_words(p, left, up), h.data_ptr(), _pointer(history))
    return h


def run_back(
    history: Tensor, h: Tensor, g_h: Tensor, p: Tensor, left: Tensor, up: Tensor | None, needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients of p, left and up where needed, from that of h and what `run` left."""
    out = [
        native.empty(tuple(t.shape), t.dtype) if need and t is not None else None
        for t, need in zip((p, left, up), needed, strict=True)
    ]
    given = (h.data_ptr(), history.data_ptr(), g_h.data_ptr())
    native.kernels.lstm2d_backward(*_words(p, left, up), *given, *(_pointer(t) for t in out))
    return tuple(out)


def _words(p: Tensor, left: Tensor, up: Tensor | None) -> tuple[Any, ...]:
    sizes = (*p.shape[:4], left.shape[-1], p.dtype is torch.float64, torch.get_num_threads())
    return (*sizes, p.data_ptr(), left.data_ptr(), _pointer(up))


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


ENGINE = Engine("cpu", native.why_not, history_bytes, native.beside, run, run_back)
