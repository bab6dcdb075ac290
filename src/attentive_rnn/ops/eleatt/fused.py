"""A recurrence by kernels that run all its steps in one call: as an autograd function, or in a graph as an operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import native
from ..engine import Engine
from . import operators
from .again import reference_gradients
from .spec import Call, Result


def forward(engine: Engine, oracle: Callable[[Call], Result], call: Call) -> Result:
    """What `oracle`, the recurrence's reference, computes."""
    call = call._replace(need_attention=call.need_attention and call.spec.gate is not None)
    if torch.compiler.is_compiling():
        return operators.forward(engine.name, call)
    call = call.contiguous()
    if call.differentiable:
        results = _Recurrence.apply(engine, oracle, call.options, *call.tensors)
    else:
        results = engine.run(None, call)
    return Result(results[0], results[1 : 1 + call.spec.states], results[-1] if call.need_attention else None)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, engine: Engine, oracle: Any, options: Any, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        ctx.engine, ctx.oracle, ctx.options = engine, oracle, options
        call = Call.of(options, tensors)
        history = engine.memory(call.x, engine.history_bytes(call.spec, call.x, call.w.hh.shape[1]))
        results = engine.run(history, call)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(results[0], history, *tensors)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        output, history, *tensors = ctx.saved_tensors
        call, needed = Call.of(ctx.options, tensors), ctx.needs_input_grad[5:]
        if torch.is_grad_enabled() or native.batched(grads) or ctx.engine.why_not(grads, call.x.dtype) is not None:
            return (None,) * 5 + reference_gradients(ctx.oracle, call, grads, needed)
        return (None,) * 5 + ctx.engine.run_back(history, output, grads, needed, call)
