"""Graphs that are exported: a layer or a model as a module of plain tensors, whose inputs and outputs have names.

A graph of a sequence takes padded sequences and their lengths; a graph of a step takes one frame and the state, and
gives the state after it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..layers import AttentionRNN2d
from ..layers.base import RecurrentBase
from ..models import SequenceClassifier
from ..ops.recurrence import Attention
from .preprocessing import Preprocessing

ROWS, STEPS = 3, 5  # of the examples by which a graph is recorded


class Graph(NamedTuple):
    """A module to be exported.

    Args:
        module: called with `arguments`; it returns a tuple of tensors.
        arguments: examples of its inputs, tensors or tuples of them.
        open: the name of each open dimension of each of them, by its number; nested as the arguments are.
        inputs, outputs: the names of all tensors.
        least: the smallest size of an open dimension, by its name, where it is not 0.
    """

    module: nn.Module
    arguments: tuple[Any, ...]
    open: tuple[Any, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    least: Mapping[str, int] = {}

    def dynamic(self) -> Any:
        """The open dimensions as torch.export takes them."""
        dims: dict[str, Any] = {}

        def made(part: Any) -> Any:
            if isinstance(part, tuple):
                return tuple(map(made, part))
            for name in part.values():
                dims.setdefault(name, torch.export.Dim(name, min=self.least.get(name)))
            return {axis: dims[name] for axis, name in part.items()}

        return made(self.open)


def layer_graph(layer: RecurrentBase, need_attention: bool = False) -> Graph:
    """A layer over padded sequences: input, lengths -> output, the state h (and c, window), attention if asked for."""
    module = _Layer(_ready(layer, "scan"), need_attention)
    weight = layer.all_weights[0][0]
    x = torch.zeros(ROWS, STEPS, layer.input_size, dtype=weight.dtype)
    axes = {0: "batch", 1: "time"} if layer.batch_first else {1: "batch", 0: "time"}
    x = x if layer.batch_first else x.transpose(0, 1)
    names = [*_states(layer), *_attended(layer, need_attention)]
    return Graph(module, (x, _lengths()), (axes, {0: "batch"}), ("input", "lengths"), ("output", *names))


def layer_step(layer: RecurrentBase) -> Graph:
    """One step of a layer: input (B, D), the state -> output (B, N), the state after it."""
    _check_causal(layer)
    state, axes = _example_state(layer)
    x = state[0].new_zeros(ROWS, layer.input_size)
    names = _states(layer)
    inputs, outputs = ("input", *names), ("output", *(f"next_{name}" for name in names))
    return Graph(_LayerStep(_ready(layer, "reference")), (x, state), ({0: "batch"}, axes), inputs, outputs)


def map_graph(gate: AttentionRNN2d) -> Graph:
    """AttentionRNN2d over maps of more than one block: x, and query where it takes one -> y, mask."""
    x = gate.input_to_state.weight.new_zeros(ROWS, gate.in_channels, 5, 6).cpu()
    maps = {0: "batch", 2: "height", 3: "width"}
    least = {"height": gate.block + 1, "width": gate.block + 1} if gate.block > 1 else {}
    module = _ready(gate, "scan")
    if gate.query_size is None:
        return Graph(module, (x,), (maps,), ("x",), ("y", "mask"), least)
    query = x.new_zeros(ROWS, gate.query_size)
    return Graph(module, (x, query), (maps, {0: "batch"}), ("x", "query"), ("y", "mask"), least)


def classifier_graph(
    model: SequenceClassifier,
    preprocessing: Preprocessing | None = None,
    shape: Sequence[int] | None = None,
    need_attention: bool = False,
) -> Graph:
    """A classifier over padded sequences: x (B, T, *shape), lengths -> logits (B, K), attention if asked for."""
    module = _Classifier(_ready(model, "scan"), preprocessing, need_attention)
    x = model.classifier.weight.new_zeros(ROWS, STEPS, *(shape or (model.config["input_size"],))).cpu()
    names = _attended(model.layers, need_attention)
    axes = ({0: "batch", 1: "time"}, {0: "batch"})
    return Graph(module, (x, _lengths()), axes, ("x", "lengths"), ("logits", *names))


def classifier_step(
    model: SequenceClassifier, preprocessing: Preprocessing | None = None, shape: Sequence[int] | None = None
) -> Graph:
    """One step of a classifier: x (B, *shape), the state -> the step's logits (B, K), the state after it.

    The logits of a sequence are those of its steps, pooled as the model pools them.
    """
    _check_causal(model.layers)
    state, axes = _example_state(model.layers)
    x = state[0].new_zeros(ROWS, *(shape or (model.config["input_size"],)))
    names = _states(model.layers)
    if preprocessing is not None:
        kept = preprocessing.start(x)
        state, axes = (*state, *kept.values()), (*axes, *({0: "batch"} for _ in kept))
        names = (*names, *kept)
    inputs, outputs = ("x", *names), ("logits", *(f"next_{name}" for name in names))
    module = _ClassifierStep(_ready(model, "reference"), preprocessing)
    return Graph(module, (x, state), ({0: "batch"}, axes), inputs, outputs)


class _Layer(nn.Module):
    def __init__(self, layer: Any, need_attention: bool) -> None:
        super().__init__()
        self.layer, self.need_attention = layer, need_attention

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        output, state, *attention = self.layer(x, lengths=lengths, need_attention=self.need_attention)
        return output, *(state if isinstance(state, tuple) else (state,)), *_flat(attention)


class _LayerStep(nn.Module):
    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        time = 1 if self.layer.batch_first else 0
        output, after = self.layer(x.unsqueeze(time), state if len(state) > 1 else state[0])
        return output.squeeze(time), *(after if isinstance(after, tuple) else (after,))


class _Classifier(nn.Module):
    def __init__(self, model: Any, preprocessing: Preprocessing | None, need_attention: bool) -> None:
        super().__init__()
        self.model, self.preprocessing, self.need_attention = model, preprocessing, need_attention

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        if self.preprocessing is not None:
            x = self.preprocessing(x, lengths)
        if not self.need_attention:
            return (self.model(x, lengths),)
        logits, attention = self.model(x, lengths, need_attention=True)
        return logits, *_flat(attention)


class _ClassifierStep(nn.Module):
    def __init__(self, model: Any, preprocessing: Preprocessing | None) -> None:
        super().__init__()
        self.model, self.preprocessing = model, preprocessing

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        layers = self.model.layers
        kept: tuple[Tensor, ...] = ()
        carried = state[: len(layers.state_shapes(1))]
        if self.preprocessing is not None:
            x, kept = self.preprocessing.step(x, state[len(carried) :])
        frame = x.flatten(1)
        if self.model.embedding is not None:
            frame = self.model.embedding(frame.squeeze(1).long())
        output, after = layers(frame.unsqueeze(0), carried if len(carried) > 1 else carried[0])
        logits = self.model.classifier(output.squeeze(0))
        return logits, *(after if isinstance(after, tuple) else (after,)), *kept


def _ready(module: nn.Module, backend: str) -> Any:
    """A copy in evaluation mode on the CPU, whose recurrences run on a backend."""
    module = copy.deepcopy(module).cpu().eval().requires_grad_(False)
    for part in module.modules():
        if isinstance(part, RecurrentBase | AttentionRNN2d):
            part.backend, part.last_backend = backend, None
    return module


def _lengths() -> Tensor:
    return torch.full((ROWS,), STEPS)


def _example_state(layer: RecurrentBase) -> tuple[tuple[Tensor, ...], tuple[dict[int, str], ...]]:
    """Zeros for the state, and its open dimensions."""
    weight = layer.all_weights[0][0]
    state = tuple(torch.zeros(shape, dtype=weight.dtype) for shape in layer.state_shapes(ROWS))
    return state, tuple({1: "batch"} for _ in state)


def _states(layer: RecurrentBase) -> tuple[str, ...]:
    return tuple(layer.specs[0].of_states("h", "c", "window"))


def _attended(layer: RecurrentBase, need_attention: bool) -> list[str]:
    """The names of what :func:`_flat` gives of the attention of a layer."""
    if not need_attention:
        return []
    names = []
    for number, spec in enumerate(layer.specs, 1):
        names += [f"attention_{number}"] if spec.gate is not None and spec.lags is None else []
        if spec.lags is not None:
            names += [f"lags_{number}", *([f"attention_{number}"] if spec.gate is not None else [])]
    return names


def _flat(attention: Any) -> Iterator[Tensor]:
    """All tensors of an attention, layer by layer."""
    if isinstance(attention, Tensor):
        yield attention
    elif isinstance(attention, list | Attention):
        for part in attention:
            yield from _flat(part)


def _check_causal(layer: RecurrentBase) -> None:
    if layer.bidirectional:
        raise ConfigError("a step needs layers that run forward in time only, but bidirectional is true")
