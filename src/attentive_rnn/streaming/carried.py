"""Hidden state of one track, carried through a stack of layers from frame to frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..layers.base import RecurrentBase
from ..layers.stepping import Prepared, prepare
from ..ops.recurrence import Attention
from ..ops.recurrence.stream import addresses


class Carried:
    """The state of a stack of layers in memory of its own, zeros at the start.

    Where the compiled kernels can run the layers, a step makes no tensor: they read one half of the memory and write
    the other.

    Args:
        layers: in evaluation mode, of one direction.
    """

    def __init__(self, layers: RecurrentBase) -> None:
        self._layers = layers
        self._input = layers.all_weights[0][0].new_zeros(1, layers.input_size)
        self._halves = [tuple(self._input.new_zeros(shape) for shape in layers.state_shapes(1)) for _ in range(2)]
        self._now = 0
        self._prepared = self._prepare()
        places = [addresses(layers.specs[0], half) for half in self._halves]
        self._turns = [(*places[0], *places[1], None), (*places[1], *places[0], None)]
        self._tops = [half[0][-1, 0].detach().numpy() for half in self._halves]
        widths = [0 if w.ha is None else w.ha.shape[0] for w in map(layers.weights, range(layers.num_layers))]
        self._responses = self._input.new_zeros(sum(widths))
        ends = np.cumsum(widths)
        self._gated = [slice(end - width, end) if width else None for width, end in zip(widths, ends, strict=True)]

    def _prepare(self) -> Prepared | None:
        layers = self._layers
        suffixes = [f"_l{layer}" for layer in range(layers.num_layers)]
        return None if layers.zoneout else prepare(layers, layers.specs, suffixes, self._input, self._halves[0])

    def step(self, x: Tensor, need_attention: bool = False) -> tuple[np.ndarray, list[Any]]:
        """Take a frame (1, D): the last layer's h (N,), overwritten at later steps, and each layer's attention."""
        fits = x.dtype is self._input.dtype and x.shape == self._input.shape and x.is_contiguous()
        if self._prepared is not None and not self._prepared.follows(self._layers):
            self._prepared = self._prepare()
        if self._prepared is None or not fits:
            outputs, attention = self.chunk(x, need_attention)
            return outputs[0], [None if a is None else a[0] for a in attention]
        for lags in self._prepared.lags:
            lags.follow()
        if not need_attention:
            self._prepared.run(x.data_ptr(), *self._turns[self._now])
            self._now = 1 - self._now
            return self._tops[self._now], []
        self._prepared.run(x.data_ptr(), *self._turns[self._now], self._responses.data_ptr())
        self._now = 1 - self._now
        responses = self._responses.numpy().copy()
        return self._tops[self._now], [None if part is None else responses[part] for part in self._gated]

    def chunk(self, x: Tensor, need_attention: bool = False) -> tuple[np.ndarray, list[Any]]:
        """Take several frames (T, D): the last layer's h at each, (T, N), and each layer's attention (T, D_layer)."""
        half = self._halves[self._now]
        asked = {"need_attention": True} if need_attention else {}
        with torch.no_grad():
            output, last, *attention = self._layers(x[:, None], half if len(half) > 1 else half[0], **asked)
            for kept, new in zip(half, last if len(half) > 1 else (last,), strict=True):
                kept.copy_(new)
        return output[:, 0].numpy(), [_of_inputs(a) for a in (attention or [[]])[0]]


def _of_inputs(attention: Any) -> np.ndarray | None:
    """A layer's attention to its inputs, (T, D_layer), None without a gate."""
    found = attention.inputs if isinstance(attention, Attention) else attention
    return None if found is None else found[:, 0].numpy()
