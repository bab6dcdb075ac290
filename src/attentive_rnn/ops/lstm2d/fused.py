"""The 2-D LSTM by kernels that run all cells in one call: as an autograd function, or in a graph as an operator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import native
from ..autograd import differentiable
from ..engine import Engine
from . import diagonal, operators
from .spec import Weights


def forward(engine: Engine, p: Tensor, w: Weights) -> Tensor:
    """What `reference.forward` computes."""
    if torch.compiler.is_compiling():
        return operators.forward(engine.name, p, w)
    inputs = (p.contiguous(), w.left.contiguous(), None if w.up is None else w.up.contiguous())
    if differentiable(inputs):
        h: Tensor = _Recurrence.apply(engine, *inputs)
        return h
    return engine.run(None, *inputs)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, engine: Engine, p: Tensor, left: Tensor, up: Tensor | None) -> Tensor:
        ctx.engine = engine
        history = engine.memory(p, engine.history_bytes(p))
        h = engine.run(history, p, left, up)
        ctx.save_for_backward(history, h, p, left, up)
        return h

    @staticmethod
    def backward(ctx: Any, g_h: Tensor) -> tuple[Tensor | None, ...]:
        history, h, *inputs = ctx.saved_tensors
        needed = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled() or native.batched((g_h,)) or ctx.engine.why_not((g_h,), h.dtype) is not None:
            return None, *diagonal.gradients(inputs, g_h, needed)
        return None, *ctx.engine.run_back(history, h, g_h.contiguous(), *inputs, needed)
