"""The public function: one direction of one recurrent layer over a sequence, on the backend that fits."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ...options import Keep
from .. import autograd, dispatch, native
from ..dispatch import Backend
from . import cpu, cuda_graph, custom_op, hoisted, reference, scan, triton
from .spec import Attention, Call, Lags, Spec, State, Weights, check, own_lengths

TABLE: dict[str, Backend] = {
    "triton": Backend(partial(autograd.run, triton.KERNELS, custom_op.forward), triton.why_not),
    "cpu": Backend(partial(autograd.run, cpu.KERNELS, custom_op.forward), cpu.why_not),
    "cuda-graph": Backend(cuda_graph.run, cuda_graph.why_not),
    "hoisted": Backend(hoisted.run, hoisted.why_not),
    "reference": Backend(reference.forward, lambda call: None),
    "scan": Backend(scan.forward, scan.why_not),
}
LEAST_SUM = 1e-3


class Run(NamedTuple):
    """A recurrence's result and the backend that made it."""

    output: Tensor
    state: State
    attention: Attention
    choice: dispatch.Choice


def recurrence(
    x: Tensor,
    state: State,
    weights: Weights,
    spec: Spec,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    zoneout: Tensor | None = None,
    need_attention: bool = False,
    keep: Keep = None,
    backend: str = "auto",
) -> Run:
    """Run a recurrence over a batch of sequences: a cell f, perhaps with a gate on its input and with lags.

    .. math::
        a_t &= \\sigma(W_{xa} x_t + W_{ha} h_{t-1} + b_a), \\quad h_t = f(a_t \\odot x_t, h_{t-1}) \\\\
        h_t &= o_t \\odot \\tanh(c_t + \\sum_{k=1}^K w_k h_{t-k}), \\qquad w = W_a / \\textstyle\\sum_k W_{a,k}

    The second line is an LSTM with K lags. An RNN's and a GRU's residual is added in the same way, inside the tanh of
    h_t and of the candidate.

    Args:
        x: the input, (T, B, D).
        state: the state before the first step: h, with an LSTM c, each (B, N), and with lags the window (B, W, N) of
            the W = lags.number + lags.first - 1 past outputs, the latest first.
        weights: see :class:`Weights`; `lag` is W_a as it is learned, (K), that of the latest output first.
        spec: the cell, the gate, its scale, and the lags.
        lengths: the number of steps of each row, int64 (B,), each in 0..T; None: all T. They are copied. A row of no
            steps keeps its state, and its output and attention are zero.
        reverse: run from each row's last step to its first.
        zoneout: the share of its old value that each unit keeps, (1 or for the LSTM 2, T, B, N), in 0..1.
        need_attention: return the lags' weights and the gate's response too.
        keep: "bf16": what a backward pass reads of a call in float32 is kept in bfloat16; None: in full. Without
            gradients, in graphs of torch.compile and under transforms it has no effect.
        backend: "auto" or a backend's name.

    Returns:
        output (T, B, N), zero past a row's length; the state after each row's last step; the :class:`Attention`, zero
        past a row's length, its fields None if not asked for; and the :class:`Choice` of backend.

    Raises:
        RuntimeError: a tensor's shape does not fit the others', or the named backend cannot run the call.
        BackendError: gradients are asked for with keep="bf16" in float64, or of another backend than "cpu".
        ValueError: lengths out of range, an unknown cell, gate, norm or backend, or, with the norm "sum", weights
            whose sum is almost zero.

    Source: Zhang et al., ECCV 2018, equations (1)-(7); Wang, arXiv 1709.03714. "sum" is the paper's norm; "softmax"
    and "content" (softmax over k of <h_{t-1}, h_{t-k}>, without W_a) are of the author's later program; "mean" is the
    residual without attention.

    Example:
        >>> import torch
        >>> from attentive_rnn.ops.recurrence import Lags, Spec, Weights, recurrence
        >>> w = Weights(ih=torch.randn(12, 2), hh=torch.randn(12, 3), lag=torch.rand(5))
        >>> state = (torch.zeros(4, 3), torch.zeros(4, 3), torch.zeros(4, 5, 3))
        >>> run = recurrence(torch.randn(7, 4, 2), state, w, Spec("lstm", gate=None, lags=Lags(5)))
        >>> run.output.shape, run.state[2].shape
        (torch.Size([7, 4, 3]), torch.Size([4, 5, 3]))
    """
    lengths = own_lengths(lengths)
    call = Call(spec, x, state, weights, lengths, reverse, zoneout, need_attention, keep)
    check(call)
    w, computed = weights.lag, spec.gate is not None
    if spec.lags is not None:
        w = normalised(spec.lags, weights.lag, weights.hh)
        computed = computed or w is None
    call = call._replace(w=weights._replace(lag=w), need_attention=need_attention and computed)
    choice, call, context = dispatch.prepare(TABLE, backend, x, call)
    if keep is not None and call.differentiable and native.why_not_transformed() is None:
        _check_kept(call, choice)
    with context:
        output, state, attention = TABLE[choice.backend].run(call)
    if need_attention and spec.lags is not None and w is not None:
        every = w.to(output.dtype).expand(*x.shape[:2], -1)
        if lengths is not None:
            runs = torch.arange(x.shape[0]).unsqueeze(1) < lengths.cpu()
            every = every * runs.unsqueeze(-1).to(every)
        attention = attention._replace(lags=every)
    return Run(output, state, attention, choice)


def _check_kept(call: Call, choice: dispatch.Choice) -> None:
    """Refuse to keep in bfloat16 what only the kernels can, and of float32 alone."""
    if call.dtype == torch.float64:
        raise dispatch.BackendError(f"keep={call.keep!r} is not for float64; use keep=None, or layers in float32")
    if choice.backend != "cpu":
        raise dispatch.BackendError(
            f"keep={call.keep!r} is of the backend 'cpu', but {choice.backend!r} runs this call ({choice.reason}); "
            "use keep=None"
        )


def normalised(lags: Lags, w_a: Tensor | None, like: Tensor) -> Tensor | None:
    """What :func:`lag_weights` makes of W_a, once it is known that it can be divided by its sum where it is to be.

    Raises:
        ValueError: the sum is almost zero.
    """
    if w_a is not None and lags.norm == "sum":
        _check_sum(w_a)
    return reference.lag_weights(lags, w_a, like)


def _check_sum(w_a: Tensor) -> None:
    """Refuse weights that cannot be divided by their sum. A transform that hides their values is let pass."""
    message = "the lags' weights add up to almost zero, so that norm='sum' cannot divide by their sum"
    total, size = w_a.detach().sum().abs(), w_a.detach().abs().sum()
    if torch.compiler.is_compiling():
        torch._assert_async(~(total <= LEAST_SUM * size), message)
    elif native.why_not_transformed() is None and w_a.device.type != "meta" and bool(total <= LEAST_SUM * size):
        raise ValueError(f"{message}: {w_a.detach().tolist()}; use norm='softmax', or a smaller learning rate")
