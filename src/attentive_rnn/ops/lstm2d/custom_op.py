"""The 2-D LSTM as operators of PyTorch, `attentive_rnn::lstm2d` and its backward, for torch.compile and torch.export:
one node of a graph whatever the size of the maps, which may be a symbol.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import cpu, triton
from .spec import Call, Weights, check

_KERNELS: dict[str, Any] = {kernels.name: kernels for kernels in (cpu.KERNELS, triton.KERNELS)}


def forward(backend: str, call: Call) -> tuple[Tensor, ...]:
    """(h,) as one operator."""
    p, w = call
    # A program that is exported keeps no history, for its size depends on the machine.
    keep_history = call.differentiable and not torch.compiler.is_exporting()
    h: Tensor = torch.ops.attentive_rnn.lstm2d(p, w.left, w.up, backend, keep_history)[0]
    return (h,)


@torch.library.custom_op(
    "attentive_rnn::lstm2d",
    mutates_args=(),
    schema="(Tensor p, Tensor left, Tensor? up, str backend, bool keep_history) -> (Tensor h, Tensor history)",
)
def _lstm2d(p: Tensor, left: Tensor, up: Tensor | None, backend: str, keep_history: bool) -> tuple[Tensor, Tensor]:
    kernels, call = _checked(p, left, up, backend)
    history = p.new_empty(kernels.history_bytes(call) if keep_history else 0, dtype=torch.uint8)
    made = kernels.by_operators(call) if call.empty else kernels.forward(call, history if keep_history else False)[0]
    return made[0], history


@_lstm2d.register_fake
def _(p: Tensor, left: Tensor, up: Tensor | None, backend: str, keep_history: bool) -> tuple[Tensor, Tensor]:
    size = _KERNELS[backend].history_bytes(Call(p, Weights(left, up))) if keep_history else 0
    history = p.new_empty(size, dtype=torch.uint8)
    return p.new_empty(*p.shape[:4], left.shape[-1]), history


@torch.library.custom_op(
    "attentive_rnn::lstm2d_backward",
    mutates_args=(),
    schema="(Tensor g_h, Tensor h, Tensor history, Tensor p, Tensor left, Tensor? up, str backend, bool[] needed) "
    "-> (Tensor g_p, Tensor g_left, Tensor g_up)",
)
def _lstm2d_backward(
    g_h: Tensor,
    h: Tensor,
    history: Tensor,
    p: Tensor,
    left: Tensor,
    up: Tensor | None,
    backend: str,
    needed: list[bool],
) -> tuple[Tensor, ...]:
    kernels, call = _checked(p, left, up, backend)
    if call.empty:
        return _zeros((p, left, up), needed)
    saved = (h.contiguous(), history)
    if history.numel() == 0:  # the forward pass kept none
        saved = kernels.forward(call, p.new_empty(kernels.history_bytes(call), dtype=torch.uint8))[1]
    found = kernels.backward(call, saved, (g_h,), [*needed, *[False] * (len(Weights._fields) - len(needed) + 1)])
    return tuple(p.new_empty(0) if g is None else g for g in found[: len(needed)])


@_lstm2d_backward.register_fake
def _(
    g_h: Tensor,
    h: Tensor,
    history: Tensor,
    p: Tensor,
    left: Tensor,
    up: Tensor | None,
    backend: str,
    needed: list[bool],
) -> tuple[Tensor, ...]:
    return _zeros((p, left, up), needed)


def _zeros(inputs: tuple[Tensor, Tensor, Tensor | None], needed: list[bool]) -> tuple[Tensor, ...]:
    """Zero gradients of a call's inputs where needed."""
    p = inputs[0]
    return tuple(p.new_zeros(t.shape if need and t is not None else 0) for t, need in zip(inputs, needed, strict=True))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*output, *inputs[:3])
    ctx.backend = inputs[3]


def _backward(ctx: Any, g_h: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    needed = [bool(need) for need in ctx.needs_input_grad[:3]]
    found = torch.ops.attentive_rnn.lstm2d_backward(g_h, *ctx.saved_tensors, ctx.backend, needed)
    return (*(g if need else None for g, need in zip(found, needed, strict=True)), None, None)


torch.library.register_autograd("attentive_rnn::lstm2d", _backward, setup_context=_setup_context)


def _checked(p: Tensor, left: Tensor, up: Tensor | None, backend: str) -> tuple[Any, Call]:
    """The kernels and the call when it runs: a graph may be run on what it was not recorded for."""
    kernels, call = _KERNELS[backend], Call(p, Weights(left, up))
    check(call)
    refusal = kernels.why_not(call.tensors, call.dtype)
    if refusal is not None:
        raise RuntimeError(f"this graph was recorded for the backend {backend!r}, which cannot run it: {refusal}")
    return kernels, call
