"""Single steps on the compiled CPU kernels, prepared once: for data that arrives frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .. import native
from ..native import address
from . import cpu
from .spec import Call, Spec, State, Weights


class Stream:
    """A recurrence, with lags or without, prepared for single steps on the CPU, without gradients.

    It reads the weights where they lie: changes in place (an optimiser's step, `load_state_dict`) take effect,
    tensors put in their place do not.

    Args:
        spec: the cell, the gate and its scale, the lags.
        weights: see :class:`Weights`; contiguous, float32 or float64, on the CPU; `lag` as it is normalised.
        rows: B, the number of sequences that advance together.

    Attributes:
        inputs: the prepared call, as :func:`joined` takes it.

    Raises:
        RuntimeError: the compiled kernels cannot take these weights; the message says why.

    Example:
        >>> import torch
        >>> from attentive_rnn.ops.recurrence import Spec, Weights
        >>> from attentive_rnn.ops.recurrence.stream import Stream
        >>> w = Weights(ih=torch.randn(9, 2), hh=torch.randn(9, 3), ia=torch.randn(2, 2), ha=torch.randn(2, 3))
        >>> stream = Stream(Spec("gru"), w, rows=1)
        >>> state = (torch.zeros(1, 3),)
        >>> for frame in torch.randn(5, 1, 2):
        ...     state = stream.step(frame, state)
        >>> state[0].shape
        torch.Size([1, 3])
    """

    def __init__(self, spec: Spec, weights: Weights, rows: int) -> None:
        d, n = weights.ih.shape[1], weights.hh.shape[1]
        dtype = weights.ih.dtype
        x = torch.empty(1, rows, d, dtype=dtype)
        state = tuple(torch.empty(rows, *shape, dtype=dtype) for shape in spec.state_shapes(n))
        call = Call(spec, x, state, weights)
        refusal = cpu.why_not(call)
        if spec.lags is not None and weights.lag is None:
            refusal = "the weights of its lags differ from step to step"
        if refusal is None and dtype not in (torch.float32, torch.float64):
            refusal = f"streams are float32 or float64, not {dtype}"
        if refusal is None and not all(w is None or w.is_contiguous() for w in weights):
            refusal = "a weight is not contiguous"
        if refusal is not None:
            raise RuntimeError(f"no stream on the CPU kernels: {refusal}")
        self._weights, self._dtype = weights, dtype  # held, for the stream knows only their addresses
        self._spec, self._shapes = spec, [torch.Size((rows, d)), *(s.shape for s in state)]
        self.inputs = cpu.inputs_of(call)
        self._run = joined((self,))

    def step(self, x: Tensor, state: State) -> State:
        """The state after `state` and the input x (B, D); (h,) or (h, c), each (B, N), with lags also the window."""
        given = (x, *state)
        if [t.shape for t in given] != self._shapes or any(t.dtype is not self._dtype for t in given):
            expected = ", ".join(str(tuple(shape)) for shape in self._shapes)
            got = ", ".join(f"{tuple(t.shape)} of {t.dtype}" for t in given)
            raise RuntimeError(f"expected x and states {expected} of {self._dtype}, got {got}")
        x, *before = (t.contiguous() for t in given)
        after = tuple(map(torch.empty_like, before))
        self._run(x.data_ptr(), *addresses(self._spec, before), *addresses(self._spec, after), None)
        return after


def addresses(spec: Spec, state: Sequence[Tensor]) -> list[int | None]:
    """Where h, c and the window are; None for what the recurrence has not."""
    return list(map(address, spec.h_c_window(state)))


def joined(streams: Sequence[Stream]) -> Callable[..., None]:
    """A step of a stack of layers, each of which reads the new h of the one below.

    Returns:
        a function of the addresses of x, h, c, the window, the new h, the new c, the new window, and the last layer's h
        once more, all contiguous, the states (L, B, ...), and, if wanted, of the responses of the layers that have a
        gate, (B, D_layer) one after the other; None for what a recurrence has not, and what is not wanted. The streams
        must outlive it, for it knows only their addresses.
    """
    step: Callable[..., None] = native.kernels.Stream(*(stream.inputs for stream in streams)).step
    return step
