"""Relative response of a gate to each element of its input, and the observation of a layer that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from torch import Tensor

from ..data import Batch, SequenceDataset
from ..data.io.files import write_file
from ..errors import ConfigError
from ..layers.base import RecurrentBase
from ..models import SequenceClassifier
from ..ops.recurrence import Attention
from ..training.saved_model import SavedModel
from .capture import CapturedCall, capture

FILE = "static_modulation.safetensors"
LARGEST = 2000  # sequences, spread evenly over the data set: more do not change an average that can be seen


def static_modulation(saved: SavedModel, dataset: SequenceDataset, layer: int = 0, batch_size: int = 64) -> np.ndarray:
    """The mean effect of a layer's gate on each element, by its energy before and after.

    .. math:: \\bar a_i = \\sqrt{\\frac{\\sum_t (a_{t,i} x_{t,i})^2}{\\sum_t x_{t,i}^2}}

    Args:
        saved: a model in which that layer has a gate.
        dataset: training sequences as they were read; at most 2,000 of them, evenly spread, are used.
        layer: from 0; x is the input of the layer.
        batch_size: sequences at a time.

    Returns:
        (D,) float64, above 0; the root mean square of a alone for an element that is 0 in every frame.

    Raises:
        ConfigError: the layer has no gate.

    Source: Zhang et al., ECCV 2018, section 5.6, which says "average energy before and after the modulation"
    and leaves the formula to the reader.
    """
    step = -(-len(dataset) // LARGEST)
    after = before = alone = np.zeros(1)
    frames = 0
    for _, batch, _, seen in observe(saved, dataset.subset(range(0, len(dataset), step)), layer, batch_size=batch_size):
        known = torch.arange(batch.x.shape[1])[:, None] < batch.lengths.cpu()
        a = seen.gate.double().cpu()[known].numpy()
        x = seen.inputs.double().cpu()[known].numpy()
        after = after + ((a * x) ** 2).sum(0)
        before = before + (x**2).sum(0)
        alone = alone + (a**2).sum(0)
        frames += len(a)
    moving = before > 0
    energy = np.where(moving, after / np.where(moving, before, 1), alone / frames)
    return np.sqrt(np.maximum(energy, np.finfo(np.float32).tiny))


def has_gate(saved: SavedModel, layer: int = 0) -> bool:
    """Whether a layer, counted from 0, has a gate on its input.

    Raises:
        ConfigError: there is no such layer.
    """
    gates = saved.classifier.layers.gates
    if not 0 <= layer < len(gates):
        raise ConfigError(f"there is no layer {layer + 1}: the model's layers go from 1 to {len(gates)}")
    return gates[layer] is not None


class Observation(NamedTuple):
    """The input of a layer of a model and the output of its gate, both (T, B, D); the weights of all layers' lags.

    `lags` has one (T, B, K) for each layer, None for one that does not look back.
    """

    inputs: Tensor
    gate: Tensor
    lags: list[Tensor | None]


def observe(
    saved: SavedModel, dataset: SequenceDataset, layer: int = 0, gated: bool = True, batch_size: int = 64
) -> Iterator[tuple[np.ndarray, Batch, np.ndarray, Observation]]:
    """Classify sequences as they were read, and observe one layer; of two directions the mean.

    Args:
        saved: the model.
        dataset: the sequences.
        layer: from 0.
        gated: whether a gate is wanted; if not, `gate` is NaN.
        batch_size: sequences at a time.

    Yields:
        what :meth:`SavedModel.forward` yields, and the observation.

    Raises:
        ConfigError: there is no such layer, or it has no gate, though one is wanted.
    """
    if not has_gate(saved, layer) and gated:
        if layer:
            raise ConfigError(f"the model's layer {layer + 1} has no gate (model.gate)")
        raise ConfigError("the model has no attention to its input: its first layer has no gate (model.gate)")
    below = first_layers(saved.classifier, layer) if layer else None
    with capture(saved.classifier) as captured:
        for indices, batch, outputs in saved.forward(dataset, batch_size):
            seen = _last_observation(captured, layer, gated)
            if below is not None:
                with torch.no_grad():
                    seen = seen._replace(inputs=below(seen.inputs, lengths=batch.lengths)[0])
            yield indices, batch, outputs, seen


def _last_observation(captured: dict[str, list[CapturedCall]], layer: int, gated: bool) -> Observation:
    """The last call of a model of stacked recurrent layers, taken out; `inputs` are the first layer's."""
    call = next(kept.pop() for kept in captured.values() if kept)
    lags = [_one_direction(one.lags) if isinstance(one, Attention) else None for one in call.attention]
    own = call.attention[layer]
    gate = _one_direction(own.inputs if isinstance(own, Attention) else own)
    if not gated:
        gate = torch.full_like(call.input, torch.nan)
    assert gate is not None
    return Observation(call.input, gate, lags)


def _one_direction(attention: Tensor | None) -> Tensor | None:
    return attention.mean(-1) if attention is not None and attention.dim() == 4 else attention


def stored_modulation(
    folder: Path, saved: SavedModel, train: SequenceDataset | Callable[[], SequenceDataset], layer: int = 0
) -> np.ndarray:
    """The static modulation that a model's folder holds; measured and put there the first time.

    Args:
        folder: of the model.
        saved: the model.
        train: its training sequences, or what reads them where they are needed.
        layer: from 0.

    Raises:
        ConfigError: the file is damaged or of another model.
    """
    path, key = folder / FILE, "static_modulation" + (f"_l{layer}" if layer else "")
    stored: dict[str, np.ndarray] = {}
    if path.exists():
        try:
            stored = load_arrays(path.read_bytes())
        except (OSError, SafetensorError, ValueError) as error:
            raise ConfigError(f"{path}: is damaged or not a safetensors file ({error}); remove it") from error
    if key not in stored:
        stored[key] = static_modulation(saved, train() if callable(train) else train, layer)
        write_file(path, save_arrays(stored))
    layers, values = saved.classifier.layers, stored[key]
    width = layers.hidden_size * layers.directions if layer else layers.input_size
    if values.shape != (width,):
        raise ConfigError(f"{path}: has {values.size} numbers for {width} elements a frame; remove it")
    return values


def without_embedding(classifier: SequenceClassifier) -> SequenceClassifier:
    """The classifier of word vectors (B, T, E) in a classifier of words; of frames of numbers itself.

    Example:
        >>> words = SequenceClassifier(1, 2, hidden_size=3, vocabulary_size=9, embedding_size=4).eval()
        >>> x = torch.tensor([[[3], [8]]])
        >>> torch.equal(without_embedding(words)(words.embedding(x[..., 0])), words(x))
        True
    """
    if classifier.embedding is None:
        return classifier
    return _part(classifier, input_size=classifier.layers.input_size, vocabulary_size=None, embedding_size=None)


def first_layers(classifier: SequenceClassifier, count: int) -> RecurrentBase:
    """The lowest recurrent layers, whose outputs (T, B, N) the next one reads.

    Example:
        >>> model = SequenceClassifier(4, 2, hidden_size=3, num_layers=2).eval()
        >>> output, _ = first_layers(model, 1)(torch.randn(7, 5, 4))
        >>> output.shape
        torch.Size([7, 5, 3])
    """
    return _part(classifier, num_layers=count, gate=list(classifier.layers.gates[:count])).layers


def _part(classifier: SequenceClassifier, **changes: Any) -> SequenceClassifier:
    with torch.random.fork_rng(devices=[]):  # its first weights, which are replaced, take none of the caller's numbers
        part = SequenceClassifier(**classifier.config | changes)
    weights, like = classifier.state_dict(), next(classifier.parameters())
    part.to(like.device, like.dtype).load_state_dict({name: weights[name] for name in part.state_dict()})
    return part.eval()
