"""The relative response: how much more or less than usual an element is attended to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from ..data import SequenceDataset
from ..errors import ConfigError
from ..training.files import write_file
from ..training.saved_model import SavedModel
from .capture import capture

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
    after, before, alone, frames = (np.zeros(saved.width) for _ in range(4))
    with capture(saved.model) as captured:
        for _, batch, _ in saved.forward(dataset.subset(range(0, len(dataset), step)), batch_size):
            attention = first_gate(captured)
            known = torch.arange(batch.x.shape[1])[:, None] < batch.lengths.cpu()
            a = attention.double().cpu()[known].numpy()
            x = batch.x.flatten(2).transpose(0, 1).double().cpu()[known].numpy()
            after += ((a * x) ** 2).sum(0)
            before += (x**2).sum(0)
            alone += (a**2).sum(0)
            frames += len(a)
    moving = before > 0
    energy = np.where(moving, after / np.where(moving, before, 1), alone / frames)
    return np.sqrt(np.maximum(energy, np.finfo(np.float32).tiny))


def first_gate(captured: dict[str, list]) -> torch.Tensor:
    """Take from a capture the attention (T, B, D) that the first layer paid in the last call, directions averaged.

    Raises:
        ConfigError: the first layer has no gate.
    """
    layers = next((kept.pop() for kept in captured.values() if kept), [None])
    if not isinstance(layers, list) or layers[0] is None:
        raise ConfigError("the model has no attention to its input: its first layer has no gate (model.gate)")
    attention: torch.Tensor = layers[0]
    return attention.mean(-1) if attention.dim() == 4 else attention


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
        if values.shape != (saved.width,):
            raise ConfigError(f"{path}: has {values.size} numbers for {saved.width} elements a frame; remove it")
        return values
    values = static_modulation(saved, train)
    write_file(path, save_arrays({"static_modulation": values}))
    return values
