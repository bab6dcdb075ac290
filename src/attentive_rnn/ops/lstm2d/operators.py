"""The CPU's and the GPU's kernels as operators of PyTorch, `attentive_rnn::lstm2d` and its backward, for torch.compile
and torch.export: one node of a graph whatever the size of the maps, which may be a symbol.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..autograd import differentiable
from ..engine import Engine
from . import kernels, triton_calls
from .checks import check
from .spec import Weights

_ENGINES: dict[str, Engine] = {engine.name: engine for engine in (kernels.ENGINE, triton_calls.ENGINE)}


def forward(backend: str, p: Tensor, w: Weights) -> Tensor:
    """What `reference.forward` computes, as one operator."""
    # A program that is exported keeps no history, for its size depends on the machine.
    keep_history = differentiable((p, w.left, w.up)) and not torch.compiler.is_exporting()
    h: Tensor = torch.ops.attentive_rnn.lstm2d(p, w.left, w.up, backend, keep_history)[0]
    return h


@torch.library.custom_op(
    "attentive_rnn::lstm2d",
    mutates_args=(),
    schema="(Tensor p, Tensor left, Tensor? up, str backend, bool keep_history) -> (Tensor h, Tensor history)",
)
def _lstm2d(p: Tensor, left: Tensor, up: Tensor | None, backend: str, keep_history: bool) -> tuple[Tensor, Tensor]:
    engine, inputs = _checked(p, left, up, backend)
    history = p.new_empty(engine.history_bytes(p) if keep_history else 0, dtype=torch.uint8)
    return engine.run(history if keep_history else None, *inputs), history


@_lstm2d.register_fake
def _(p: Tensor, left: Tensor, up: Tensor | None, backend: str, keep_history: bool) -> tuple[Tensor, Tensor]:
    history = p.new_empty(_ENGINES[backend].history_bytes(p) if keep_history else 0, dtype=torch.uint8)
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
    engine, inputs = _checked(p, left, up, backend)
    if history.numel() == 0:  # the forward pass kept none
        history = p.new_empty(engine.history_bytes(p), dtype=torch.uint8)
        h = engine.run(history, *inputs)
    found = engine.run_back(history, h.contiguous(), g_h.contiguous(), *inputs, needed)
    return tuple(p.new_empty(0) if g is None else g for g in found)


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
    inputs = (p, left, up)
    return tuple(p.new_empty(t.shape if need and t is not None else 0) for t, need in zip(inputs, needed, strict=True))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*output, *inputs[:3])
    ctx.backend = inputs[3]


def _backward(ctx: Any, g_h: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    needed = [bool(need) for need in ctx.needs_input_grad[:3]]
    found = torch.ops.attentive_rnn.lstm2d_backward(g_h, *ctx.saved_tensors, ctx.backend, needed)
    return (*(g if need else None for g, need in zip(found, needed, strict=True)), None, None)


torch.library.register_autograd("attentive_rnn::lstm2d", _backward, setup_context=_setup_context)


def _checked(
    p: Tensor, left: Tensor, up: Tensor | None, backend: str
) -> tuple[Engine, tuple[Tensor, Tensor, Tensor | None]]:
    """The engine, and the tensors as it takes them: a graph may be run on what it was not recorded for."""
    check(p, Weights(left, up))
    engine = _ENGINES[backend]
    refusal = engine.why_not((p, left, up), p.dtype)
    if refusal is not None:
        raise RuntimeError(f"this graph was recorded for the backend {backend!r}, which cannot run it: {refusal}")
    return engine, (p.contiguous(), left.contiguous(), None if up is None else up.contiguous())
