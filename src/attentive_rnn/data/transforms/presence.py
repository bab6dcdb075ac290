"""Presence of joints: which joints of a skeleton sequence are seen, and how transforms carry that along.

In a data set, an absent joint is all zeros. Between the transforms of one call it is NaN, which every sum, rotation and
difference hands on, so that nothing moves it, and a joint that is moved to exactly zero stays present.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..options import number
from ..schema import Schema
from ..skeletons.layouts import Layout, get_layout

LOOKED_AT = 2_000_000  # joints of a data set, evenly spread, by whose values its numbers are told
_EITHER = ("hand-21", "mediapipe-33")  # layouts in space that pictures have too
_CONFIDENCE = re.compile("certainty|conf(idence)?|likelihood|presence|prob(ability)?|scores?|vis(ibility|ible)?")


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
    coordinates, size = frames.shape[-1:] * 2 if schema is None else schema.vector
    if coordinates == size == frames.shape[-1] and frames.all() and not np.isnan(frames).any():
        return np.zeros(frames.shape[:-1], bool)  # the usual frame, told apart first because a stream has many
    columns = [frames[..., i] for i in range(size)]  # NumPy is ten times as slow along so short an axis
    gone = functools.reduce(np.logical_and, (column == 0 for column in columns[:coordinates]))
    broken = (np.isnan(column) for column in columns)
    unsure = (column <= 0 for column in columns[coordinates:])
    return np.asarray(functools.reduce(np.logical_or, (*broken, *unsure), gone))


class Numbers(NamedTuple):
    """How the numbers of a joint are taken.

    Args:
        coordinates: how many of them, from the first, are coordinates; one that follows is a confidence.
        why: what tells so, in words; "" where nothing was to be told.
        sure: whether no other reading fits.
    """

    coordinates: int
    why: str = ""
    sure: bool = True


def numbers_of(
    frames: np.ndarray, layout: Layout | None = None, names: Sequence[str] = (), coordinates: int | None = None
) -> Numbers:
    """How many of the numbers of a joint are coordinates, where a confidence may follow them.

    What comes first decides: what is given (an option or a schema), the names of the features, a layout of pictures,
    and the values: a confidence is seldom below 0, and not above 1, or it is 0, 1 or 2 (of COCO), or up to 100.

    Args:
        frames: (..., C) joints; those that are all zeros or not finite tell nothing.
        layout: the joint layout, if known.
        names: of the features of a frame, joint after joint, if they have some.
        coordinates: as given; None: it is to be told.

    Example:
        >>> joints = np.array([[310.0, 120.0, 0.9], [280.0, 190.0, 0.4]])
        >>> numbers_of(joints).coordinates, numbers_of(joints, names=("x0", "y0", "z0", "x1", "y1", "z1")).coordinates
        (2, 3)
    """
    size = frames.shape[-1]
    if coordinates is not None or size not in (3, 4):
        return Numbers(size if coordinates is None else coordinates)
    last = names[size - 1 :: size]
    if last and all(_is_confidence(name) for name in last):
        return Numbers(size - 1, f"by the name {last[0]!r}")
    if size == 3 and last and all("z" in _ends(name) for name in last):
        return Numbers(3)
    planar = layout is not None and get_layout(layout).coordinates == 2
    known = frames.reshape(-1, size)
    known = known[:: max(1, len(known) // LOOKED_AT)]
    known = known[np.isfinite(known).all(-1)]
    known = known[known.any(-1)]  # of no NaN, since one that signals is a warning here
    kind = _kind(known[:, -1])
    if size == 4:
        return Numbers(3, "as the fourth of four", kind in ("share", "level", "percent"))
    if kind in ("none", "signed") or (kind == "large" and not planar):
        return Numbers(3)
    if planar:
        return Numbers(2, f"by the layout {layout}, which is of pictures", kind != "large")
    places = np.abs(known[:, :2])
    if np.quantile(places, 0.9) > 10:
        return Numbers(2, "by its values beside pixels", kind != "percent")
    if kind == "percent":
        return Numbers(3, sure=bool(places.max() > 1 or known[:, -1].max() <= 10))
    return Numbers(3, sure=layout is not None and layout not in _EITHER)


def _kind(last: np.ndarray) -> str:
    """What the last numbers of joints may be: a share from 0 to 1, a level of 0 to 2, a percentage; or none of these.

    A few scores are outside of 0 to 1, for they come from a fit.
    """
    if not last.any():
        return "none"
    if (last < 0).mean() > 0.01:
        return "signed"
    if (last <= 1).mean() >= 0.99 and last.max() <= 2:
        return "share"
    if np.isin(last, (0, 1, 2)).all():
        return "level"
    return "percent" if last.max() <= 100 else "large"


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name)]


def _ends(name: str) -> set[str]:
    """The first and the last word of a name."""
    words = _words(name)
    return {words[0], words[-1]} if words else set()


def _is_confidence(name: str) -> bool:
    return _says_confidence(name) or bool(_ends(name) & {"c", "p", "s", "v"})


def _says_confidence(name: str) -> bool:
    return any(_CONFIDENCE.fullmatch(word) for word in _words(name))


def misplaced_confidence(names: Sequence[str], size: int) -> str | None:
    """The first of the names that is a confidence's and not the last of the ``size`` names of its joint; None: none is.

    Example:
        >>> misplaced_confidence(("score0", "x0", "y0"), 3), misplaced_confidence(("x0", "y0", "scorer0"), 3)
        ('score0', None)
    """
    for tells in (_says_confidence, _is_confidence):
        found = [i for i, name in enumerate(names) if tells(name)]
        if tells is _says_confidence or len(found) * size == len(names):
            for i in found:
                if i % size != size - 1:
                    return names[i]
    return None


def guess(sequence: Tensor) -> Schema | None:
    """A schema for a sequence (T, M, V, 3) of which none is known and that looks like pixels with a confidence."""
    if sequence.ndim != 4 or sequence.shape[-1] != 3:
        return None
    found = numbers_of(sequence.numpy())
    return Schema((), tuple(sequence.shape[1:]), coordinates=2) if found.coordinates == 2 and found.sure else None


def unseen(confidence: np.ndarray, least: float) -> np.ndarray:
    """Which joints are absent for a reader's option ``min_confidence``: those whose confidence is below it, or zero.

    Raises:
        ConfigError: ``least`` is not a number from 0 to 1, or the confidences are of another scale.
    """
    least = number("the reader", "min_confidence", least, 0, 1)
    if least and (highest := np.nanmax(confidence, initial=0)) > 2:
        raise ConfigError(
            f"min_confidence is from 0 to 1, but confidences go up to {highest:.4g}; divide them, so that 1 is certain"
        )
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
