"""How much of the spatial attention of a model of films lies on the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from ..data import SequenceDataset
from ..data.skeletons.silhouettes import cover
from ..errors import ConfigError, DataError
from ..models import MapClassifier
from ..tasks.metrics import Interval, with_normal_interval
from ..training.saved_model import SavedModel


class OnPeople(NamedTuple):
    """Shares from 0 to 1 with their 95 % intervals over the films, each film the mean of its frames.

    ``attention``: of the mask on the person; ``area``: of the frame that the person covers, which an even mask has;
    ``gain``: their difference; ``frames``: how many were looked at.
    """

    attention: Interval
    area: Interval
    gain: Interval
    frames: int


def attention_on_people(
    saved: SavedModel, dataset: SequenceDataset, silhouettes: Mapping[str, np.ndarray], batch_size: int = 16
) -> OnPeople:
    """Compare a model's masks with where the person is.

    A frame's share is the sum over the cells of the mask times the part of the cell that the person covers, over the
    sum of the mask.

    Args:
        saved: a model of maps of features.
        dataset: films of maps, each with ``meta["name"]`` and ``meta["every"]``.
        silhouettes: bool (T, rows, columns) of each film by name; see :func:`read_silhouettes`.
        batch_size: films at a time.

    Raises:
        ConfigError: the model is one of something else, or the frames are not the model's.
        DataError: a film has no silhouettes. Frames past their end, which some films have, are left out.
    """
    model = saved.model
    if not isinstance(model, MapClassifier):
        raise ConfigError(f"a model of maps of features is needed, but this is {type(model).__name__}")
    shares, even, frames = np.empty(len(dataset)), np.empty(len(dataset)), 0
    for indices, batch in saved.batches(dataset, batch_size):
        with torch.no_grad():
            _, masks = model(batch.x, batch.lengths, need_attention=True)
        lengths, found = batch.lengths.tolist(), masks[:, :, 0].double().cpu().numpy()
        for i, meta, length, mask in zip(indices, batch.metas, lengths, found, strict=True):
            inside = _covered(meta, length, silhouettes, mask.shape[1:])
            own = mask[: len(inside)]
            shares[i] = ((own * inside).sum((1, 2)) / own.sum((1, 2))).mean()
            even[i] = inside.mean()
            frames += len(inside)
    return OnPeople(
        with_normal_interval(shares), with_normal_interval(even), with_normal_interval(shares - even), frames
    )


def _covered(
    meta: Mapping[str, object], length: int, silhouettes: Mapping[str, np.ndarray], size: tuple[int, ...]
) -> np.ndarray:
    name = str(meta["name"])
    if name not in silhouettes:
        raise DataError(f"{name}: there are no silhouettes of this film")
    return cover(silhouettes[name][:: int(str(meta["every"]))][:length], (size[0], size[1]))
