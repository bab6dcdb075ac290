"""RRA in the words of its equations: the oracle of every other backend.

Source: Wang, "RRA: Recurrent Residual Attention for Sequence Learning", arXiv 1709.03714, and the author's program
(github.com/deepsemantic/RRA), which computes

    w    = W_a / sum_k W_a[k]
    a_t  = sum_{k=1..K} w[k] h_{t-k}
    c_t  = f * c_{t-1} + i * g                  the gates and c are those of an LSTM
    h_t  = o * tanh(c_t + a_t)                  with h = 0 before the first step

The gates' equations are those of ops/eleatt, with its attention gate on the input or without one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..eleatt import Call, Lags, Result, Spec, State, Weights
from ..eleatt import reference as eleatt


def lag_weights(lags: Lags, w_a: Tensor | None, like: Tensor) -> Tensor | None:
    """w (K) from W_a (K); None with the norm "content", whose weights differ from step to step."""
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
    """The states after a step, the window's oldest output replaced by the new one; and the weights of "content"."""
    *former, window = before
    a, response = residual(spec, former[0], window, w.lag)
    after = eleatt.zoned(tuple(former), eleatt.cell(spec, xi, hi, tuple(former), w, a), keep)
    return (*after, torch.cat([after[0].unsqueeze(1), window[:, :-1]], dim=1)), response


def forward(call: Call) -> Result:
    """The recurrence over x (T, B, D) with w.lag as `lag_weights` gives them."""
    return eleatt.forward(call, advance)
