"""Parts of a 2-D LSTM: its weights, the orders in which it passes over a map; a call of it, which every backend takes,
and the check that the parts of a call fit each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..autograd import differentiable

# Direction r runs in raster order over the map with its rows (first) or columns (second) reversed: from the top left,
# from the bottom right (the inverse raster), from the top right, from the bottom left.
FLIPS = ((False, False), (True, True), (False, True), (True, False))


class Weights(NamedTuple):
    """All R directions; blocks of N rows in torch's order i, f, g, o. The last four only where values are fed back."""

    left: Tensor  # (R, 4N, N), K_left
    up: Tensor | None = None  # (R, 4N, N), K_up; None for maps of one row
    value_left: Tensor | None = None  # (R, 4N), k_l
    value_up: Tensor | None = None  # (R, 4N), k_u
    read: Tensor | None = None  # (R, N), w_a
    read_bias: Tensor | None = None  # (R), b_a


class Call(NamedTuple):
    """A 2-D LSTM over maps; taken apart into `options` and `tensors` as a call of a recurrence is."""

    p: Tensor  # (B, H, W, R, 4N): what reaches each cell from the input, biases included
    w: Weights

    @property
    def options(self) -> None:
        """All that is no tensor: nothing."""

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """All tensors."""
        return (self.p, *self.w)

    @property
    def inputs(self) -> tuple[Tensor | None, ...]:
        """The tensors that have gradients."""
        return self.tensors

    @property
    def empty(self) -> bool:
        """Whether it has no maps, and nothing is to be computed."""
        return self.p.shape[0] == 0

    @property
    def differentiable(self) -> bool:
        """Whether gradients of its results can be asked for."""
        return differentiable(self.tensors)

    @property
    def dtype(self) -> torch.dtype:
        """Of all its numbers."""
        return self.p.dtype

    @classmethod
    def of(cls, options: None, tensors: Sequence[Any]) -> Call:
        """The call that has these `tensors`."""
        return cls(tensors[0], Weights(*tensors[1:]))

    def contiguous(self) -> Call:
        """The call as kernels read it: all tensors contiguous."""
        return Call.of(None, [None if t is None else t.contiguous() for t in self.tensors])

    def to(self, dtype: torch.dtype) -> Call:
        """The call with all its numbers in another type."""
        return Call.of(None, [None if t is None else t.to(dtype) for t in self.tensors])

    def result(self, tensors: Sequence[Tensor]) -> Tensor:
        """The result of a list of it."""
        return tensors[0]


def check(call: Call) -> None:
    """Refuse a call whose parts do not fit each other, naming the part."""
    p, w = call
    if p.dim() != 5:
        raise RuntimeError(f"p must have 5 dimensions (B, H, W, R, 4N), got {p.dim()}")
    _, height, _, directions, rows = p.shape
    if directions not in (1, 2, 4):
        raise RuntimeError(f"p (B, H, W, R, 4N) must have 1, 2 or {len(FLIPS)} directions R, got {tuple(p.shape)}")
    n = w.left.shape[-1]
    expected = {
        "left": (directions, 4 * n, n),
        "up": (directions, 4 * n, n),
        "value_left": (directions, 4 * n),
        "value_up": (directions, 4 * n),
        "read": (directions, n),
        "read_bias": (directions,),
    }
    for name, shape in expected.items():
        tensor = getattr(w, name)
        if tensor is not None and tuple(tensor.shape) != shape:
            raise RuntimeError(f"weight {name} must be {shape} for {directions} directions, got {tuple(tensor.shape)}")
    if rows != 4 * n:
        raise RuntimeError(f"p must have 4N = {4 * n} pre-activations a cell for weights of N = {n}, got {rows}")
    if torch.compiler.is_compiling():
        return  # the map's size may be a symbol
    if 0 in p.shape[1:]:
        raise RuntimeError(f"expected at least one cell, got p (B, H, W, R, 4N) = {tuple(p.shape)}")
    if w.up is None and height > 1:
        raise RuntimeError(f"a map of {height} rows needs the weight up; only a map of one row has nothing above")
    fed_back = [name for name in ("value_left", "read", "read_bias") if getattr(w, name) is not None]
    if len(fed_back) not in (0, 3) or (w.value_up is None) != (w.up is None or not fed_back):
        raise RuntimeError("values are fed back with value_left, read and read_bias, and with value_up where up is")
