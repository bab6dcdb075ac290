"""The public function: one direction of one EleAtt layer over a sequence, on the backend that fits."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import dispatch
from . import captured, cpu, hoisted, reference, triton
from .checks import check
from .spec import Call, Result, Spec, State, Weights

TABLE: dict[str, dispatch.Backend] = {
    "triton": dispatch.Backend(triton.forward, triton.why_not),
    "cpu": dispatch.Backend(cpu.forward, cpu.why_not),
    "cuda-graph": dispatch.Backend(captured.forward, captured.why_not),
    "hoisted": dispatch.Backend(hoisted.forward, hoisted.why_not),
    "reference": dispatch.Backend(reference.forward, lambda call: None),
}


class Run(NamedTuple):
    """A recurrence's result and the backend that made it."""

    output: Tensor
    state: State
    attention: Tensor | None
    choice: dispatch.Choice


def eleatt(
    x: Tensor,
    state: State,
    weights: Weights,
    spec: Spec,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    zoneout: Tensor | None = None,
    need_attention: bool = False,
    backend: str = "auto",
) -> Run:
    """Run an EleAtt recurrence over a batch of sequences.

    .. math:: a_t = \\sigma(W_{xa} x_t + W_{ha} h_{t-1} + b_a), \\quad h_t = f(a_t \\odot x_t, h_{t-1})

    Args:
        x: the input, (T, B, D).
        state: the state before the first step, (h,) or for the LSTM (h, c), each (B, N).
        weights: see :class:`Weights`.
        spec: the cell, the gate and its scale.
        lengths: the number of steps of each row, int64 (B,), each in 1..T; None: all T.
        reverse: run from each row's last step to its first.
        zoneout: the share of its old value that each unit keeps, (states, T, B, N), in 0..1.
        need_attention: return a_t too.
        backend: "auto" or a backend's name.

    Returns:
        output (T, B, N), zero past a row's length; the state after each row's last step; the attention (T, B, D) or
        None; and the :class:`Choice` of backend.

    Raises:
        RuntimeError: a tensor's shape does not fit the others', or the named backend cannot run the call.
        ValueError: lengths out of range, or an unknown cell, gate or backend.

    Source: Zhang et al., ECCV 2018, equations (1)-(7).

    Example:
        >>> import torch
        >>> from attentive_rnn.ops.eleatt import Spec, Weights, eleatt
        >>> w = Weights(ih=torch.randn(9, 2), hh=torch.randn(9, 3), ia=torch.randn(2, 2), ha=torch.randn(2, 3))
        >>> run = eleatt(torch.randn(5, 4, 2), (torch.zeros(4, 3),), w, Spec("gru"))
        >>> run.output.shape
        torch.Size([5, 4, 3])
    """
    if spec.lags is not None:
        raise ValueError("eleatt has no lags; attentive_rnn.ops.rra has")
    call = Call(spec, x, state, weights, lengths, reverse, zoneout, need_attention)
    check(call)
    result, choice = execute(TABLE, backend, call)
    return Run(result.output, result.state, result.attention, choice)


def execute(table: dict[str, dispatch.Backend], backend: str, call: Call) -> tuple[Result, dispatch.Choice]:
    """Run a checked call on the backend of `table` that fits, in autocast's dtype where that is on."""
    dtype = dispatch.autocast_dtype(call.x)
    if dtype is None:
        return _chosen(table, backend, call)
    with torch.autocast(call.x.device.type, enabled=False):
        return _chosen(table, backend, call.to(dtype))


def _chosen(table: dict[str, dispatch.Backend], backend: str, call: Call) -> tuple[Result, dispatch.Choice]:
    choice = dispatch.choose(table, backend, call)
    return table[choice.backend].run(call), choice
