"""The 2-D LSTM by the compiled CPU kernels (native/lstm2d.h): all maps and directions in one call, and its backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import native
from ..autograd import Kernels
from ..native import Lstm2dCall, address
from . import diagonal
from .spec import Call


def why_not(call: Call) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if call.w.value_left is not None:
        return "its kernels do not feed the mask's values back"
    return native.why_not(call.tensors, call.dtype)


def history_bytes(call: Call) -> Any:
    """The size of what a backward pass needs of a forward pass: so much a cell of the maps, and a rest."""
    b, h, w, r, rows = call.p.shape
    one, two = (
        int(native.kernels.lstm2d_history_bytes(*Lstm2dCall(maps, 1, 1, 1, int(rows) // 4, is_double, 1)))
        for is_double in (call.dtype is torch.float64,)
        for maps in (1, 2)
    )
    return b * h * w * r * (two - one) + 2 * one - two


def forward(call: Call, keep: Tensor | bool) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    """(h,), and what a backward pass needs; see :class:`Kernels`."""
    call = call.contiguous()
    history = native.buffer(history_bytes(call)) if keep is True else None if keep is False else keep
    h = native.empty((*call.p.shape[:4], call.w.left.shape[-1]), call.dtype)
    native.kernels.lstm2d_forward(*_native(call, h=h.data_ptr(), history=address(history)))
    return (h,), (native.own(h) if keep is True else h, history)  # the caller's may be changed before backward


def copied(call: Call) -> Call:
    """The call with weights of its own; the pre-activations p are not read again."""
    return Call.of(None, [call.p, *map(native.own, call.w)])


def backward(
    call: Call, saved: Sequence[Tensor], grads: Sequence[Tensor | None], needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients of p and the weights where needed, from that of h."""
    call, (h, history) = call.contiguous(), saved
    g_h = torch.zeros_like(h) if grads[0] is None else grads[0].contiguous()
    found = [
        native.empty(tuple(t.shape), t.dtype) if need and t is not None else None
        for t, need in zip(call.tensors, needed, strict=True)
    ]
    g_p, g_left, g_up = map(address, found[:3])
    given = {"h": h.data_ptr(), "history": history.data_ptr(), "g_h": g_h.data_ptr()}
    native.kernels.lstm2d_backward(*_native(call, **given, g_p=g_p, g_left=g_left, g_up=g_up))
    return tuple(found)


def _native(call: Call, **addresses: int | None) -> Lstm2dCall:
    """A contiguous call as the kernels read it, with the addresses of results and gradients."""
    p, w = call
    maps, height, width, directions, _ = p.shape
    return Lstm2dCall(
        maps=maps,
        height=height,
        width=width,
        directions=directions,
        units=w.left.shape[-1],
        is_double=p.dtype is torch.float64,
        threads=torch.get_num_threads(),
        p=p.data_ptr(),
        left=w.left.data_ptr(),
        up=address(w.up),
        **addresses,
    )


KERNELS = Kernels("cpu", native.why_not, forward, backward, diagonal.results, history_bytes, False, copied)
