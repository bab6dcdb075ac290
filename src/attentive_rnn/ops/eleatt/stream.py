"""One step at a time with as little around the arithmetic as there can be: for data that arrives frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .. import native
from . import cpu, kernels
from .spec import Spec, State, Weights


class Stream:
    """An EleAtt recurrence prepared for single steps on the CPU, without gradients.

    It reads the weights where they lie: changes in place (an optimiser's step, `load_state_dict`) take effect,
    tensors put in their place do not.

    Args:
        spec: the cell, the gate and its scale.
        weights: see :class:`Weights`; contiguous, float32 or float64, on the CPU.
        rows: B, the number of sequences that advance together.

    Attributes:
        words: the prepared call, as :func:`joined` takes it.

    Raises:
        RuntimeError: the compiled kernels cannot take these weights; the message says why.

    Example:
        >>> import torch
        >>> from attentive_rnn.ops.eleatt import Spec, Weights
        >>> from attentive_rnn.ops.eleatt.stream import Stream
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
        state = tuple(torch.empty(rows, n, dtype=dtype) for _ in range(spec.states))
        refusal = cpu.why_not(spec, x, state, weights, None, False, None, False)
        if refusal is None and dtype not in (torch.float32, torch.float64):
            refusal = f"streams are float32 or float64, not {dtype}"
        if refusal is None and not all(w is None or w.is_contiguous() for w in weights):
            refusal = "a weight is not contiguous"
        if refusal is not None:
            raise RuntimeError(f"no stream on the CPU kernels: {refusal}")
        self._weights, self._dtype = weights, dtype  # held, for the stream knows only their addresses
        self._x_shape, self._state_shape = torch.Size((rows, d)), torch.Size((rows, n))
        self.words = kernels.words(spec, x, state, weights, None, False, None)
        self._run = joined((self,))

    def step(self, x: Tensor, state: State) -> State:
        """The state after `state` and the input x (B, D); (h,) or (h, c), each (B, N)."""
        h = state[0]
        if x.shape != self._x_shape or h.shape != self._state_shape or x.dtype is not self._dtype:
            raise RuntimeError(
                f"expected x {tuple(self._x_shape)} and states {tuple(self._state_shape)} of {self._dtype}, "
                f"got x {tuple(x.shape)} of {x.dtype} and a state {tuple(h.shape)}"
            )
        if not (x.is_contiguous() and h.is_contiguous()):
            x, h = x.contiguous(), h.contiguous()
        h_last = torch.empty_like(h)
        if len(state) == 1:
            self._run(x.data_ptr(), h.data_ptr(), None, h_last.data_ptr(), None, None)
            return (h_last,)
        c = state[1].contiguous()
        c_last = torch.empty_like(c)
        self._run(x.data_ptr(), h.data_ptr(), c.data_ptr(), h_last.data_ptr(), c_last.data_ptr(), None)
        return h_last, c_last


def joined(streams: Sequence[Stream]) -> Callable[..., None]:
    """A step of a stack of layers, each of which reads the new h of the one below.

    Returns:
        a function of the addresses of x, h, c, the new h, the new c and the last layer's h once more, all contiguous,
        the states (L, B, N); None for an RNN's or GRU's c, and where the last is not wanted. The streams must outlive
        it, for it knows only their addresses.
    """
    step: Callable[..., None] = native.kernels.Stream(*(stream.words for stream in streams)).step
    return step
