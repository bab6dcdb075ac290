"""Presence of joints: which joints of a skeleton sequence are seen, and how transforms carry that along.

In a data set, an absent joint is all zeros. Between the transforms of one call it is NaN, which every sum, rotation and
difference hands on, so that nothing moves it, and a joint that is moved to exactly zero stays present.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..options import number
from ..schema import Schema


def absent(frames: np.ndarray, schema: Schema | None = None) -> np.ndarray:
    """Which joints of (..., V, C) frames are absent, bool (..., V).

    A joint is absent where all its coordinates are exactly zero, a number is NaN, or its confidence, which the schema
    tells from a coordinate, is zero.

    Example:
        >>> absent(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.9]])).tolist()
        [True, False]
        >>> absent(np.array([[3.0, 4.0, 0.0], [3.0, 4.0, 0.9]]), Schema((), (1, 2, 3), coordinates=2)).tolist()
        [True, False]
    """
    if schema is None or schema.vector == (frames.shape[-1], frames.shape[-1]):
        return np.asarray(~frames.any(-1) | np.isnan(frames).any(-1))
    coordinates, size = schema.vector
    first = frames[..., :size]
    gone = ~first[..., :coordinates].any(-1) | np.isnan(first).any(-1)
    return np.asarray(gone | (first[..., coordinates:] <= 0).any(-1))


def is_planar(bodies: np.ndarray) -> bool:
    """Whether (..., C) numbers of joints are of a picture: two coordinates, or pixels and a score from 0 to 1."""
    if bodies.shape[-1] < 3:
        return True
    score, pixels = bodies[..., 2], bodies[..., :2]
    return bool(score.size and score.min() >= 0 and score.max() <= 1 and np.abs(pixels).max() > 10)


def guess(sequence: Tensor) -> Schema | None:
    """A schema for a sequence (T, M, V, 3) of which none is known and that looks like pixels with a confidence."""
    if sequence.ndim != 4 or sequence.shape[-1] != 3 or not looks_scored(sequence.numpy()):
        return None
    return Schema((), tuple(sequence.shape[1:]), coordinates=2)


def looks_scored(frames: np.ndarray) -> bool:
    """Whether (..., 3) numbers look like pixels with a confidence; a third number that is always 0 is none."""
    known = frames[np.isfinite(frames).all(-1)]
    return bool(known[:, 2].any()) and is_planar(known)


def unseen(confidence: np.ndarray, least: float) -> np.ndarray:
    """Which joints are absent for a reader's option ``min_confidence``: those whose confidence is below it, or zero.

    Raises:
        ConfigError: ``least`` is not a number from 0 to 1.
    """
    least = number("the reader", "min_confidence", least, 0, 1)
    return np.asarray((confidence < least) | ~(confidence > 0))


def has_joints(sequence: Tensor, schema: Schema | None = None) -> bool:
    """Whether a sequence is one of skeletons (T, M, V, C), by its schema or else by its axes."""
    known = schema is None or (schema.medium == "sequence" and len(schema.shape) == 3)
    return known and sequence.ndim == 4 and sequence.is_floating_point()


def mark(sequence: Tensor, schema: Schema | None = None, presence: Tensor | None = None) -> Tensor:
    """The sequence with NaN for the joints that are absent; any other than of skeletons as it is.

    Args:
        sequence: (T, M, V, C).
        schema: of its frames, if known.
        presence: bool (T, M, V), if known; None: by :func:`absent`.
    """
    if not has_joints(sequence, schema):
        return sequence
    gone = torch.from_numpy(absent(sequence.numpy(), schema)) if presence is None else ~presence
    return torch.where(gone[..., None], torch.nan, sequence) if gone.any() else sequence


def unmark(sequence: Tensor) -> Tensor:
    """The sequence with zeros for NaN."""
    gone = sequence.isnan()
    return torch.where(gone, 0.0, sequence) if gone.any() else sequence


def presence_beside(marked: Tensor, schema: Schema | None = None) -> Tensor | None:
    """Which joints of a marked sequence are present, bool (T, M, V); None where its zeros say the same."""
    if not has_joints(marked, schema):
        return None
    gone = marked.isnan().all(-1)
    by_zeros = torch.from_numpy(absent(unmark(marked).numpy(), schema))
    return None if torch.equal(gone, by_zeros) else ~gone
