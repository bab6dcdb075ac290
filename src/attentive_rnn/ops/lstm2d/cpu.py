"""The 2-D LSTM by the compiled CPU kernels (native/lstm2d.h): all maps and directions in one call, and its backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import native
from ..autograd import differentiable
from . import diagonal, kernels, operators
from .spec import Weights


def why_not(p: Tensor, w: Weights) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if w.value_left is not None:
        return "its kernels do not feed the mask's values back"
    return native.why_not((p, w.left, w.up), p.dtype)


def forward(p: Tensor, w: Weights) -> Tensor:
    """What `reference.forward` computes."""
    if p.dtype is torch.bfloat16 or p.dtype is torch.float16:
        single = Weights(w.left.float(), None if w.up is None else w.up.float())
        return forward(p.float(), single).to(p.dtype)
    if torch.compiler.is_compiling():
        return operators.forward(p, w)
    inputs = (p.contiguous(), w.left.contiguous(), None if w.up is None else w.up.contiguous())
    if differentiable(inputs):
        h: Tensor = _Recurrence.apply(*inputs)
        return h
    return kernels.run(None, *inputs)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, p: Tensor, left: Tensor, up: Tensor | None) -> Tensor:
        history = native.buffer(kernels.history_bytes(tuple(p.shape), p.dtype is torch.float64))
        h = kernels.run(history, p, left, up)
        ctx.save_for_backward(history, h, p, left, up)
        return h

    @staticmethod
    def backward(ctx: Any, g_h: Tensor) -> tuple[Tensor | None, ...]:
        history, h, p, left, up = ctx.saved_tensors
        if torch.is_grad_enabled() or native.batched((g_h,)) or native.why_not((g_h,), h.dtype) is not None:
            return diagonal.gradients((p, left, up), g_h, ctx.needs_input_grad)
        return kernels.run_back(history, h, g_h.contiguous(), p, left, up, ctx.needs_input_grad)
