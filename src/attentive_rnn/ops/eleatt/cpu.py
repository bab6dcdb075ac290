"""EleAtt-RNN by the compiled CPU kernels (native/): all steps of a batch in one call, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import native
from .again import reference_gradients
from .spec import CELLS, Result, Spec, State, Weights

_CELL = {cell: code for code, cell in enumerate(("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after"))}
_GATE = {None: 0, "sigmoid": 1, "softmax": 2}
assert set(_CELL) == set(CELLS)


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
) -> Result:
    """What `reference.forward` computes."""
    dtype = x.dtype
    if dtype is torch.bfloat16 or dtype is torch.float16:
        x, zoneout = x.float(), None if zoneout is None else zoneout.float()
        state = tuple(s.float() for s in state)
        w = Weights(*(None if t is None else t.float() for t in w))  # type: ignore[arg-type]
        result = forward(spec, x, state, w, lengths, reverse, zoneout, need_attention)
        attention = None if result.attention is None else result.attention.to(dtype)
        return Result(result.output.to(dtype), tuple(s.to(dtype) for s in result.state), attention)
    x = _rows(x)
    need_attention = need_attention and spec.gate is not None
    inputs = [None if t is None else t.contiguous() for t in (*state, *w)]
    lengths = None if lengths is None else lengths.contiguous()
    zoneout = None if zoneout is None else zoneout.contiguous()
    call: Any = (spec, lengths, reverse, zoneout, need_attention, x, *inputs)
    differentiable = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, *inputs))
    results = _Recurrence.apply(*call) if differentiable else _run(False, *call)[0]
    return Result(results[0], results[1 : 1 + spec.states], results[-1] if need_attention else None)


def _run(
    keep_history: bool,
    spec: Spec,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    need_attention: bool,
    x: Tensor,
    *inputs: Tensor | None,
) -> tuple[tuple[Tensor, ...], Tensor | None]:
    """The results (output, h[, c][, attention]), and what a backward pass needs."""
    state, w = inputs[: spec.states], Weights(*inputs[spec.states :])  # type: ignore[arg-type]
    t, b, d = x.shape
    n = w.hh.shape[1]
    call = _words(spec, x, state, w, lengths, reverse, zoneout)
    output = native.empty((t, b, n), x.dtype)
    last = tuple(torch.empty((b, n), dtype=x.dtype) for _ in state)
    attention = native.empty((t, b, d), x.dtype) if need_attention else None
    history = native.buffer(native.kernels.history_bytes(*call)) if keep_history else None
    native.kernels.forward(*call, *_pointers(output, last[0], last[1] if len(last) > 1 else None, attention, history))
    return ((output, *last) if attention is None else (output, *last, attention)), history


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *call: Any) -> tuple[Tensor, ...]:
        ctx.spec, lengths, ctx.reverse, zoneout, ctx.need_attention, *inputs = call
        results, history = _run(any(ctx.needs_input_grad), *call)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(lengths, zoneout, results[0], history, *inputs)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, zoneout, output, history, x, *inputs = ctx.saved_tensors
        spec, needed = ctx.spec, ctx.needs_input_grad[5:]
        if torch.is_grad_enabled() or native.batched(grads) or native.why_not(grads, x.dtype) is not None:
            call = (spec, lengths, ctx.reverse, zoneout, ctx.need_attention)
            return (None,) * 5 + reference_gradients(call, (x, *inputs), grads, needed)
        state, w = inputs[: spec.states], Weights(*inputs[spec.states :])
        g_output = None if grads[0] is None else _rows(grads[0])
        g_last = [None if g is None else g.contiguous() for g in grads[1 : 1 + spec.states]]
        g_attention = grads[-1].contiguous() if ctx.need_attention and grads[-1] is not None else None
        out = [native.empty(t.shape, t.dtype) if need else None for t, need in zip((x, *inputs), needed, strict=True)]
        second = spec.states > 1
        native.kernels.backward(
            *_words(spec, x, state, w, lengths, ctx.reverse, zoneout),
            *_pointers(output, None, None, None, history, g_output),
            *((0, 0) if g_output is None else g_output.stride()[:2]),
            *_pointers(g_last[0], g_last[1] if second else None, g_attention),
            *_pointers(*out[:2], out[2] if second else None, *out[1 + spec.states :]),
        )
        return (None,) * 5 + tuple(out)


def _rows(tensor: Tensor) -> Tensor:
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _pointers(*tensors: Tensor | None) -> list[int | None]:
    return [None if t is None else t.data_ptr() for t in tensors]


def _words(
    spec: Spec,
    x: Tensor,
    state: Any,
    w: Weights,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
) -> tuple[Any, ...]:
    """The words of native/abi.h's EleattCall up to the results."""
    t, b, d = x.shape
    n = w.hh.shape[1]
    return (
        *(_CELL[spec.cell], _GATE[spec.gate], float(spec.gate_scale), t, b, d, n),
        *(x.dtype is torch.float64, reverse, torch.get_num_threads()),
        *(x.data_ptr(), x.stride(0), x.stride(1)),
        *_pointers(state[0], state[1] if len(state) > 1 else None, *w, lengths, zoneout),
    )
