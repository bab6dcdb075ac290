"""Calls of the compiled CPU kernels (native/abi.h) on tensors: contiguous, or x with unit stride along D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import native
from ..engine import Engine
from .spec import CELLS, Call, Spec

_CELL = {cell: code for code, cell in enumerate(("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after"))}
_GATE = {None: 0, "sigmoid": 1, "softmax": 2}
assert set(_CELL) == set(CELLS)


def history_bytes(spec: Spec, x: Tensor, n: int) -> Any:
    """The size of what a backward pass needs of a forward pass: a fixed number of bytes a step and row, and a rest.

    x may be a stand-in whose numbers of steps and rows are symbols.
    """
    t, b, d = x.shape

    def size(t: int, b: int) -> int:
        shape = (t, b, int(d), int(n), *_lags(spec))
        given = (_CELL[spec.cell], _GATE[spec.gate], 1.0, *shape, x.dtype is torch.float64, False, 1, 0, 0, 0)
        return int(native.kernels.history_bytes(*given))

    if isinstance(t, int) and isinstance(b, int):
        return size(t, b)
    one, two = size(1, 1), size(2, 1)
    return t * b * (two - one) + 2 * one - two


def run(history: Tensor | None, call: Call) -> tuple[Tensor, ...]:
    """The results (output, h[, c][, attention]); `history` is filled with what a backward pass needs."""
    x, (t, b, d) = call.x, call.x.shape
    output = native.empty((t, b, call.w.hh.shape[1]), x.dtype)
    last = tuple(torch.empty(s.shape, dtype=x.dtype) for s in call.state)
    attention = native.empty((t, b, d), x.dtype) if call.need_attention else None
    native.kernels.forward(*words(call), *_pointers(output, *three(call.spec, last), attention, history))
    return (output, *last) if attention is None else (output, *last, attention)


def run_back(
    history: Tensor,
    output: Tensor,
    grads: Sequence[Tensor | None],
    needed: Sequence[bool],
    call: Call,
) -> tuple[Tensor | None, ...]:
    """The gradients of x and the inputs where needed, from those of the results of `run` and what it left."""
    spec = call.spec
    g_output = None if grads[0] is None else rows(grads[0])
    g_last = [None if g is None else g.contiguous() for g in grads[1 : 1 + spec.states]]
    g_attention = grads[-1].contiguous() if call.need_attention and grads[-1] is not None else None
    out = [
        native.empty(t.shape, t.dtype) if need and t is not None else None
        for t, need in zip(call.inputs, needed, strict=True)
    ]
    native.kernels.backward(
        *words(call),
        *_pointers(output, None, None, None, None, history, g_output),
        *((0, 0) if g_output is None else g_output.stride()[:2]),
        *_pointers(*three(spec, g_last), g_attention),
        *_pointers(out[0], *three(spec, out[1 : 1 + spec.states]), *out[1 + spec.states :]),
    )
    return tuple(out)


def rows(tensor: Tensor) -> Tensor:
    """The tensor with unit stride along its last dimension."""
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _lags(spec: Spec) -> tuple[int, int]:
    return (0, 0) if spec.lags is None else (spec.lags.number, spec.lags.first)


def three(spec: Spec, states: Sequence[Tensor | None]) -> list[Tensor | None]:
    """h, c and the window, of the states that the recurrence has."""
    window = states[-1] if spec.lags is not None else None
    return [states[0], states[1] if spec.cell_states > 1 else None, window]


def _pointers(*tensors: Tensor | None) -> list[int | None]:
    return [None if t is None else t.data_ptr() for t in tensors]


def words(call: Call) -> tuple[Any, ...]:
    """The words of native/abi.h's EleattCall up to the results."""
    spec, x, state, w, lengths, reverse, zoneout, _ = call
    t, b, d = x.shape
    n = w.hh.shape[1]
    return (
        *(_CELL[spec.cell], _GATE[spec.gate], float(spec.gate_scale), t, b, d, n, *_lags(spec)),
        *(x.dtype is torch.float64, reverse, torch.get_num_threads()),
        *(x.data_ptr(), x.stride(0), x.stride(1)),
        *_pointers(*three(spec, state), *w, lengths, zoneout),
    )


ENGINE = Engine("cpu", native.why_not, history_bytes, native.beside, run, run_back)
