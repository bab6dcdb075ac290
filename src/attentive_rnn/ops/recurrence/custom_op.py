"""The recurrence as operators of PyTorch, `attentive_rnn::eleatt` and its backward, for torch.compile and torch.export:
one node of a graph however many steps there are, with symbolic numbers of steps and rows.

Tensors that a call has no use for are returned empty, of shape (0,).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...options import GateReads
from ..autograd import Kernels
from . import cpu, triton
from .spec import Call, Lags, Spec, Weights, check, own_lengths

_INPUTS = (
    "Tensor x, Tensor h, Tensor? c, Tensor? window, Tensor ih, Tensor hh, Tensor? b_ih, Tensor? b_hh, "
    "Tensor? ia, Tensor? ha, Tensor? ua, Tensor? b_a, Tensor? lag, Tensor? lengths, Tensor? zoneout, "
    "str cell, str? gate, float gate_scale, bool reverse, bool need_attention, "
    "str backend"
)
_GRADIENTS = 13  # of x, h, c, the window and the weights
_TENSORS = _GRADIENTS + 2  # with lengths and zoneout
_LENGTHS = _GRADIENTS  # where the lengths are
_KERNELS: dict[str, Kernels] = {kernels.name: kernels for kernels in (cpu.KERNELS, cpu.SHORT, triton.KERNELS)}


def forward(backend: str, call: Call) -> tuple[Tensor, ...]:
    """The results (output, *states[, attention]) as one operator."""
    spec, x, state, w, lengths, reverse, zoneout, need_attention, _ = call
    keep_history = call.differentiable and not torch.compiler.is_exporting()  # its size depends on the machine
    output, h, c, window, attention, *_ = torch.ops.attentive_rnn.eleatt(
        *(x, *spec.h_c_window(state), *w, lengths, zoneout),
        *(spec.cell, spec.gate, spec.gate_scale, reverse, need_attention, backend, keep_history),
    )
    return output, *spec.of_states(h, c, window), *([attention] if need_attention else [])


@torch.library.custom_op(
    "attentive_rnn::eleatt",
    mutates_args=(),
    schema=f"({_INPUTS}, bool keep_history) -> "
    "(Tensor output, Tensor h, Tensor c, Tensor window, Tensor attention, Tensor history, Tensor own_lengths)",
)
def _eleatt(x: Tensor, h: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    given: list[Any]
    *given, keep_history = x, h, *rest
    given[_LENGTHS] = own_lengths(given[_LENGTHS])  # an operator's results are no aliases, and backward reads this one
    kernels, call = _checked(given)
    history = x.new_empty(kernels.history_bytes(call) if keep_history else 0, dtype=torch.uint8)
    if call.empty:
        output, *others = kernels.by_operators(call)
    else:
        output, *others = kernels.forward(call, history if keep_history else False)[0]
    states = call.spec.h_c_window(others[: call.spec.states])
    attention = others[-1] if call.need_attention else x.new_empty(0)
    ends = x.new_empty(0, dtype=torch.int64) if call.lengths is None else call.lengths
    return output, *(x.new_empty(0) if s is None else s for s in states), attention, history, ends


@_eleatt.register_fake
def _(x: Tensor, h: Tensor, c: Tensor | None, window: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
    *given, keep_history = x, h, c, window, *rest
    kernels, call = _taken(given)
    return (
        x.new_empty(*x.shape[:2], h.shape[1]),
        *(x.new_empty(0 if s is None else s.shape) for s in (h, c, window)),
        x.new_empty(x.shape) if call.need_attention else x.new_empty(0),
        x.new_empty(kernels.history_bytes(call) if keep_history else 0, dtype=torch.uint8),
        x.new_empty(0, dtype=torch.int64) if call.lengths is None else torch.empty_like(call.lengths),
    )


@torch.library.custom_op(
    "attentive_rnn::eleatt_backward",
    mutates_args=(),
    schema="(Tensor? g_output, Tensor? g_h, Tensor? g_c, Tensor? g_window, Tensor? g_attention, "
    f"Tensor output, Tensor history, {_INPUTS}, bool[] needed) -> "
    "(Tensor g_x, Tensor g_h0, Tensor g_c0, Tensor g_window0, Tensor g_ih, Tensor g_hh, Tensor g_b_ih, "
    "Tensor g_b_hh, Tensor g_ia, Tensor g_ha, Tensor g_ua, Tensor g_b_a, Tensor g_lag)",
)
def _eleatt_backward(
    g_output: Tensor | None,
    g_h: Tensor | None,
    g_c: Tensor | None,
    g_window: Tensor | None,
    g_attention: Tensor | None,
    output: Tensor,
    history: Tensor,
    *rest: Any,
) -> tuple[Tensor, ...]:
    *given, needed = rest
    kernels, call = _checked(given)
    if call.empty:
        return _zeros(given, needed)
    spec, saved = call.spec, (output.contiguous(), history)
    if history.numel() == 0:  # the forward pass kept none
        history = output.new_empty(kernels.history_bytes(call), dtype=torch.uint8)
        saved = kernels.forward(call, history)[1]
    grads = [g_output, *spec.of_states(g_h, g_c, g_window), *([g_attention] if call.need_attention else [])]
    wanted = [needed[0], *spec.of_states(*needed[1:4]), *needed[4:]]
    g_x, *found = kernels.backward(call, saved, grads, wanted)
    every = (g_x, *spec.h_c_window(found[: spec.states]), *found[spec.states :])
    return tuple(output.new_empty(0) if g is None else g for g in every)


@_eleatt_backward.register_fake
def _(*call: Any) -> tuple[Tensor, ...]:
    *given, needed = call
    return _zeros(given[7:], needed)


def _zeros(given: Sequence[Any], needed: Sequence[bool]) -> tuple[Tensor, ...]:
    """Zero gradients of a call's inputs where needed."""
    x, inputs = given[0], given[:_GRADIENTS]
    return tuple(x.new_zeros(t.shape if need and t is not None else 0) for t, need in zip(inputs, needed, strict=True))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    tensors = list(inputs[:_TENSORS])
    if tensors[_LENGTHS] is not None:
        tensors[_LENGTHS] = output[6]
    ctx.save_for_backward(output[0], output[5], *tensors)
    ctx.options = inputs[_TENSORS:-1]


def _backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    output, history, *tensors = ctx.saved_tensors
    needed = [bool(need) for need in ctx.needs_input_grad[:_GRADIENTS]]
    found = torch.ops.attentive_rnn.eleatt_backward(*(*grads[:5], output, history, *tensors, *ctx.options, needed))
    kept = [g if need else None for g, need in zip(found, needed, strict=True)]
    return (*kept, *[None] * (len(ctx.needs_input_grad) - _GRADIENTS))


torch.library.register_autograd("attentive_rnn::eleatt", _backward, setup_context=_setup_context)


def _taken(given: Sequence[Any]) -> tuple[Any, Call]:
    """The kernels and the call, of an operator's arguments."""
    x, h, c, window, *weights, lengths, zoneout, cell, gate, gate_scale, reverse, need_attention, backend = given
    lag, lags = weights[-1], None
    if lag is not None:
        carried = lag.shape[0] if window is None else window.shape[1]
        lags = Lags(lag.shape[0], first=carried - lag.shape[0] + 1)
    w = Weights(*weights)
    reads: GateReads = "both" if gate is None or w.ia is not None else "state"
    spec = Spec(cell, gate, gate_scale, lags, reads, None if w.ua is None else w.ua.shape[1])
    state = tuple(s for s in (h, c, window) if s is not None)
    return _KERNELS[backend], Call(spec, x, state, w, lengths, reverse, zoneout, need_attention)


def _checked(given: Sequence[Any]) -> tuple[Any, Call]:
    """The same when it runs: a graph may be run on what it was not recorded for, such as other lengths or devices."""
    kernels, call = _taken(given)
    check(call)
    refusal = kernels.why_not((*call.inputs, call.zoneout), call.dtype)
    if refusal is not None:
        raise RuntimeError(f"this graph was recorded for the backend {kernels.name!r}, which cannot run it: {refusal}")
    return kernels, call
