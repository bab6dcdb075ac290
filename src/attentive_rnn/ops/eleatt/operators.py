"""The compiled CPU kernels as operators of PyTorch, `attentive_rnn::eleatt` and its backward, for torch.compile and
torch.export: one node of a graph however many steps there are, with symbolic numbers of steps and rows.

Tensors that a call has no use for are returned empty, of shape (0,).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from . import kernels
from .checks import check
from .spec import Result, Spec, State, Weights

_INPUTS = (
    "Tensor x, Tensor h, Tensor? c, Tensor ih, Tensor hh, Tensor? b_ih, Tensor? b_hh, "
    "Tensor? ia, Tensor? ha, Tensor? b_a, Tensor? lengths, Tensor? zoneout, "
    "str cell, str? gate, float gate_scale, bool reverse, bool need_attention"
)
_GRADIENTS = 10  # of x, h, c and the weights


def forward(
    spec: Spec,
    x: Tensor,
    state: State,
    w: Weights,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    need_attention: bool,
) -> Result:
    """What `reference.forward` computes, as one operator."""
    c = state[1] if spec.states > 1 else None
    differentiable = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, *state, *w))
    keep_history = differentiable and not torch.compiler.is_exporting()  # its size depends on the machine
    output, h, c, attention, _ = torch.ops.attentive_rnn.eleatt(
        *(x, state[0], c, *w, lengths, zoneout, spec.cell, spec.gate, spec.gate_scale, reverse, need_attention),
        keep_history,
    )
    return Result(output, (h,) if spec.states == 1 else (h, c), attention if need_attention else None)


@torch.library.custom_op(
    "attentive_rnn::eleatt",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_INPUTS}, bool keep_history) -> (Tensor output, Tensor h, Tensor c, Tensor attention, Tensor history)",
)
def _eleatt(x: Tensor, h: Tensor, c: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
    *call, keep_history = x, h, c, *rest
    spec, options, inputs = _checked(call)
    history = x.new_empty(_history_bytes(spec, x, h) if keep_history else 0, dtype=torch.uint8)
    output, *others = kernels.run(history if keep_history else None, *options, *inputs)
    c_last = x.new_empty(0) if c is None else others[1]
    attention = others[-1] if options[-1] else x.new_empty(0)
    return output, others[0], c_last, attention, history


@_eleatt.register_fake
def _(x: Tensor, h: Tensor, c: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
    *_, cell, gate, gate_scale, _reverse, need_attention, keep_history = rest
    (t, b, _), n = x.shape, h.shape[1]
    return (
        x.new_empty(t, b, n),
        x.new_empty(b, n),
        x.new_empty(0) if c is None else x.new_empty(b, n),
        x.new_empty(x.shape) if need_attention else x.new_empty(0),
        x.new_empty(_history_bytes(Spec(cell, gate, gate_scale), x, h) if keep_history else 0, dtype=torch.uint8),
    )


@torch.library.custom_op(
    "attentive_rnn::eleatt_backward",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor? g_output, Tensor? g_h, Tensor? g_c, Tensor? g_attention, Tensor output, Tensor history, "
    f"{_INPUTS}, bool[] needed) -> (Tensor g_x, Tensor g_h0, Tensor g_c0, Tensor g_ih, Tensor g_hh, Tensor g_b_ih, "
    "Tensor g_b_hh, Tensor g_ia, Tensor g_ha, Tensor g_b_a)",
)
def _eleatt_backward(
    g_output: Tensor | None,
    g_h: Tensor | None,
    g_c: Tensor | None,
    g_attention: Tensor | None,
    output: Tensor,
    history: Tensor,
    *rest: Any,
) -> tuple[Tensor, ...]:
    *call, needed = rest
    spec, options, inputs = _checked(call)
    x, h, c = call[:3]
    if history.numel() == 0:  # the forward pass kept none
        history = x.new_empty(_history_bytes(spec, x, h), dtype=torch.uint8)
        output = kernels.run(history, *options, *inputs)[0]
    grads = [g_output, g_h, *([] if c is None else [g_c]), *([g_attention] if options[-1] else [])]
    wanted = [need for i, need in enumerate(needed) if c is not None or i != 2]
    found = list(kernels.run_back(history, output.contiguous(), grads, wanted, *options, *inputs))
    if c is None:
        found.insert(2, None)
    return tuple(x.new_empty(0) if g is None else g for g in found)


@_eleatt_backward.register_fake
def _(*call: Any) -> tuple[Tensor, ...]:
    *given, needed = call
    inputs = given[6 : 6 + _GRADIENTS]
    x = inputs[0]
    return tuple(x.new_empty(t.shape if need and t is not None else 0) for t, need in zip(inputs, needed, strict=True))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[0], output[4], *inputs[:12])
    ctx.options = inputs[12:17]


def _backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    g_output, g_h, g_c, g_attention, _ = grads
    output, history, *tensors = ctx.saved_tensors
    needed = [bool(need) for need in ctx.needs_input_grad[:_GRADIENTS]]
    found = torch.ops.attentive_rnn.eleatt_backward(
        *(g_output, g_h, g_c, g_attention, output, history, *tensors, *ctx.options, needed)
    )
    kept = [g if need else None for g, need in zip(found, needed, strict=True)]
    return (*kept, *[None] * (18 - _GRADIENTS))


torch.library.register_autograd("attentive_rnn::eleatt", _backward, setup_context=_setup_context)


def _history_bytes(spec: Spec, x: Tensor, h: Tensor) -> Any:
    """The same number as `kernels.history_bytes`, also where T and B are symbols."""
    (t, b, d), n = x.shape, h.shape[1]
    one, two = (kernels.history_bytes(spec, x.dtype is torch.float64, steps, 1, int(d), int(n)) for steps in (1, 2))
    return t * b * (two - one) + 2 * one - two


def _checked(call: Sequence[Any]) -> tuple[Spec, tuple[Any, ...], list[Tensor | None]]:
    """The spec, the options of `kernels.run` and its tensors: a graph may be run on what it was not recorded for."""
    x, h, c, *weights, lengths, zoneout, cell, gate, gate_scale, reverse, need_attention = call
    spec, state = Spec(cell, gate, gate_scale), (h,) if c is None else (h, c)
    check(x, state, Weights(*weights), spec, lengths, zoneout)
    x, *inputs = (None if t is None else t.contiguous() for t in (x, *state, *weights))
    lengths, zoneout = (None if t is None else t.contiguous() for t in (lengths, zoneout))
    return spec, (spec, lengths, reverse, zoneout, need_attention), [x, *inputs]
