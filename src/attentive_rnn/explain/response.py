"""The relative response: how much more or less than usual an element is attended to."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from torch import Tensor

from ..data import SequenceDataset
from ..errors import ConfigError
from ..ops.rra import Attention
from ..training.files import write_file
from ..training.saved_model import SavedModel
from .capture import Call, capture

FILE = "static_modulation.safetensors"
LARGEST = 2000  # sequences, spread evenly over the data set: more do not change an average that can be seen


def static_modulation(saved: SavedModel, dataset: SequenceDataset, batch_size: int = 64) -> np.ndarray:
    """What the first layer's gate does to each element on average, by its energy before and after.

    .. math:: \\bar a_i = \\sqrt{\\frac{\\sum_t (a_{t,i} x_{t,i})^2}{\\sum_t x_{t,i}^2}}

    Args:
        saved: a model whose first layer has a gate.
        dataset: training sequences as they were read; at most 2,000 of them, evenly spread, are used.
        batch_size: sequences at a time.

    Returns:
        (D,) float64, above 0; the root mean square of a alone for an element that is 0 in every frame.

    Raises:
        ConfigError: the first layer has no gate.

    Source: Zhang et al., ECCV 2018, section 5.6, which says "average energy before and after the modulation"
    and leaves the formula to the reader.
    """
    step = -(-len(dataset) // LARGEST)
    after = before = alone = np.zeros(1)
    frames = 0
    with capture(saved.classifier) as captured:
        for _, batch, _ in saved.forward(dataset.subset(range(0, len(dataset), step)), batch_size):
            seen = first_layer(captured)
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


class FirstLayer(NamedTuple):
    """What the first layer of a model was given and what it let in, both (T, B, D); the weights of all layers' lags.

    `lags` has one (T, B, K) for each layer, None for one that does not look back.
    """

    inputs: Tensor
    gate: Tensor
    lags: list[Tensor | None]


def first_layer(captured: dict[str, list[Call]], gated: bool = True) -> FirstLayer:
    """Take the last call from a capture of a model of stacked recurrent layers; of two directions the mean.

    Args:
        captured: what :func:`capture` keeps; the call is removed.
        gated: whether a gate is wanted; if not, `gate` is NaN.

    Raises:
        ConfigError: the first layer has no gate, though one is wanted.
    """
    call = next(kept.pop() for kept in captured.values() if kept)
    lags = [_one_direction(one.lags) if isinstance(one, Attention) else None for one in call.attention]
    first = call.attention[0]
    gate = _one_direction(first.inputs if isinstance(first, Attention) else first)
    if not gated:
        gate = torch.full_like(call.input, torch.nan)
    if gate is None:
        raise ConfigError("the model has no attention to its input: its first layer has no gate (model.gate)")
    return FirstLayer(call.input, gate, lags)


def _one_direction(attention: Tensor | None) -> Tensor | None:
    return attention.mean(-1) if attention is not None and attention.dim() == 4 else attention


def stored_modulation(folder: Path, saved: SavedModel, train: SequenceDataset) -> np.ndarray:
    """The static modulation that a model's folder holds; measured and put there the first time.

    Raises:
        ConfigError: the file is damaged or of another model.
    """
    path = folder / FILE
    if path.exists():
        try:
            values = load_arrays(path.read_bytes())["static_modulation"]
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            raise ConfigError(f"{path}: is damaged or not a safetensors file ({error}); remove it") from error
        if values.shape != (width := saved.classifier.layers.input_size,):
            raise ConfigError(f"{path}: has {values.size} numbers for {width} elements a frame; remove it")
        return values
    values = static_modulation(saved, train)
    write_file(path, save_arrays({"static_modulation": values}))
    return values
