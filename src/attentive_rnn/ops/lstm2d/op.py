"""The public function: a 2-D LSTM over a batch of maps, on the backend that fits."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import dispatch
from . import cpu, diagonal, reference, triton
from .checks import check
from .spec import Weights

TABLE: dict[str, dispatch.Backend] = {
    "triton": dispatch.Backend(triton.forward, triton.why_not),
    "cpu": dispatch.Backend(cpu.forward, cpu.why_not),
    "hoisted": dispatch.Backend(diagonal.forward, lambda *call: None),
    "reference": dispatch.Backend(reference.forward, lambda *call: None),
}


class Run(NamedTuple):
    """The states of all cells and the backend that made them."""

    h: Tensor  # (B, H, W, R, N)
    choice: dispatch.Choice


def lstm2d(p: Tensor, weights: Weights, *, backend: str = "auto") -> Run:
    """Run a 2-D LSTM over maps, in one, two or four orders at once.

    .. math:: h_{ij}, c_{ij} = f(P_{ij} + K_{left} h_{i,j-1} + K_{up} h_{i-1,j},\\; c_{i,j-1})

    Args:
        p: what reaches each cell from the input, biases included, (B, H, W, R, 4N); R = 1, 2 or 4 directions, each with
            a recurrence of its own in its own order (see :data:`FLIPS`).
        weights: see :class:`Weights`.
        backend: "auto" or a backend's name.

    Returns:
        h (B, H, W, R, N) and the :class:`Choice` of backend.

    Raises:
        RuntimeError: a tensor's shape does not fit the others', or the named backend cannot run the call.
        ValueError: an unknown backend.

    Source: van den Oord et al., "Pixel Recurrent Neural Networks", ICML 2016; Khandelwal and Sigal, "AttentionRNN",
    ICCV 2019.

    Example:
        >>> import torch
        >>> from attentive_rnn.ops.lstm2d import Weights, lstm2d
        >>> w = Weights(left=torch.randn(2, 12, 3), up=torch.randn(2, 12, 3))
        >>> lstm2d(torch.randn(4, 7, 5, 2, 12), w).h.shape
        torch.Size([4, 7, 5, 2, 3])
    """
    check(p, weights)
    dtype = dispatch.autocast_dtype(p)
    if dtype is None:
        return _chosen(backend, p, weights)
    cast = Weights(*(None if t is None else t.to(dtype) for t in weights))  # type: ignore[arg-type]
    with torch.autocast(p.device.type, enabled=False):
        return _chosen(backend, p.to(dtype), cast)


def _chosen(backend: str, p: Tensor, weights: Weights) -> Run:
    choice = dispatch.choose(TABLE, backend, p, weights)
    return Run(TABLE[choice.backend].run(p, weights), choice)
