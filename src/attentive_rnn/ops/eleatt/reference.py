"""EleAtt-RNN in the words of its equations: the oracle of every other backend.

Source: Zhang et al., "Adding Attentiveness to the Neurons in Recurrent Neural Networks", ECCV 2018; the numbers in
brackets are its equations. Products that need not wait for h_{t-1} are done for all steps at once, and those with
h_{t-1} are done together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .spec import Call, Result, Spec, State, Weights

Advance = Callable[[Spec, Tensor, Tensor, State, Weights, Tensor | None], tuple[State, Tensor | None]]


def attend(spec: Spec, x: Tensor, xa: Tensor, ha: Tensor) -> tuple[Tensor, Tensor]:
    """a_t = sigmoid(W_xa x_t + W_ha h_{t-1} + b_a) [4], x~_t = a_t * x_t [5]; xa and ha are the two products."""
    a = torch.sigmoid(xa + ha) if spec.gate == "sigmoid" else torch.softmax(xa + ha, dim=-1)
    a = a if spec.gate_scale == 1.0 else a * spec.gate_scale
    return a, a * x


def cell(spec: Spec, xi: Tensor, hi: Tensor, state: State, w: Weights, residual: Tensor | None = None) -> State:
    """One step of the state, from xi = W_x x~_t + b and hi = W_h h_{t-1} (+ b_h).

    A residual (ops/rra) is added where the new output is made, inside the last nonlinearity.
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


def advance(
    spec: Spec, xi: Tensor, hi: Tensor, before: State, w: Weights, keep: Tensor | None
) -> tuple[State, Tensor | None]:
    """The states after a step; ops/rra has this function too, and adds what it attended to."""
    return zoned(before, cell(spec, xi, hi, before, w), keep), None


def scan(
    call: Call, xs: Sequence[Tensor], projections: Sequence[Tensor], advance: Advance
) -> tuple[list[Tensor], State, list[Tensor], list[Tensor | None]]:
    """The loop over time; xs[t] is (B_t, D), for the first B_t rows are those that run at step t.

    projections[t] is W_xa x_t + b_a with a gate and W_x x_t + b without one.
    """
    spec, _, state, w, _, reverse, zoneout, _ = call
    steps, d = len(xs), xs[0].shape[-1] if w.ha is not None else 0
    w_h = w.hh[: 2 * state[0].shape[-1]] if spec.cell == "gru" else w.hh  # the last block waits for r_t
    b_h = w.b_hh
    if w.ha is not None:
        w_h = torch.cat([w.ha, w_h])
        b_h = None if b_h is None else torch.cat([b_h.new_zeros(d), b_h])
    outputs, attentions = list(xs), list(xs)
    responses: list[Tensor | None] = [None] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        rows = xs[t].shape[0]
        before = tuple(s[:rows] for s in state)
        hi = F.linear(before[0], w_h, b_h)
        xi = projections[t]
        if w.ha is not None:
            attentions[t], attended = attend(spec, xs[t], projections[t], hi[..., :d])
            xi = F.linear(attended, w.ih, w.b_ih)
        keep = None if zoneout is None else zoneout[:, t, :rows]
        after, responses[t] = advance(spec, xi, hi[..., d:], before, w, keep)
        outputs[t] = after[0]
        if rows < state[0].shape[0]:
            after = tuple(torch.cat([new, old[rows:]]) for new, old in zip(after, state, strict=True))
        state = after
    return outputs, state, attentions, responses


def forward(call: Call, advance: Advance = advance) -> Result:
    """The recurrence over x (T, B, D); steps past a row's length are neither computed nor read."""
    _, x, state, w, lengths, _, zoneout, need_attention = call
    weight, bias = (w.ih, w.b_ih) if w.ia is None else (w.ia, w.b_a)

    def chosen(join: Any, attentions: list[Tensor], responses: list[Any]) -> tuple[Tensor | None, Tensor | None]:
        gated, responded = need_attention and w.ia is not None, need_attention and responses[0] is not None
        return join(attentions) if gated else None, join(responses) if responded else None

    if lengths is None:
        projections = F.linear(x, weight, bias).unbind(0)
        outputs, state, attentions, responses = scan(call, x.unbind(0), projections, advance)
        return Result(torch.stack(outputs), state, *chosen(torch.stack, attentions, responses))

    packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
    order, back, sizes = packed.sorted_indices, packed.unsorted_indices, packed.batch_sizes.tolist()
    assert order is not None
    assert back is not None
    projections = F.linear(packed.data, weight, bias).split(sizes)
    zoneout = None if zoneout is None else zoneout.index_select(2, order)
    call = call._replace(state=tuple(s.index_select(0, order) for s in state), zoneout=zoneout)
    outputs, state, attentions, responses = scan(call, packed.data.split(sizes), projections, advance)

    def pad(rows: list[Tensor]) -> Tensor:
        again = PackedSequence(torch.cat(rows), packed.batch_sizes, order, back)
        return pad_packed_sequence(again, total_length=x.shape[0])[0]

    return Result(pad(outputs), tuple(s.index_select(0, back) for s in state), *chosen(pad, attentions, responses))
