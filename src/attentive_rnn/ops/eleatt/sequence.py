"""One autograd function for the backends that run the steps one by one and leave every product that need not wait
for h_{t-1} to the end: rows in the order of their lengths, what a step leaves behind, the weights' gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import native
from .again import reference_gradients
from .spec import Call, Result


class Saved(NamedTuple):
    """What the backward pass needs of every step; rows past their length stay zero."""

    h: Tensor  # (T, B, N): h_{t-1}
    gates: Tensor  # (T, B, G*N): the cell's gates and candidate
    extra: Tensor  # (T, B, N): the LSTM's c_{t-1}; r * h_{t-1} for gru, U_n h_{t-1} + b for gru_reset_after
    attention: Tensor | None  # (T, B, D)
    attended: Tensor  # (T, B, D): x~
    from_lags: Tensor | None = None  # (T, B, N): with lags, which an LSTM needs, a_t (ops/rra)


class Deltas(NamedTuple):
    """What the steps leave on the way back; rows past their length are zero."""

    cell: Tensor  # (T, B, G*N): the gradient of W_x x~ + b
    candidate: Tensor | None  # (T, B, N): for gru_reset_after, that of U_n h_{t-1} + b
    gate: Tensor | None  # (T, B, D): that of W_xa x + W_ha h_{t-1} + b_a
    x: Tensor | None  # (T, B, D): the gradient of x through x~ = a * x
    state: list[Tensor]  # the gradients of the first state
    lag: Tensor | None = None  # (K): that of the lags' weights


class Scan(NamedTuple):
    """All steps forward and back, over rows sorted by their lengths, the longest first.

    forward(call) returns ((output, *last state), Saved) and may change the call's state in its place; backward(call,
    saved, grads, need_x) returns Deltas, for grads of output, the last states and the attention if asked for. `oracle`
    is the recurrence's reference.
    """

    forward: Callable[[Call], tuple[tuple[Tensor, ...], Saved]]
    backward: Callable[[Call, Saved, tuple[Tensor | None, ...], bool], Deltas]
    oracle: Callable[[Call], Result]


def run(scan: Scan, call: Call) -> Result:
    """What the recurrence's reference computes, by a scan."""
    x, lengths, order = call.x, call.lengths, None
    if lengths is not None:  # the rows that run at a step are then always the first ones
        lengths = lengths.cpu()
        padding = torch.arange(x.shape[0]).unsqueeze(1) >= lengths
        x = x.masked_fill(padding.unsqueeze(-1).to(x.device), 0)
        lengths, order = lengths.sort(descending=True, stable=True)
        order = order.to(x.device)
        call = call._replace(
            x=x.index_select(1, order),
            state=tuple(s.index_select(0, order) for s in call.state),
            lengths=lengths,
            zoneout=None if call.zoneout is None else call.zoneout.index_select(2, order),
        )
    call = call._replace(need_attention=call.need_attention and call.spec.gate is not None)
    output, *last = _Sequence.apply(scan, call.options, *call.tensors)
    attention = last.pop() if call.need_attention else None
    if order is not None:
        back = order.argsort()
        output, last = output.index_select(1, back), [s.index_select(0, back) for s in last]
        attention = None if attention is None else attention.index_select(1, back)
    return Result(output, tuple(last), attention)


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scan: Scan, options: Any, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        ctx.scan, ctx.options = scan, options
        call = Call.of(options, tensors)
        results, saved = scan.forward(call._replace(state=tuple(s.clone() for s in call.state)))
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*saved, *tensors)
        if not call.need_attention:
            return results
        assert saved.attention is not None
        return (*results, saved.attention.clone())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        kept, parts = ctx.saved_tensors, len(Saved._fields)  # torch.utils.checkpoint lets them be asked for once
        saved, call = Saved(*kept[:parts]), Call.of(ctx.options, kept[parts:])
        needed = ctx.needs_input_grad[4:]
        if torch.is_grad_enabled() or native.batched(grads) or native.why_not_transformed() is not None:
            return (None,) * 4 + reference_gradients(ctx.scan.oracle, call, grads, needed)
        found = gradients(call, saved, ctx.scan.backward(call, saved, grads, needed[0]), needed[0])
        return (None,) * 4 + tuple(g if need else None for g, need in zip(found, needed, strict=True))


def gradients(call: Call, saved: Saved, deltas: Deltas, need_x: bool) -> list[Tensor | None]:
    """The gradients of x, the states and the weights, each product over all steps at once."""
    spec, x, w = call.spec, call.x, call.w
    n = w.hh.shape[1]
    delta, h = deltas.cell.flatten(0, 1), saved.h.flatten(0, 1)
    g_ih, g_b_ih = delta.t() @ saved.attended.flatten(0, 1), delta.sum(0)
    g_b_hh = None
    if deltas.candidate is not None:
        from_h = torch.cat([delta[:, : 2 * n], deltas.candidate.flatten(0, 1)], 1)
        g_hh, g_b_hh = from_h.t() @ h, from_h.sum(0)
    elif spec.cell == "gru":
        g_hh = torch.cat([delta[:, : 2 * n].t() @ h, delta[:, 2 * n :].t() @ saved.extra.flatten(0, 1)])
    else:
        g_hh = delta.t() @ h
    g_ia = g_ha = g_b_a = None
    dx = deltas.x
    if deltas.gate is None:
        dx = (deltas.cell @ w.ih) if need_x else None
    else:
        assert w.ia is not None
        rows = deltas.gate.flatten(0, 1)
        g_ia, g_ha, g_b_a = rows.t() @ x.flatten(0, 1), rows.t() @ h, rows.sum(0)
        if need_x:
            assert dx is not None
            dx = dx.flatten(0, 1).addmm_(rows, w.ia).view_as(x)
    return [dx, *deltas.state, g_ih, g_hh, g_b_ih, g_b_hh, g_ia, g_ha, g_b_a, deltas.lag]
