"""Frames of a film under the masks of a model that reads maps of their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data import SequenceDataset
from ..draw.samples import new_figure
from ..errors import ConfigError, DataError
from ..models import MapClassifier
from ..tasks.metrics import probabilities
from ..training.saved_model import SavedModel
from ..video import read_frames
from .answer import Answer, heading
from .masks import show_image, show_mask

_FRAMES = 8  # in the picture


@dataclass(frozen=True)
class FilmExplanation(Answer):
    """One film and the attention to the places of its frames.

    Args:
        name, label, probabilities, schema: as in :class:`Answer`.
        masks: (T, h, w), one for each frame whose features were kept.
        every: frames of the film from one of these to the next.
    """

    masks: np.ndarray = field(repr=False)
    every: int


def explain_film(saved: SavedModel, dataset: SequenceDataset) -> FilmExplanation:
    """Explain the first film of a data set of maps of features.

    Raises:
        ConfigError: it is a model of something else.
    """
    model = saved.model
    if not isinstance(model, MapClassifier):
        raise ConfigError(f"a model of maps of features is needed, but this is {type(model).__name__}")
    _, batch = next(saved.batches(dataset.subset([0])))
    with torch.no_grad():
        logits, masks = model(batch.x, batch.lengths, need_attention=True)
    return FilmExplanation(
        name=str(dataset.metas[0].get("name", 0)),
        label=float(dataset.labels[0]),
        probabilities=probabilities(saved.kept(logits, batch))[0],
        schema=saved.schema,
        masks=masks[0, :, 0].cpu().double().numpy(),
        every=int(dataset.metas[0].get("every", 1)),
    )


def frame_masks(explanation: FilmExplanation, video: str | Path, classes: Sequence[str]) -> Any:
    """A figure: frames of the film, evenly spread, and under each the attention laid over it.

    Args:
        explanation: of the film.
        video: the file.
        classes: their names.

    Raises:
        DataError: it cannot be read, or is shorter than the film that was explained.
        MissingExtraError: PyAV is not installed.
    """
    steps = len(explanation.masks)
    shown = np.unique(np.linspace(0, steps - 1, _FRAMES).round().astype(int)).tolist()
    wanted = {step * explanation.every: step for step in shown}
    images = {wanted[i]: one.image for i, one in enumerate(read_frames(video, largest=320)) if i in wanted}
    if len(images) < len(shown):
        raise DataError(f"{video}: has fewer frames than {explanation.name}, of which {steps} were read")
    figure = new_figure(1.5 * len(shown), 3.0)
    axes = figure.subplots(2, len(shown), squeeze=False)
    for column, step in enumerate(shown):
        image = images[step] / 255
        rows, columns = (np.arange(n) * m // n for n, m in zip(image.shape, explanation.masks.shape[1:], strict=False))
        show_image(axes[0, column], image, str(step * explanation.every + 1))
        show_mask(axes[1, column], image, explanation.masks[step][rows][:, columns], "")
    figure.suptitle(f"{heading(explanation, classes)}; over each frame the attention to its places", fontsize=9)
    return figure
