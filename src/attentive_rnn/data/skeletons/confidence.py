"""Options of readers about joints: which number is a confidence, how sure a joint must be, and missing numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError, DataError
from ..dataset import LabelledDataset, SequenceDataset, Splits
from ..options import number, standing_for
from ..stored.spool import keep
from ..transforms.presence import LOOKED_AT, Numbers, misplaced_confidence, numbers_of, unseen

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
            schema says, or else what :func:`told` finds.
        min_confidence: a joint with a confidence below it is absent, as is one of confidence 0.
        confidence: of each sequence (T, M, V), where it is not among the numbers of a joint.

    Raises:
        ConfigError: the joints do not have so many numbers, or min_confidence is given where there is no confidence.
        DataError: the numbers of a joint can be read in two ways, or no confidence is above 0.
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
    if coordinates not in (None, schema.shape[-1]):
        _check_order(dataset)
    if coordinates is None and confidence is None:
        found = told([dataset])
        if found is not None:
            coordinates = found.coordinates
            dataset.notes = (*dataset.notes, _note(dataset, found))
    if coordinates is not None:
        dataset.schema = schema = replace(schema, coordinates=coordinates)
    known, size = schema.vector
    if confidence is None and size > known:
        confidence = [sequence[..., known].numpy() for sequence in dataset.sequences]
    if confidence is None:
        if min_confidence:
            raise ConfigError(
                f"{dataset.name}: min_confidence needs a confidence, but all {size} numbers of a joint count as "
                f"coordinates; if the last of them is one, say so with coordinates={size - 1}"
            )
        return dataset
    highest = max((float(np.nanmax(sure, initial=0)) for sure in confidence), default=1.0)
    if highest <= 0 and dataset.sequences:
        raise DataError(
            f"{dataset.name}: no confidence is above 0, as if no joint had been seen; leave out the confidences"
            + (f", or take them for coordinates with coordinates={size}" if size == 3 else "")
        )
    gone = [torch.from_numpy(unseen(sure, min_confidence)) for sure in confidence]
    pairs = zip(gone, dataset.sequences, strict=True)
    dataset.sequences = [torch.from_numpy(keep(torch.where(g[..., None], 0.0, s).numpy())) for g, s in pairs]
    return dataset


def told(parts: Sequence[SequenceDataset]) -> Numbers | None:
    """How the numbers of a joint are taken by what they are; None: all are coordinates, or the schema says it.

    Raises:
        DataError: they can be read in two ways.
    """
    schema = parts[0].schema if parts else None
    if schema is None or len(schema.shape) != 3 or schema.medium != "sequence":
        return None
    if schema.coordinates is not None or schema.vectors != 1 or schema.shape[-1] not in (3, 4):
        return None
    _check_order(parts[0])
    size = schema.shape[-1]
    where = parts[0].name or "data"
    all_joints = [sequence.flatten(0, 2).numpy() for part in parts for sequence in part.sequences]
    every = max(1, sum(map(len, all_joints)) // LOOKED_AT)
    joints = np.concatenate([one[::every] for one in all_joints] or [np.empty((0, size))])
    found = numbers_of(joints, schema.layout, schema.features)
    if found.sure:
        return found if found.coordinates < size else None
    last = joints[np.isfinite(joints).all(-1) & joints.any(-1), -1]
    ways = (
        f"coordinates={size - 1} takes it as a confidence, coordinates={size} as a coordinate"
        if size == 3
        else f"coordinates={size - 1} takes it as a confidence, and a joint has no fourth coordinate"
    )
    raise DataError(
        f"{where}: the last of {size} numbers of a joint, from {last.min():.4g} to {last.max():.4g}, can be a "
        f"confidence or a coordinate; {ways} (--option coordinates=N or --data.options.coordinates N)"
    )


def _check_order(dataset: SequenceDataset) -> None:
    misplaced = misplaced_confidence(dataset.schema.features, dataset.schema.shape[-1])
    if misplaced is not None:
        raise DataError(
            f"{dataset.name}: {misplaced!r} is a confidence by its name, but it is not the last number of its joint; "
            "order the columns joint after joint, the confidence last: x, y, confidence"
        )


def _note(dataset: SequenceDataset, found: Numbers) -> str:
    size = dataset.schema.shape[-1]
    other = f"; coordinates={size} takes it as a coordinate" if size == 3 else ""
    return (
        f"{dataset.name}: the last of {size} numbers of a joint is taken as its confidence, {found.why}, "
        f"and no coordinate{other}"
    )


def confidences_of(
    values: np.ndarray, padded: bool, cases: Sequence[np.ndarray], shape: tuple[int, ...], where: str
) -> list[np.ndarray]:
    """The confidences (T, M, V) of each sequence, out of an array beside that of the joints.

    Args:
        values: one number for each joint, with or without an axis of persons.
        padded: whether the first axis is that of the sequences; else they follow each other.
        cases: the joints of each sequence, (T, ...).
        shape: of a frame, (M, V, C).
        where: the array, in messages.

    Raises:
        DataError: the array does not fit.
    """
    frames = [len(case) for case in cases]
    if padded and len(cases) == 1 and len(values) != 1:
        values = values[None]
    found = (
        [v[:n] for v, n in zip(values, frames, strict=False)] if padded else np.split(values, np.cumsum(frames)[:-1])
    )
    if values.dtype.kind not in "iufb" or [one.size for one in found] != [n * shape[0] * shape[1] for n in frames]:
        raise DataError(
            f"{where} is {values.dtype} {values.shape}, which is not one number for each joint of {len(cases)} "
            f"sequences of {shape}"
        )
    return [one.reshape(-1, *shape[:-1]).astype(np.float64) for one in found]


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

    @standing_for(reader, _OPTIONS)
    def read(path: Any, **options: Any) -> Any:
        own = {key: options.pop(key, default) for key, default in _OPTIONS.items()}
        missing = options.get("missing")
        if missing in ("zero", "interpolate") and options.get("layout") is not None:
            found = reader(path, **options | {"missing": "keep"})
            for part in _parts(found):
                part.sequences = [torch.from_numpy(keep(fill_joints(s.numpy(), missing))) for s in part.sequences]
        else:
            found = reader(path, **options)
        parts = [part for part in _parts(found) if isinstance(part, SequenceDataset)]
        reading = told(parts) if own["coordinates"] is None else None
        for part in parts:
            with_confidence(part, **own | ({} if reading is None else {"coordinates": reading.coordinates}))
            if reading is not None:
                part.notes = (*part.notes, _note(part, reading))
        return found

    return read


def _parts(found: Splits | LabelledDataset) -> list[Any]:
    if isinstance(found, LabelledDataset):
        return [found]
    return [part for part in (found.train, getattr(found, "valid", None), found.test) if part is not None]
