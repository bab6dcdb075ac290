"""Sequences in memory as a data set: an array, a list of arrays or a padded batch with lengths, for a known schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from .dataset import SequenceDataset
from .schema import Schema
from .transforms.presence import has_joints, presence_beside, unmark

WHERE = "the array"  # in messages


def from_arrays(
    data: Any, schema: Schema, *, lengths: Sequence[int] | None = None, labels: Iterable[Any] | None = None
) -> SequenceDataset:
    """Sequences given as arrays or tensors, with the frames of a schema.

    Args:
        data: one sequence (T, *frame), a list of these, or a batch (N, T, *frame). A frame is of ``schema.shape``, or
            flattened; of one skeleton also (V, C), of a single feature also ().
        schema: the meaning of a frame and of the labels. Of a joint that is not seen all numbers are zero, or NaN.
        lengths: of a batch, frames of each sequence, (N,); what follows them is not read. None: all T.
        labels: for each sequence the name of its class, or its number; None: not known.

    Raises:
        DataError: numbers that are no such sequences, lengths or labels that do not fit, or a value that is missing.

    Example:
        >>> schema = Schema(("up", "down"), (2,))
        >>> from_arrays(np.zeros((3, 5, 2)), schema, lengths=[5, 4, 1], labels=["up", "up", "down"]).lengths.tolist()
        [5, 4, 1]
    """
    arrays = _sequences(data, schema, lengths)
    marked = [_frames(array, schema, f"{WHERE}, sequence {i}") for i, array in enumerate(arrays)]
    names = [{"name": str(i)} for i in range(len(marked))]
    ready = [unmark(one) if has_joints(one, schema) else one for one in marked]
    dataset = SequenceDataset(ready, _labels(labels, schema, len(marked)), names, schema, WHERE)
    dataset.presence = [presence_beside(one, schema) for one in marked]
    return dataset


def _sequences(data: Any, schema: Schema, lengths: Sequence[int] | None) -> list[np.ndarray]:
    frames = _frame_shapes(schema)
    if isinstance(data, list | tuple) and lengths is None and data:
        arrays = [_numbers(one) for one in data]
        if all(array.shape[1:] in frames and array.ndim for array in arrays):
            return arrays
    array = _numbers(data)
    if lengths is None and array.ndim and array.shape[1:] in frames:
        return [array]
    if array.ndim < 2 or array.shape[2:] not in frames:
        frame = ", ".join(map(str, schema.shape))
        raise DataError(
            f"{WHERE} is {array.shape}; it must be (T, {frame}), a list of such arrays, or (N, T, {frame}) with lengths"
        )
    if lengths is None:
        return list(array)
    counts = np.asarray(lengths)
    if counts.shape != array.shape[:1] or not np.issubdtype(counts.dtype, np.integer):
        raise DataError(f"lengths must be one whole number for each of the {len(array)} sequences, got {lengths!r}")
    if len(counts) and not 1 <= counts.min() <= counts.max() <= array.shape[1]:
        raise DataError(f"lengths must be from 1 to {array.shape[1]}, got {counts.min()} to {counts.max()}")
    return [one[:count] for one, count in zip(array, counts.tolist(), strict=True)]


def _frame_shapes(schema: Schema) -> set[tuple[int, ...]]:
    shapes = {schema.shape, (schema.size,)}
    if schema.medium == "sequence" and len(schema.shape) == 3 and schema.shape[0] == 1:
        shapes.add(schema.shape[1:])
    return shapes | ({()} if schema.size == 1 else set())


def _numbers(data: Any) -> np.ndarray:
    if isinstance(data, Tensor):
        data = data.detach().cpu()
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise DataError(f"{WHERE}: is not made of numbers, or of rows of different lengths") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{WHERE}: is not made of numbers, but of {array.dtype}")
    return array


def _frames(array: np.ndarray, schema: Schema, where: str) -> Tensor:
    """A sequence (T, *schema.shape), with NaN for the joints of a skeleton that are absent."""
    if not len(array):
        raise DataError(f"{where}: has no frames")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused below
        sequence = torch.from_numpy(array.astype(np.float32)).reshape(-1, *schema.shape)
    bad = ~sequence.isfinite()
    if has_joints(sequence, schema):
        joints = sequence.isnan().any(-1, keepdim=True)
        sequence = torch.where(joints, torch.nan, sequence)
        bad = sequence.isinf()
    if bad.any():
        frame = int(bad.flatten(1).any(1).nonzero()[0])
        raise DataError(f"{where}, frame {frame}: a value is missing or infinite; fill it first")
    return sequence


def _labels(labels: Iterable[Any] | None, schema: Schema, count: int) -> list[float]:
    number = schema.target == "number"
    if labels is None:
        return [np.nan if number else -1] * count
    given = list(labels)
    if len(given) != count:
        raise DataError(f"there are {len(given)} labels for {count} sequences")
    if number:
        return [float(label) for label in given]
    index = {name: i for i, name in enumerate(schema.classes)}
    for label in given:
        if str(label) not in index:
            raise DataError(f"the label {label!r} is none of the classes: {', '.join(schema.classes)}")
    return [index[str(label)] for label in given]
