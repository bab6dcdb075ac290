"""A recurrence by kernels that run all its steps in one call: as an autograd function, or in a graph as an operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import native
from . import operators
from .again import reference_gradients
from .engine import Engine
from .spec import Result, Spec, State, Weights


def forward(
    engine: Engine,
    oracle: Callable[..., Result],
    spec: Spec,
    x: Tensor,
    state: State,
    w: Weights,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    need_attention: bool,
) -> Result:
    """What `oracle`, the recurrence's reference, computes."""
    need_attention = need_attention and spec.gate is not None
    if torch.compiler.is_compiling():
        return operators.forward(engine.name, spec, x, state, w, lengths, reverse, zoneout, need_attention)
    x = x if x.stride(-1) == 1 else x.contiguous()
    inputs = [None if t is None else t.contiguous() for t in (*state, *w)]
    lengths = None if lengths is None else lengths.contiguous()
    zoneout = None if zoneout is None else zoneout.contiguous()
    call: Any = (spec, lengths, reverse, zoneout, need_attention, x, *inputs)
    differentiable = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, *inputs))
    results = _Recurrence.apply(engine, oracle, *call) if differentiable else engine.run(None, *call)
    return Result(results[0], results[1 : 1 + spec.states], results[-1] if need_attention else None)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *call: Any) -> tuple[Tensor, ...]:
        ctx.engine, ctx.oracle, *call = call  # type: ignore[assignment]
        ctx.spec, lengths, ctx.reverse, zoneout, ctx.need_attention, *inputs = call
        x, n = inputs[0], inputs[1].shape[1]
        history = None
        if any(ctx.needs_input_grad):
            history = ctx.engine.memory(x, ctx.engine.history_bytes(ctx.spec, x.dtype, *x.shape, n))
        results = ctx.engine.run(history, *call)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(lengths, zoneout, results[0], history, *inputs)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, zoneout, output, history, x, *inputs = ctx.saved_tensors
        spec, needed = ctx.spec, ctx.needs_input_grad[7:]
        if torch.is_grad_enabled() or native.batched(grads) or ctx.engine.why_not(grads, x.dtype) is not None:
            options = (spec, lengths, ctx.reverse, zoneout, ctx.need_attention)
            return (None,) * 7 + reference_gradients(ctx.oracle, options, (x, *inputs), grads, needed)
        call = (spec, lengths, ctx.reverse, zoneout, ctx.need_attention, x, *inputs)
        return (None,) * 7 + ctx.engine.run_back(history, output, grads, needed, *call)
