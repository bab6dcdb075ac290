"""Hidden states of many tracks, a row of one buffer for each, carried through a stack of layers from frame to frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..layers.base import RecurrentBase
from ..layers.stepping import Prepared, prepare
from ..ops.recurrence import Attention
from ..ops.recurrence.stream import addresses

PREPARED = 16  # numbers of rows whose steps are kept prepared


class Carried:
    """States of a stack of layers, each zeros when its track begins.

    Where the compiled kernels can run the layers, a step of one track makes no tensor: they read and write its row. A
    step of several tracks is one call on a copy of their rows.

    Args:
        layers: in evaluation mode, of one direction.
        most: rows. Their memory is taken from the system when they are first used.

    Example:
        >>> from attentive_rnn import EleAttGRU
        >>> layers = EleAttGRU(4, 5).eval()
        >>> carried = Carried(layers, most=2)
        >>> ann, bob = carried.begin(), carried.begin()
        >>> outputs, _ = carried.steps([ann, bob], torch.ones(2, 4))
        >>> outputs.shape, bool((outputs[0] == outputs[1]).all())
        ((2, 5), True)
        >>> carried.end(ann)
    """

    def __init__(self, layers: RecurrentBase, most: int = 1) -> None:
        self._layers = layers
        weight = layers.all_weights[0][0]
        self._dtype = weight.dtype
        shapes = [(shape[0], *shape[2:]) for shape in layers.state_shapes(1)]  # of one track
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        # Zeros that the system gives page by page.
        self._memory = np.zeros((most, ends[-1]), weight.detach().numpy().dtype)
        starts = [0, *ends[:-1]]
        self._states = [  # of all tracks, (L, rows, ...)
            torch.from_numpy(self._memory)[:, start:end].view(most, *shape).transpose(0, 1)
            for start, end, shape in zip(starts, ends, shapes, strict=True)
        ]
        self._places: list[tuple[int | None, ...]] = []  # of each row that has been used: what a step reads and writes
        self._top = slice(int(ends[0]) - layers.hidden_size, int(ends[0]))  # the last layer's h
        self._free: list[int] = []
        self._prepared: dict[int, Prepared | None] = {}
        widths = [0 if w.ha is None else w.ha.shape[0] for w in map(layers.weights, range(layers.num_layers))]
        self._responses = weight.new_zeros(sum(widths))
        ends = np.cumsum(widths)
        self._gated = [slice(end - width, end) if width else None for width, end in zip(widths, ends, strict=True)]

    def begin(self) -> int:
        """A row of zeros for a new track; that of a track which has ended, if there is one."""
        if self._free:
            row = self._free.pop()
            self._memory[row] = 0
            return row
        row = len(self._places)
        if row == len(self._memory):
            raise IndexError(f"all {row} rows are in use")
        # The kernels have read a state before they write it, so that it may stay where it is.
        place = addresses(self._layers.specs[0], [state[:, row] for state in self._states])
        self._places.append((*place, *place, None))
        return row

    def end(self, row: int) -> None:
        """Let a new track have the row."""
        self._free.append(row)

    def step(self, row: int, x: Tensor, need_attention: bool = False) -> tuple[np.ndarray, list[Any]]:
        """Take a frame (1, D): the last layer's h (N,), overwritten at later steps, and each layer's attention."""
        prepared = self._ready(x)
        if prepared is None:
            outputs, attention = self._pass([row], x[None], need_attention)
            return outputs[0, 0], [None if a is None else a[0, 0] for a in attention]
        if not need_attention:
            prepared.run(x.data_ptr(), *self._places[row])
            return self._memory[row, self._top], []
        prepared.run(x.data_ptr(), *self._places[row], self._responses.data_ptr())
        responses = self._responses.numpy().copy()
        return self._memory[row, self._top], [None if part is None else responses[part] for part in self._gated]

    def steps(
        self, rows: Sequence[int] | np.ndarray, x: Tensor, need_attention: bool = False
    ) -> tuple[np.ndarray, list[np.ndarray | None]]:
        """Take a frame of several tracks each, (P, D): the last layer's h (P, N), and the attention (P, D_layer)."""
        prepared = self._ready(x)
        if prepared is None:
            outputs, attention = self._pass(rows, x[None], need_attention)
            return outputs[0], [None if a is None else a[0] for a in attention]
        places = torch.from_numpy(np.asarray(rows))
        states = [x.new_empty((len(state), len(rows), *state.shape[2:])) for state in self._states]
        for state, copied in zip(self._states, states, strict=True):
            for layer, own in zip(state, copied, strict=True):  # one by one, which takes half the time
                torch.index_select(layer, 0, places, out=own)
        at, responses = addresses(self._layers.specs[0], states), None
        if need_attention:
            responses = x.new_empty(len(rows) * len(self._responses))
        prepared.run(x.data_ptr(), *at, *at, None, *(() if responses is None else (responses.data_ptr(),)))
        for state, new in zip(self._states, states, strict=True):
            state.index_copy_(1, places, new)
        outputs = states[0][-1].numpy()
        if responses is None:
            return outputs, []
        parts = (None if part is None else slice(part.start * len(rows), part.stop * len(rows)) for part in self._gated)
        return outputs, [None if part is None else responses[part].view(len(rows), -1).numpy() for part in parts]

    def chunk(self, row: int, x: Tensor, need_attention: bool = False) -> tuple[np.ndarray, list[Any]]:
        """Take several frames of a track, (T, D): the last layer's h at each, (T, N), and each layer's attention."""
        outputs, attention = self._pass([row], x[:, None], need_attention)
        return outputs[:, 0], [None if a is None else a[:, 0] for a in attention]

    def _pass(
        self, rows: Sequence[int] | np.ndarray, x: Tensor, need_attention: bool
    ) -> tuple[np.ndarray, list[np.ndarray | None]]:
        """Frames (T, P, D) by the layers' own forward pass: h (T, P, N), attention (T, P, D_layer)."""
        places = torch.tensor(rows)
        states = [state.index_select(1, places) for state in self._states]
        several = len(states) > 1
        asked = {"need_attention": True} if need_attention else {}
        with torch.no_grad():
            output, last, *attention = self._layers(x, tuple(states) if several else states[0], **asked)
            for state, new in zip(self._states, last if several else (last,), strict=True):
                state.index_copy_(1, places, new)
        return output.numpy(), [_of_inputs(a) for a in (attention or [[]])[0]]

    def _ready(self, x: Tensor) -> Prepared | None:
        """A step on the compiled kernels for so many frames (P, D); None where they cannot run it."""
        if x.dtype is not self._dtype or x.shape[1] != self._layers.input_size or not x.is_contiguous():
            return None
        count = len(x)
        if count not in self._prepared:
            if len(self._prepared) == PREPARED:
                self._prepared.clear()
            self._prepared[count] = self._prepare(x)
        found = self._prepared[count]
        if found is not None and not found.follows(self._layers):
            found = self._prepared[count] = self._prepare(x)
        if found is not None:
            for lags in found.lags:
                lags.follow()
        return found

    def _prepare(self, x: Tensor) -> Prepared | None:
        layers = self._layers
        if layers.zoneout:
            return None
        suffixes = [f"_l{layer}" for layer in range(layers.num_layers)]
        states = tuple(x.new_empty(shape) for shape in layers.state_shapes(len(x)))
        return prepare(layers, layers.specs, suffixes, x, states)


def _of_inputs(attention: Any) -> np.ndarray | None:
    """A layer's attention to its inputs, (T, P, D_layer), None without a gate."""
    found = attention.inputs if isinstance(attention, Attention) else attention
    return None if found is None else found.numpy()
