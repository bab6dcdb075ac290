"""The recurrence in PyTorch's operators with a backward of its own: a product that need not wait for h_{t-1} is made
for all steps at once, forward and backward. The fastest form where the weights outgrow the caches, and where nothing is
compiled. With lags a step takes a_t = sum_k w_k h_{t-first-k} from the window that it carries.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import autograd, native
from . import reference
from .spec import Attention, Call, Result, Spec, Weights


class Saved(NamedTuple):
    """What the backward pass needs of every step; rows past their length stay zero."""

    h: Tensor  # (T, B, N): h_{t-1}
    gates: Tensor  # (T, B, G*N): the cell's gates and candidate
    extra: Tensor  # (T, B, N): the LSTM's c_{t-1}; r * h_{t-1} for gru, U_n h_{t-1} + b for gru_reset_after
    attention: Tensor | None  # (T, B, D)
    attended: Tensor  # (T, B, D): x~
    from_lags: Tensor | None = None  # (T, B, N): with lags, a_t, which an LSTM needs
    reduced: Tensor | None = None  # (T, B, r): of a low-rank gate, u_t


class Deltas(NamedTuple):
    """What the steps leave on the way back; rows past their length are zero."""

    cell: Tensor  # (T, B, G*N): the gradient of W_x x~ + b
    candidate: Tensor | None  # (T, B, N): for gru_reset_after, that of U_n h_{t-1} + b
    gate: Tensor | None  # (T, B, D): that of W_xa x + W_ha h_{t-1} + b_a, or of W_ua u_t + b_a
    x: Tensor | None  # (T, B, D): the gradient of x through x~ = a * x
    state: list[Tensor]  # the gradients of the first state
    lag: Tensor | None = None  # (K): that of the lags' weights
    reduced: Tensor | None = None  # (T, B, r): that of u_t


def why_not(call: Call) -> str | None:
    """What keeps this form from a call, if anything."""
    refusal = call.why_not_by_hand() or native.why_not_transformed()
    return refusal or native.why_not_plain((*call.inputs, call.zoneout))


def run(call: Call) -> Result:
    """What the reference computes."""
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
    result: Result = autograd.run(KERNELS, None, call)
    if order is None:
        return result
    back = order.argsort()
    output, state, (_, attention) = result
    attention = None if attention is None else attention.index_select(1, back)
    return Result(
        output.index_select(1, back), tuple(s.index_select(0, back) for s in state), Attention(None, attention)
    )


def forward(call: Call, keep: Any) -> tuple[tuple[Tensor, ...], Saved]:
    """The results (output, *states[, attention]), and what a backward pass needs; see :class:`Kernels`."""
    results, saved = scan(call._replace(state=tuple(s.clone() for s in call.state)))
    return with_attention(call, results, saved), saved


def backward(call: Call, saved: Any, grads: Any, needed: Any) -> tuple[Tensor | None, ...]:
    """The gradients of x, the states and the weights where needed."""
    saved = Saved(*saved)
    return gradients(call, saved, scan_back(call, saved, grads, needed[0]), needed)


def with_attention(call: Call, results: tuple[Tensor, ...], saved: Saved) -> tuple[Tensor, ...]:
    """The results of a call, with the gate's response last if that is asked for."""
    if not call.need_attention or saved.attention is None:
        return results
    return (*results, saved.attention.clone())


KERNELS = autograd.Kernels("hoisted", lambda *call: native.why_not_transformed(), forward, backward, reference.results)


def _order(steps: int, rows: int, lengths: Tensor | None, reverse: bool) -> list[tuple[int, int]]:
    """(t, the number of rows that run at t), in the order of the recurrence."""
    counts = [rows] * steps
    if lengths is not None:
        counts = (torch.arange(steps).unsqueeze(1) < lengths).sum(1).tolist()
    pairs = [(t, count) for t, count in enumerate(counts) if count]
    return pairs[::-1] if reverse else pairs


def scan(call: Call) -> tuple[tuple[Tensor, ...], Saved]:
    """All steps, over rows sorted by their lengths, the longest first; the call's state changes in its place."""
    spec, x, state, w, lengths, reverse, zoneout, *_ = call
    (steps, rows, _), n, inner = x.shape, w.hh.shape[1], 0 if w.ha is None else w.ha.shape[0]
    before = spec.cell == "gru"
    w_h, b_h = (w.hh[: 2 * n] if before else w.hh), w.b_hh
    if w.ha is not None:
        w_h = torch.cat([w.ha, w_h])
        b_h = None if b_h is None else torch.cat([b_h.new_zeros(inner), b_h])
    w_h, w_x = w_h.t().contiguous(), w.ih.t().contiguous()
    w_n = w.hh[2 * n :].t().contiguous() if before else None
    w_u = None if w.ua is None else w.ua.t().contiguous()
    attention = attended = reduced = None
    if w.ha is None:
        gates, attended = reference.projected(w, x), x
    else:
        attention, gates = reference.projected(w, x).contiguous(), x.new_zeros(steps, rows, spec.blocks * n)
        attended = torch.zeros_like(x)
        if w_u is not None:
            reduced, attention = attention, torch.zeros_like(x)
    output, h_old, extra = (x.new_zeros(steps, rows, n) for _ in range(3))
    from_lags = x.new_zeros(steps, rows, n) if spec.lags is not None else None
    cells = state[: spec.cell_states]
    for t, b in _order(steps, rows, lengths, reverse):
        old = [s[:b] for s in cells]
        if spec.lags is not None:
            assert from_lags is not None
            assert w.lag is not None
            from_lags[t, :b] = w.lag @ state[-1][:b, spec.lags.first - 1 :]
        h_old[t, :b] = old[0]
        hv = old[0] @ w_h if b_h is None else torch.addmm(b_h, old[0], w_h)
        pre = gates[t, :b]
        if attention is not None:
            a, u = attention[t, :b], attention[t, :b] if reduced is None else reduced[t, :b]
            u.add_(hv[:, :inner])
            if w_u is not None:
                _linear(u, w_u, w.b_a, a)
            if spec.gate == "sigmoid":
                a.sigmoid_()
            else:
                a.copy_(reference.respond(spec, a))
            if spec.gate_scale != 1.0:
                a.mul_(spec.gate_scale)
            xt = torch.mul(a, x[t, :b], out=attended[t, :b])
            _linear(xt, w_x, w.b_ih, pre)
            hv = hv[:, inner:]
        new = _cell(spec, pre, hv, old, extra[t, :b], w_n, None if from_lags is None else from_lags[t, :b])
        if zoneout is not None:
            new = [torch.lerp(fresh, was, k) for fresh, was, k in zip(new, old, zoneout[:, t, :b], strict=True)]
        output[t, :b] = new[0]
        for s, fresh in zip(cells, new, strict=True):
            s[:b] = fresh
        if spec.lags is not None:
            window = state[-1][:b]
            window.copy_(torch.cat([new[0].unsqueeze(1), window[:, :-1]], 1))
    if attention is not None and lengths is not None:
        attention.masked_fill_((torch.arange(steps).unsqueeze(1) >= lengths).unsqueeze(-1).to(x.device), 0)
    return (output, *state), Saved(h_old, gates, extra, attention, attended, from_lags, reduced)


def _linear(x: Tensor, w: Tensor, bias: Tensor | None, out: Tensor) -> None:
    """bias + x w into `out`."""
    if bias is None:
        torch.mm(x, w, out=out)
    else:
        torch.addmm(bias, x, w, out=out)


def _cell(
    spec: Spec, pre: Tensor, hv: Tensor, old: list[Tensor], extra: Tensor, w_n: Tensor | None, a: Tensor | None
) -> list[Tensor]:
    """The new state, with a_t of the lags if there are some; pre turns from W_x x~ + b into the gates."""
    n = old[0].shape[1]
    if a is not None and spec.cell != "lstm":
        pre[:, -n:].add_(a)
    if spec.cell in ("rnn_tanh", "rnn_relu"):
        pre.add_(hv)
        return [pre.tanh_() if spec.cell == "rnn_tanh" else pre.relu_()]
    if spec.cell == "lstm":
        pre.add_(hv)
        pre[:, : 2 * n].sigmoid_()
        pre[:, 2 * n : 3 * n].tanh_()
        pre[:, 3 * n :].sigmoid_()
        i, f, g, o = pre.split(n, 1)
        extra.copy_(old[1])
        c = torch.addcmul(f * old[1], i, g)
        return [o * (c if a is None else c + a).tanh(), c]
    r_z = pre[:, : 2 * n].add_(hv[:, : 2 * n]).sigmoid_()
    r, z, candidate = r_z[:, :n], r_z[:, n:], pre[:, 2 * n :]
    if w_n is not None:
        candidate.addmm_(torch.mul(r, old[0], out=extra), w_n).tanh_()
    else:
        extra.copy_(hv[:, 2 * n :])
        candidate.addcmul_(r, extra).tanh_()
    return [torch.lerp(candidate, old[0], z)]


def scan_back(call: Call, saved: Saved, grads: tuple[Tensor | None, ...], need_x: bool) -> Deltas:
    """All steps back, for the gradients of the output, the last states and the attention if that is asked for."""
    spec, x, _, w, lengths, reverse, zoneout, *_ = call
    steps, rows, n = *x.shape[:2], w.hh.shape[1]
    gated, g_attention = w.ha is not None, grads[1 + spec.states] if len(grads) > 1 + spec.states else None
    deltas = torch.zeros_like(saved.gates)  # of W_x x~ + b
    du = torch.zeros_like(saved.extra) if spec.cell == "gru_reset_after" else None  # of U_n h + b
    da = torch.zeros_like(x) if gated else None
    d_reduced = None if saved.reduced is None else torch.zeros_like(saved.reduced)
    dx = torch.zeros_like(x) if gated or need_x else None
    shapes = spec.state_shapes(n)
    given = zip(shapes, grads[1 : 1 + spec.states], strict=True)
    every = [x.new_zeros(rows, *shape) if g is None else g.clone() for shape, g in given]
    state, window = every[: spec.cell_states], every[-1] if spec.lags is not None else None
    d_lags = torch.zeros_like(saved.extra) if spec.lags is not None and spec.cell == "lstm" else None
    inside = deltas[..., -n:] if d_lags is None else d_lags  # of a_t
    for t, b in _order(steps, rows, lengths, not reverse):
        dh = state[0][:b] if grads[0] is None else state[0][:b] + grads[0][t, :b]
        if window is not None:  # whose first place h_t took
            dh = dh + window[:b, 0]
            window[:b] = F.pad(window[:b, 1:], (0, 0, 0, 1))
        d_new = [dh, *(s[:b] for s in state[1:])]
        kept = None
        if zoneout is not None:
            kept = [k * g for k, g in zip(zoneout[:, t, :b], d_new, strict=True)]
            d_new = [g - k for g, k in zip(d_new, kept, strict=True)]
        delta, h = deltas[t, :b], saved.h[t, :b]
        lags = None if d_lags is None or saved.from_lags is None else (saved.from_lags[t, :b], d_lags[t, :b])
        d_old = _cell_back(spec, saved.gates[t, :b], saved.extra[t, :b], h, d_new, delta, w, lags)
        if spec.lags is not None:
            assert window is not None
            assert w.lag is not None
            window[:b, spec.lags.first - 1 :].addcmul_(w.lag[:, None], inside[t, :b].unsqueeze(1))
        if gated:
            assert saved.attention is not None
            assert da is not None
            assert dx is not None
            assert w.ha is not None
            a, d_attended = saved.attention[t, :b], torch.mm(delta, w.ih)
            g = d_attended * x[t, :b]
            if g_attention is not None:
                g = g + g_attention[t, :b]
            inverse = 1 / spec.gate_scale if spec.gate_scale else 0.0
            if spec.gate == "sigmoid":
                torch.mul(g, a * (1 - a * inverse), out=da[t, :b])
            elif spec.gate == "hard":
                torch.mul(g * (spec.gate_scale / 6), (a != 0) & (a != spec.gate_scale), out=da[t, :b])
            else:
                torch.mul(a, g - (a * g).sum(1, keepdim=True) * inverse, out=da[t, :b])
            torch.mul(d_attended, a, out=dx[t, :b])
            d_gate = da[t, :b]
            if d_reduced is not None:
                assert w.ua is not None
                d_gate = torch.mm(d_gate, w.ua, out=d_reduced[t, :b])
            d_old[0].addmm_(d_gate, w.ha)
        if du is not None:
            torch.mul(delta[:, 2 * n :], saved.gates[t, :b, :n], out=du[t, :b])
            d_old[0].addmm_(delta[:, : 2 * n], w.hh[: 2 * n]).addmm_(du[t, :b], w.hh[2 * n :])
        elif spec.cell == "gru":
            d_old[0].addmm_(delta[:, : 2 * n], w.hh[: 2 * n])
        else:
            d_old[0].addmm_(delta, w.hh)
        for s, g, k in zip(state, d_old, kept or [None] * len(state), strict=True):
            s[:b] = g if k is None else g + k
    d_lag = None if spec.lags is None else _lag_products(call, inside, saved.h)
    return Deltas(deltas, du, da, dx, every, d_lag, d_reduced)


def _lag_products(call: Call, inside: Tensor, h: Tensor) -> Tensor:
    """The gradient of the lags' weights (K) from that of a_t and h_{t-1} at each step, both (T, B, N)."""
    lags, lengths, steps, window = call.spec.lags, call.lengths, len(h), call.state[-1]
    assert lags is not None
    if call.reverse and lengths is None:
        inside, h = inside.flip(0), h.flip(0)
    elif call.reverse:
        assert lengths is not None
        turned = lengths - 1 - torch.arange(steps).unsqueeze(1)
        at = turned.clamp(min=0).unsqueeze(-1).to(h.device).expand_as(h)
        inside, h = (part.gather(0, at).masked_fill((turned < 0).unsqueeze(-1).to(h.device), 0) for part in (inside, h))
    sums = []
    for lag in range(lags.first, lags.first + lags.number):
        made = (inside[lag:] * h[1 : max(1, steps - lag + 1)]).sum()
        sums.append(made + (inside[:lag] * window[:, :lag].flip(1).transpose(0, 1)[:steps]).sum())
    return torch.stack(sums)


def _cell_back(
    spec: Spec,
    gates: Tensor,
    extra: Tensor,
    h: Tensor,
    d_new: list[Tensor],
    delta: Tensor,
    w: Weights,
    lags: tuple[Tensor, Tensor] | None,
) -> list[Tensor]:
    """The old state's gradient but for the product with hh; delta becomes the gradient of W_x x~ + b.

    Of an LSTM with lags, `lags` is a_t, and what becomes its gradient.
    """
    n, dh = h.shape[1], d_new[0]
    if spec.cell == "rnn_tanh":
        torch.mul(dh, 1 - gates * gates, out=delta)
        return [torch.zeros_like(dh)]
    if spec.cell == "rnn_relu":
        delta.copy_(dh.masked_fill(gates <= 0, 0))  # as torch's: the gradient passes where gates are NaN
        return [torch.zeros_like(dh)]
    if spec.cell == "lstm":
        i, f, g, o = gates.split(n, 1)
        inner = torch.addcmul(f * extra, i, g)
        tanh_c = (inner if lags is None else inner.add_(lags[0])).tanh_()
        d_inner = torch.mul(dh * o, 1 - tanh_c * tanh_c, out=None if lags is None else lags[1])
        dc = d_new[1] + d_inner
        d_i, d_f, d_g, d_o = delta.split(n, 1)
        torch.mul(dc * g, i * (1 - i), out=d_i)
        torch.mul(dc * extra, f * (1 - f), out=d_f)
        torch.mul(dc * i, 1 - g * g, out=d_g)
        torch.mul(dh * tanh_c, o * (1 - o), out=d_o)
        return [torch.zeros_like(dh), dc * f]
    r, z, c = gates.split(n, 1)
    d_r, d_z, d_n = delta.split(n, 1)
    torch.mul(dh * (1 - z), 1 - c * c, out=d_n)
    torch.mul(dh * (h - c), z * (1 - z), out=d_z)
    d_h = dh * z
    if spec.cell == "gru":
        d_reset = d_n @ w.hh[2 * n :]
        torch.mul(d_reset * h, r * (1 - r), out=d_r)
        return [d_h.addcmul_(d_reset, r)]
    torch.mul(d_n * extra, r * (1 - r), out=d_r)
    return [d_h]


def gradients(call: Call, saved: Saved, deltas: Deltas, needed: Any) -> tuple[Tensor | None, ...]:
    """The gradients of x, the states and the weights where needed, each product over all steps at once."""
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
    g_ia = g_ha = g_ua = g_b_a = None
    dx = deltas.x
    if deltas.gate is None:
        dx = (deltas.cell @ w.ih) if needed[0] else None
    else:
        rows = deltas.gate.flatten(0, 1)
        g_b_a = rows.sum(0)
        if saved.reduced is not None:
            assert deltas.reduced is not None
            g_ua, rows = rows.t() @ saved.reduced.flatten(0, 1), deltas.reduced.flatten(0, 1)
        g_ha = rows.t() @ h
        if w.ia is not None:
            g_ia = rows.t() @ x.flatten(0, 1)
            if needed[0]:
                assert dx is not None
                dx = dx.flatten(0, 1).addmm_(rows, w.ia).view_as(x)
    found = [dx, *deltas.state, g_ih, g_hh, g_b_ih, g_b_hh, g_ia, g_ha, g_ua, g_b_a, deltas.lag]
    return tuple(g if need else None for g, need in zip(found, needed, strict=True))
