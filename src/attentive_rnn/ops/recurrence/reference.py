"""The recurrence in the words of its equations, which every other backend is tested against.

[1]-[7] are the equations of EleAtt-RNN: Zhang et al., "Adding Attentiveness to the Neurons in Recurrent Neural
Networks", ECCV 2018. [RRA] is residual attention over K past outputs: Wang, "RRA: Recurrent Residual Attention for
Sequence Learning", arXiv 1709.03714, and the author's program (github.com/deepsemantic/RRA), which computes

    w    = W_a / sum_k W_a[k]
    a_t  = sum_{k=1..K} w[k] h_{t-k}
    c_t  = f * c_{t-1} + i * g                  the gates and c are those of an LSTM
    h_t  = o * tanh(c_t + a_t)                  with h = 0 before the first step

Products that need not wait for h_{t-1} are done for all steps at once, and those with h_{t-1} are done together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .spec import Attention, Call, Lags, Result, Spec, State, Weights


def respond(spec: Spec, pre: Tensor) -> Tensor:
    """The gate's response before its factor: sigmoid(pre), softmax(pre) over D, or min(max(pre/6 + 1/2, 0), 1).

    The last is linear in -3..3, as PyTorch's hardsigmoid: there it has the slope 1/6, at the ends and outside 0.
    """
    if spec.gate == "sigmoid":
        return torch.sigmoid(pre)
    return torch.softmax(pre, dim=-1) if spec.gate == "softmax" else F.relu6(pre + 3) / 6


def attend(spec: Spec, x: Tensor, xa: Tensor, ha: Tensor, w: Weights) -> tuple[Tensor, Tensor]:
    """a_t = sigmoid(W_xa x_t + W_ha h_{t-1} + b_a) [4], x~_t = a_t * x_t [5]; xa and ha are the two products.

    Of a low-rank gate, which the paper does not have, they add up to u_t, and a_t = sigmoid(W_ua u_t + b_a).
    """
    a = respond(spec, xa + ha if w.ua is None else F.linear(xa + ha, w.ua, w.b_a))
    a = a if spec.gate_scale == 1.0 else a * spec.gate_scale
    return a, a * x


def cell(spec: Spec, xi: Tensor, hi: Tensor, state: State, w: Weights, residual: Tensor | None = None) -> State:
    """One step of the cell's states, from xi = W_x x~_t + b and hi = W_h h_{t-1} (+ b_h).

    A residual is added where the new output is made, inside the last nonlinearity [RRA].
    """

    def plus(pre: Tensor) -> Tensor:
        return pre if residual is None else pre + residual

    h, n = state[0], state[0].shape[-1]
    if spec.cell == "rnn_tanh":
        return (torch.tanh(plus(xi + hi)),)  # [6]
    if spec.cell == "rnn_relu":
        return (torch.relu(plus(xi + hi)),)
    if spec.cell == "lstm":  # [2] on x~
        i, f, g, o = (xi + hi).split(n, dim=-1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(plus(c)), c
    r, z = torch.sigmoid(xi[..., : 2 * n] + hi[..., : 2 * n]).split(n, dim=-1)
    if spec.cell == "gru":  # [7]: the reset gate acts before the product
        candidate = torch.tanh(plus(xi[..., 2 * n :] + F.linear(r * h, w.hh[2 * n :])))
    else:  # torch's and cuDNN's form: the reset gate acts after it
        candidate = torch.tanh(plus(xi[..., 2 * n :] + r * hi[..., 2 * n :]))
    return (z * h + (1 - z) * candidate,)


def zoned(before: State, after: State, keep: Tensor | None) -> State:
    """The cell's states with zoneout: keep, (states, B, N), is the share of its old value that a unit keeps."""
    if keep is None:
        return after
    return tuple(k * old + (1 - k) * new for k, old, new in zip(keep, before, after, strict=True))


def lag_weights(lags: Lags, w_a: Tensor | None, like: Tensor) -> Tensor | None:
    """w (K) from W_a (K) [RRA]; None with the norm "content", whose weights differ from step to step."""
    if lags.norm == "content":
        return None
    if lags.norm == "mean":
        return like.new_full((lags.number,), 1 / lags.number)
    assert w_a is not None
    return w_a / w_a.sum() if lags.norm == "sum" else torch.softmax(w_a, dim=0)


def residual(spec: Spec, h: Tensor, window: Tensor, w: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """a_t = sum_k w[k] h_{t-k}, and with the norm "content" w[k] = softmax_k <h_{t-1}, h_{t-k}> (B, K)."""
    assert spec.lags is not None
    former = window[..., spec.lags.first - 1 :, :]  # (B, K, N)
    if w is not None:
        return torch.einsum("k,...kn->...n", w, former), None
    w = torch.softmax(torch.einsum("...n,...kn->...k", h, former), dim=-1)
    return torch.einsum("...k,...kn->...n", w, former), w


def advance(
    spec: Spec, xi: Tensor, hi: Tensor, before: State, w: Weights, keep: Tensor | None
) -> tuple[State, Tensor | None]:
    """All states after a step, the window's oldest output replaced by the new one; and the weights of "content"."""
    if spec.lags is None:
        return zoned(before, cell(spec, xi, hi, before, w), keep), None
    *former, window = before
    a, response = residual(spec, former[0], window, w.lag)
    after = zoned(tuple(former), cell(spec, xi, hi, tuple(former), w, a), keep)
    return (*after, torch.cat([after[0].unsqueeze(1), window[:, :-1]], dim=1)), response


def projected(w: Weights, x: Tensor) -> Tensor:
    """What does not wait for h_{t-1}, of x (..., D): W_xa x + b_a of a gate, without W_xa b_a; else W_x x + b.

    A low-rank gate adds b_a later.
    """
    if w.ha is None:
        return F.linear(x, w.ih, w.b_ih)
    b_a = w.b_a if w.ua is None else None
    if w.ia is not None:
        return F.linear(x, w.ia, b_a)
    return x.new_zeros(*x.shape[:-1], w.ha.shape[0]) if b_a is None else b_a.expand_as(x)


def scan(
    call: Call, xs: Sequence[Tensor], projections: Sequence[Tensor]
) -> tuple[list[Tensor], State, list[Tensor], list[Tensor | None]]:
    """The loop over time; xs[t] is (B_t, D), for the first B_t rows are those that run at step t.

    projections[t] is what :func:`projected` makes of x_t.
    """
    spec, _, state, w, _, reverse, zoneout, *_ = call
    steps, inner = len(xs), w.ha.shape[0] if w.ha is not None else 0
    w_h = w.hh[: 2 * state[0].shape[-1]] if spec.cell == "gru" else w.hh  # the last block waits for r_t
    b_h = w.b_hh
    if w.ha is not None:
        w_h = torch.cat([w.ha, w_h])
        b_h = None if b_h is None else torch.cat([b_h.new_zeros(inner), b_h])
    outputs, attentions = list(xs), list(xs)
    responses: list[Tensor | None] = [None] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        rows = xs[t].shape[0]
        before = tuple(s[:rows] for s in state)
        hi = F.linear(before[0], w_h, b_h)
        xi = projections[t]
        if w.ha is not None:
            attentions[t], attended = attend(spec, xs[t], projections[t], hi[..., :inner], w)
            xi = F.linear(attended, w.ih, w.b_ih)
        keep = None if zoneout is None else zoneout[:, t, :rows]
        after, responses[t] = advance(spec, xi, hi[..., inner:], before, w, keep)
        outputs[t] = after[0]
        if rows < state[0].shape[0]:
            after = tuple(torch.cat([new, old[rows:]]) for new, old in zip(after, state, strict=True))
        state = after
    return outputs, state, attentions, responses


def forward(call: Call) -> Result:
    """The recurrence over x (T, B, D); steps past a row's length are neither computed nor read."""
    _, x, state, w, lengths, _, zoneout, need_attention, _ = call

    def result(join: Callable[[Any], Tensor], outputs: Any, state: State, attentions: Any, responses: Any) -> Result:
        by_content = join(responses) if need_attention and responses[0] is not None else None
        by_gate = join(attentions) if need_attention and w.ha is not None else None
        return Result(join(outputs), state, Attention(by_content, by_gate))

    if lengths is None:
        return result(torch.stack, *scan(call, x.unbind(0), projected(w, x).unbind(0)))

    steps, rows, _ = x.shape
    lengths, order = lengths.cpu().sort(descending=True)
    longest = max([1, *lengths[:1].tolist()])  # a step without rows leaves all zero, and gradients zero
    sizes = (torch.arange(longest).unsqueeze(1) < lengths).sum(1).tolist()
    order = order.to(x.device)
    back = order.argsort()
    frames = torch.cat([frame[:size] for frame, size in zip(x.index_select(1, order).unbind(0), sizes, strict=False)])
    projections = projected(w, frames).split(sizes)
    zoneout = None if zoneout is None else zoneout.index_select(2, order)
    call = call._replace(state=tuple(s.index_select(0, order) for s in state), zoneout=zoneout)
    outputs, state, *attended = scan(call, frames.split(sizes), projections)

    def pad(parts: list[Tensor]) -> Tensor:
        joined = torch.stack([F.pad(part, (0, 0, 0, rows - len(part))) for part in parts])
        return F.pad(joined, (0, 0, 0, 0, 0, steps - longest)).index_select(1, back)

    return result(pad, outputs, tuple(s.index_select(0, back) for s in state), *attended)


def results(call: Call) -> list[Tensor | None]:
    """What :func:`forward` computes as a list: the output, the states and the gate's response."""
    made = forward(call)
    return [made.output, *made.state, made.attention.inputs]
