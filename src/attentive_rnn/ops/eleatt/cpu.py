"""EleAtt-RNN by the compiled CPU kernels (native/): all steps of a batch in one call, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import native
from . import kernels, operators, reference
from .again import reference_gradients
from .spec import Result, Spec, State, Weights


def why_not(
    spec: Spec,
    x: Tensor,
    state: State,
    w: Weights,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    need_attention: bool,
) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if zoneout is not None and zoneout.requires_grad:
        return "it has no gradient for zoneout"
    if lengths is not None and lengths.device.type != "cpu":
        return f"lengths are on {lengths.device}"
    if x.shape[2] == 0 or w.hh.shape[1] == 0:
        return "a layer without inputs or units has nothing to compute"
    return native.why_not((x, *state, *w, zoneout), x.dtype)


def forward(
    spec: Spec,
    x: Tensor,
    state: State,
    w: Weights,
    lengths: Tensor | None = None,
    reverse: bool = False,
    zoneout: Tensor | None = None,
    need_attention: bool = False,
    oracle: Callable[..., Result] = reference.forward,
) -> Result:
    """What `oracle`, the recurrence's reference, computes."""
    dtype = x.dtype
    if dtype is torch.bfloat16 or dtype is torch.float16:
        x, zoneout = x.float(), None if zoneout is None else zoneout.float()
        state = tuple(s.float() for s in state)
        w = Weights(*(None if t is None else t.float() for t in w))  # type: ignore[arg-type]
        result = forward(spec, x, state, w, lengths, reverse, zoneout, need_attention, oracle)
        attention = None if result.attention is None else result.attention.to(dtype)
        return Result(result.output.to(dtype), tuple(s.to(dtype) for s in result.state), attention)
    need_attention = need_attention and spec.gate is not None
    if torch.compiler.is_compiling():
        return operators.forward(spec, x, state, w, lengths, reverse, zoneout, need_attention)
    x = kernels.rows(x)
    inputs = [None if t is None else t.contiguous() for t in (*state, *w)]
    lengths = None if lengths is None else lengths.contiguous()
    zoneout = None if zoneout is None else zoneout.contiguous()
    call: Any = (spec, lengths, reverse, zoneout, need_attention, x, *inputs)
    differentiable = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, *inputs))
    results = _Recurrence.apply(oracle, *call) if differentiable else kernels.run(None, *call)
    return Result(results[0], results[1 : 1 + spec.states], results[-1] if need_attention else None)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *call: Any) -> tuple[Tensor, ...]:
        ctx.oracle, *call = call  # type: ignore[assignment]
        ctx.spec, lengths, ctx.reverse, zoneout, ctx.need_attention, *inputs = call
        (t, b, d), n = inputs[0].shape, inputs[1].shape[1]
        double = inputs[0].dtype is torch.float64
        history = (
            native.buffer(kernels.history_bytes(ctx.spec, double, t, b, d, n)) if any(ctx.needs_input_grad) else None
        )
        results = kernels.run(history, *call)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(lengths, zoneout, results[0], history, *inputs)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, zoneout, output, history, x, *inputs = ctx.saved_tensors
        spec, needed = ctx.spec, ctx.needs_input_grad[6:]
        if torch.is_grad_enabled() or native.batched(grads) or native.why_not(grads, x.dtype) is not None:
            options = (spec, lengths, ctx.reverse, zoneout, ctx.need_attention)
            return (None,) * 6 + reference_gradients(ctx.oracle, options, (x, *inputs), grads, needed)
        call = (spec, lengths, ctx.reverse, zoneout, ctx.need_attention, x, *inputs)
        return (None,) * 6 + kernels.run_back(history, output, grads, needed, *call)
