"""Options of readers about joints: which number is a confidence, how sure a joint must be, and missing numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError
from ..dataset import LabelledDataset, SequenceDataset, Splits
from ..options import number
from ..transforms.presence import looks_scored, unseen
from .layouts import get_layout

_OPTIONS = {"coordinates": None, "min_confidence": 0.0}


def with_confidence(
    dataset: SequenceDataset,
    coordinates: int | None = None,
    min_confidence: float = 0.0,
    confidence: Sequence[np.ndarray] | None = None,
) -> SequenceDataset:
    """The data set with its confidences known as such, and with zeros for the joints that are not sure enough.

    Args:
        dataset: as it was read.
        coordinates: how many numbers of a joint are coordinates; a number after them is a confidence. None: what the
            schema says, or else 3 of 4 numbers, and 2 of pixels and a number from 0 to 1 in a layout of pictures.
        min_confidence: a joint with a confidence below it is absent, as is one of confidence 0.
        confidence: of each sequence (T, M, V), where it is not among the numbers of a joint.

    Raises:
        ConfigError: the joints do not have so many numbers, or min_confidence is given where there is no confidence.
    """
    number(dataset.name or "the reader", "min_confidence", min_confidence, 0, 1)
    schema = dataset.schema
    if len(schema.shape) != 3 or schema.medium != "sequence":
        if coordinates is not None or min_confidence:
            raise ConfigError(
                f"{dataset.name}: coordinates and min_confidence are for skeletons (M, V, C), but the frames are "
                f"{schema.shape}; a layout says what the joints are"
            )
        return dataset
    if coordinates is None and schema.coordinates is None:
        coordinates = told([dataset])
    if coordinates is not None:
        dataset.schema = schema = replace(schema, coordinates=coordinates)
    known, size = schema.vector
    if confidence is None and size > known:
        confidence = [sequence[..., known].numpy() for sequence in dataset.sequences]
    if min_confidence and confidence is None:
        raise ConfigError(
            f"{dataset.name}: min_confidence needs a confidence, but all {size} numbers of a joint count as "
            f"coordinates; if the last of them is one, say so with coordinates={size - 1}"
        )
    if min_confidence and confidence is not None:
        gone = [torch.from_numpy(unseen(sure, min_confidence)) for sure in confidence]
        dataset.sequences = [torch.where(g[..., None], 0.0, s) for g, s in zip(gone, dataset.sequences, strict=True)]
    return dataset


def fill_joints(frames: np.ndarray, missing: str) -> np.ndarray:
    """The skeletons (T, M, V, C) of one sequence without NaN: a joint with a missing number is filled as a whole.

    Args:
        frames: all zeros where a joint is absent.
        missing: "zero" makes the joint absent; "interpolate" puts the straight line between the frames before and after
            in which it is present, and makes a joint absent that is so in all of them.

    Example:
        >>> x = np.array([1.0, np.nan, 3.0, np.nan, 0.0]).reshape(5, 1, 1, 1)
        >>> fill_joints(x, "interpolate").ravel().tolist()
        [1.0, 2.0, 3.0, 3.0, 0.0]
    """
    gaps = np.isnan(frames)
    gone = gaps.any(-1)
    if not gone.any():
        return frames
    filled = np.where(gone[..., None], 0, frames)
    if missing != "interpolate":
        return filled
    here = ~gone & (frames != 0).any(-1)
    time = np.arange(len(frames))
    for m, v in np.argwhere(gone.any(0) & here.any(0)):
        holes, known = time[gone[:, m, v]], time[here[:, m, v]]
        for c in range(frames.shape[-1]):
            line = np.interp(holes, known, frames[known, m, v, c])
            filled[holes, m, v, c] = np.where(gaps[holes, m, v, c], line, frames[holes, m, v, c])
    return filled


def with_joint_options(reader: Callable[..., Any]) -> Callable[..., Any]:
    """A reader of a general format, ``load`` or ``read``, that takes the options of :func:`with_confidence` too.

    Where its data are skeletons, its option ``missing`` fills whole joints; see :func:`fill_joints`.
    """

    @wraps(reader)
    def read(path: Any, **options: Any) -> Any:
        own = {key: options.pop(key, default) for key, default in _OPTIONS.items()}
        missing = options.get("missing")
        if missing in ("zero", "interpolate") and options.get("layout") is not None:
            found = reader(path, **options | {"missing": "keep"})
            for part in _parts(found):
                part.sequences = [torch.from_numpy(fill_joints(s.numpy(), missing)) for s in part.sequences]
        else:
            found = reader(path, **options)
        parts = [part for part in _parts(found) if isinstance(part, SequenceDataset)]
        if own["coordinates"] is None:
            own["coordinates"] = told(parts)
        for part in parts:
            with_confidence(part, **own)
        return found

    signature = inspect.signature(reader)
    added = [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=v) for k, v in _OPTIONS.items()]
    read.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    return read


def _parts(found: Splits | LabelledDataset) -> list[Any]:
    if isinstance(found, LabelledDataset):
        return [found]
    return [part for part in (found.train, getattr(found, "valid", None), found.test) if part is not None]


def told(parts: Sequence[SequenceDataset]) -> int | None:
    """How many numbers of a joint in a layout are coordinates by what they are; None: all, or the schema says it."""
    schema = parts[0].schema if parts else None
    if schema is None or schema.layout is None or len(schema.shape) != 3 or schema.coordinates is not None:
        return None
    if schema.shape[-1] == 4:
        return 3
    if schema.shape[-1] == 3 and get_layout(schema.layout).coordinates == 2:
        seen = np.concatenate([s.flatten(0, 2).numpy() for part in parts for s in part.sequences])
        return 2 if looks_scored(seen) else None
    return None
