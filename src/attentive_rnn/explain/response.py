"""Mean input of a layer, mean effect of its gate, and the observation of a layer that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from torch import Tensor, nn

from ..data import Batch, Schema, SequenceDataset
from ..data.io.files import write_file
from ..data.transforms.presence import has_joints, mark
from ..errors import ConfigError
from ..layers.base import RecurrentBase
from ..models import SequenceClassifier
from ..ops.recurrence import Attention
from ..training.saved_model import SavedModel
from .capture import CapturedCall, capture

FILE = "static_modulation.safetensors"
LARGEST = 2000  # sequences, spread evenly over the data set: more do not change an average that can be seen


class Usual(NamedTuple):
    """What a layer and its gate are used to from training, both (D,) float64.

    Args:
        mean: of each element of the layer's input; of joints, over the frames in which they are seen.
        modulation: the mean effect of the gate on each element, above 0.
    """

    mean: np.ndarray
    modulation: np.ndarray

    def attended(self, inputs: np.ndarray, gate: np.ndarray) -> np.ndarray:
        """The attended input a |x - mean|, (..., D): how far from the mean frame what the gate lets in lies.

        Args:
            inputs: x, (..., D), NaN for what is not seen; that is not attended to, 0.
            gate: a, (..., D).

        Example:
            >>> Usual(np.array([1.0, 0.0]), np.ones(2)).attended(np.array([3.0, np.nan]), np.array([0.5, 0.5])).tolist()
            [1.0, 0.0]
        """
        return np.nan_to_num(gate * np.abs(inputs - self.mean))

    def relative(self, inputs: np.ndarray, gate: np.ndarray) -> np.ndarray:
        """The relative response of the gate, (..., D), whatever the inputs are: 1 is the usual amount."""
        return gate / self.modulation


def measure_usual(saved: SavedModel, dataset: SequenceDataset, layer: int = 0, batch_size: int = 64) -> Usual:
    """The mean input of a layer, and the mean effect of its gate on each element by its energy before and after.

    .. math:: \\bar a_i = \\sqrt{\\frac{\\sum_t (a_{t,i} x_{t,i})^2}{\\sum_t x_{t,i}^2}}

    Args:
        saved: a model in which that layer has a gate.
        dataset: training sequences as they were read; at most 2,000 of them, evenly spread, are used.
        layer: from 0; x is the input of the layer.
        batch_size: sequences at a time.

    Returns:
        The mean, 0 for an element that is never seen, and the effect; the root mean square of a alone for an element
        that is 0 in every frame.

    Raises:
        ConfigError: the layer has no gate.

    Source: Zhang et al., ECCV 2018, section 5.6, which says "average energy before and after the modulation"
    and leaves the formula to the reader.
    """
    step = -(-len(dataset) // LARGEST)
    after = before = alone = total = seen_frames = np.zeros(1)
    frames = 0
    for _, batch, _, seen in observe(saved, dataset.subset(range(0, len(dataset), step)), layer, batch_size=batch_size):
        known = torch.arange(batch.x.shape[1])[:, None] < batch.lengths.cpu()
        a = seen.gate.double().cpu()[known].numpy()
        x = seen.inputs.double().cpu()[known].numpy()
        after = after + ((a * x) ** 2).sum(0)
        before = before + (x**2).sum(0)
        alone = alone + (a**2).sum(0)
        frames += len(a)
        present = seen.present.cpu()[known].numpy()
        total = total + np.where(present, x, 0).sum(0)
        seen_frames = seen_frames + present.sum(0)
    moving = before > 0
    energy = np.where(moving, after / np.where(moving, before, 1), alone / frames)
    mean = total / np.maximum(seen_frames, 1)
    return Usual(mean, np.sqrt(np.maximum(energy, np.finfo(np.float32).tiny)))


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

    `lags` has one (T, B, K) for each layer, None for one that does not look back. `present` is False, bool (T, B, D),
    for the elements of joints that are not seen; of deeper layers it is True.
    """

    inputs: Tensor
    gate: Tensor
    lags: list[Tensor | None]
    present: Tensor

    def attended(self, usual: Usual) -> Tensor:
        """The attended input, (T, B, D) float64 on the CPU; see :meth:`Usual.attended`."""
        marked = self.inputs.double().masked_fill(~self.present, torch.nan)
        return torch.from_numpy(usual.attended(marked.cpu().numpy(), self.gate.double().cpu().numpy()))


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
    ready = saved.preprocessing.schema_after(saved.schema)
    with capture(saved.classifier) as captured:
        for indices, batch, outputs in saved.forward(dataset, batch_size):
            seen = _last_observation(captured, layer, gated)
            if below is None and has_joints(batch.x[0].float(), ready):
                seen = seen._replace(present=_present(batch, ready).to(seen.inputs.device))
            if below is not None:
                with torch.no_grad():
                    inputs = below(seen.inputs, lengths=batch.lengths)[0]
                seen = seen._replace(inputs=inputs, present=torch.ones_like(inputs, dtype=torch.bool))
            yield indices, batch, outputs, seen


def _present(batch: Batch, schema: Schema) -> Tensor:
    """Which elements of a batch of skeletons are of joints that are seen, bool (T, B, D)."""
    seen = [
        ~mark(sequence.cpu(), schema, _padded(presence, sequence)).isnan().flatten(1)
        for sequence, presence in zip(batch.x, batch.presence, strict=True)
    ]
    return torch.stack(seen, dim=1)


def _padded(presence: Tensor | None, sequence: Tensor) -> Tensor | None:
    """The presence of joints, bool (T, M, V), with steps of nobody up to the length of a padded sequence."""
    return None if presence is None else nn.functional.pad(presence, (0, 0, 0, 0, 0, len(sequence) - len(presence)))


def _last_observation(captured: dict[str, list[CapturedCall]], layer: int, gated: bool) -> Observation:
    """The last call of a model of stacked recurrent layers, taken out; `inputs` are the first layer's."""
    call = next(kept.pop() for kept in captured.values() if kept)
    lags = [_one_direction(one.lags) if isinstance(one, Attention) else None for one in call.attention]
    own = call.attention[layer]
    gate = _one_direction(own.inputs if isinstance(own, Attention) else own)
    if not gated:
        gate = torch.full_like(call.input, torch.nan)
    assert gate is not None
    return Observation(call.input, gate, lags, torch.ones_like(call.input, dtype=torch.bool))


def _one_direction(attention: Tensor | None) -> Tensor | None:
    return attention.mean(-1) if attention is not None and attention.dim() == 4 else attention


def stored_usual(
    folder: Path, saved: SavedModel, train: SequenceDataset | Callable[[], SequenceDataset] | None, layer: int = 0
) -> Usual | None:
    """The mean input and mean effect of the gate that a model's folder holds; measured and put there the first time.

    Args:
        folder: of the model.
        saved: the model.
        train: its training sequences, or what reads them where they are needed; None: there are none.
        layer: from 0.

    Returns:
        None where the folder has none yet and there are no training sequences.

    Raises:
        ConfigError: the file is damaged or of another model.
    """
    path, suffix = folder / FILE, f"_l{layer}" if layer else ""
    keys = {"mean": f"mean{suffix}", "modulation": f"static_modulation{suffix}"}
    stored: dict[str, np.ndarray] = {}
    if path.exists():
        try:
            stored = load_arrays(path.read_bytes())
        except (OSError, SafetensorError, ValueError) as error:
            raise ConfigError(f"{path}: is damaged or not a safetensors file ({error}); remove it") from error
    layers = saved.classifier.layers
    width = layers.hidden_size * layers.directions if layer else layers.input_size
    for key in keys.values():
        if key in stored and stored[key].shape != (width,):
            raise ConfigError(f"{path}: has {stored[key].size} numbers for {width} elements a frame; remove it")
    if not all(key in stored for key in keys.values()):
        if train is None:
            return None
        found = measure_usual(saved, train() if callable(train) else train, layer)
        stored |= {key: getattr(found, name) for name, key in keys.items()}
        write_file(path, save_arrays(stored))
    return Usual(**{name: stored[key] for name, key in keys.items()})


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
