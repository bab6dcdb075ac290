"""What a recurrence is made of: its kind, its gate, the former outputs that it attends to, its weights, its state; and
a call of it, which every backend is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ..autograd import differentiable

Cell = Literal["rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after"]
Gate = Literal["sigmoid", "softmax"] | None

CELLS: tuple[Cell, ...] = ("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after")
GATES: tuple[Gate, ...] = ("sigmoid", "softmax", None)


class Lags(NamedTuple):
    """The former outputs that a step attends to, h_{t-first} ... h_{t-first-number+1} (see ops/rra)."""

    number: int
    norm: str = "sum"  # how their weights are made
    first: int = 1

    @property
    def window(self) -> int:
        """How many former outputs the recurrence carries."""
        return self.number + self.first - 1


class Spec(NamedTuple):
    """The recurrence: the cell, the attention gate's activation (None: no gate), its response's factor, the lags."""

    cell: Cell
    gate: Gate = "sigmoid"
    gate_scale: float = 1.0
    lags: Lags | None = None  # None: no attention to former outputs

    @property
    def blocks(self) -> int:
        """G, the number of N-row blocks in the cell's weights."""
        return {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3, "gru_reset_after": 3}[self.cell]

    @property
    def cell_states(self) -> int:
        """The number of tensors (B, N) that the cell carries: h, and for the LSTM c."""
        return 2 if self.cell == "lstm" else 1

    @property
    def states(self) -> int:
        """The number of tensors that the recurrence carries: the cell's, and with lags the window."""
        return self.cell_states + (self.lags is not None)

    def state_shapes(self, n: int) -> list[tuple[int, ...]]:
        """The shapes of one row's states: (N,) for h and c, (W, N) for the window, the latest output first."""
        cell: list[tuple[int, ...]] = [(n,)] * self.cell_states
        return cell if self.lags is None else [*cell, (self.lags.window, n)]


class Weights(NamedTuple):
    """One direction of one layer; blocks of N rows in torch's order (GRU r, z, n; LSTM i, f, g, o)."""

    ih: Tensor  # (G*N, D)
    hh: Tensor  # (G*N, N)
    b_ih: Tensor | None = None  # (G*N)
    b_hh: Tensor | None = None  # (G*N), only with gru_reset_after
    ia: Tensor | None = None  # (D, D), W_xa
    ha: Tensor | None = None  # (D, N), W_ha
    b_a: Tensor | None = None  # (D)
    lag: Tensor | None = None  # (K), the lags' weights, that of the latest output first


State = tuple[Tensor, ...]  # (h,) or (h, c), each (B, N); with lags also the window (B, W, N)


class Call(NamedTuple):
    """One direction of one layer over a batch of sequences.

    A function of autograd, an operator and a CUDA graph take tensors one by one: a call is taken apart into `options`
    and `tensors` and put together by `of`.
    """

    spec: Spec
    x: Tensor  # (T, B, D)
    state: State  # before the first step
    w: Weights
    lengths: Tensor | None = None  # (B), int64: the number of steps of each row, each in 1..T; None: all T
    reverse: bool = False  # from each row's last step to its first
    zoneout: Tensor | None = None  # (cell_states, T, B, N), in 0..1: the share of its old value that each unit keeps
    need_attention: bool = False

    @property
    def options(self) -> tuple[Spec, bool, bool]:
        """All that is no tensor."""
        return self.spec, self.reverse, self.need_attention

    @property
    def differentiable(self) -> bool:
        """Whether gradients of its results can be asked for."""
        return differentiable(self.inputs)

    @property
    def inputs(self) -> tuple[Tensor | None, ...]:
        """The tensors that have gradients: x, the states and the weights."""
        return (self.x, *self.state, *self.w)

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """All tensors: the lengths, zoneout and the inputs."""
        return (self.lengths, self.zoneout, self.x, *self.state, *self.w)

    @classmethod
    def of(cls, options: tuple[Spec, bool, bool], tensors: Sequence[Any]) -> Call:
        """The call that has these `options` and `tensors`."""
        spec, reverse, need_attention = options
        lengths, zoneout, x, *inputs = tensors
        state, w = tuple(inputs[: spec.states]), Weights(*inputs[spec.states :])
        return cls(spec, x, state, w, lengths, reverse, zoneout, need_attention)

    def contiguous(self) -> Call:
        """The call as kernels read it: all tensors contiguous, but x, which has unit stride along D."""
        made = self if self.x.stride(-1) == 1 else self._replace(x=self.x.contiguous())
        tensors = (t if t is None or t is made.x else t.contiguous() for t in made.tensors)
        return Call.of(self.options, tuple(tensors))

    def to(self, dtype: torch.dtype) -> Call:
        """The call with all its numbers in another type."""
        lengths, *numbers = self.tensors
        return Call.of(self.options, (lengths, *(None if t is None else t.to(dtype) for t in numbers)))


class Result(NamedTuple):
    """What a recurrence returns: h at every step, the last state, and the gate's response where it was asked for."""

    output: Tensor  # (T, B, N), zero past a row's length
    state: State  # at each row's last step
    attention: Tensor | None  # (T, B, D), zero past a row's length
    lag_attention: Tensor | None = None  # (T, B, K), zero past a row's length, where it differs from step to step
