"""The public function: a 2-D LSTM over a batch of maps, on the backend that fits."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from torch import Tensor

from .. import autograd, dispatch
from ..dispatch import Backend
from . import cpu, custom_op, diagonal, reference, scan, triton
from .spec import Call, Weights, check

TABLE: dict[str, Backend] = {
    "triton": Backend(partial(autograd.run, triton.KERNELS, custom_op.forward), triton.why_not),
    "cpu": Backend(partial(autograd.run, cpu.KERNELS, custom_op.forward), cpu.why_not),
    "hoisted": Backend(diagonal.forward, lambda call: None),
    "reference": Backend(reference.forward, lambda call: None),
    "scan": Backend(scan.forward, scan.why_not),
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
    call = Call(p, weights)
    check(call)
    choice, call, context = dispatch.prepare(TABLE, backend, p, call)
    with context:
        return Run(TABLE[choice.backend].run(call), choice)
