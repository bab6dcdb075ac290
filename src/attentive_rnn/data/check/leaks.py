"""Leaks: features that alone tell the class of every sequence, such as a row counter, an id or a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import exp, lgamma, log

import numpy as np

from ..dataset import LabelledDataset, SequenceDataset
from .findings import Finding

_BY_CHANCE = 1e-3  # what chance does more often than this is no sign of a leak
_UNIX = ((1e9, 4e9), (1e12, 4e12))  # seconds and milliseconds since 1970 from 2001 to 2096, as no measurement grows
_SURE = "A counter, an id or a time must be left out of the features"
_UNSURE = "Nothing need be done if it is a measurement; a counter, an id or a time must be left out of the features"


def leak_findings(parts: Mapping[str, LabelledDataset]) -> Iterator[Finding]:
    """A finding for each feature that alone tells the class of every training sequence, as measurements seldom do.

    Such a feature stays equal, only grows or only falls within every sequence, and its mean is in a range of its own
    for each class; or it stays equal, and each of its values comes in one class only. Not for skeletons and words, and
    not where all features are so. It is an error where the feature is surely no measurement: a whole number that stays
    equal, such as an id or a code; the same step from each frame to the next, such as a counter; a time since 1970.
    Else it is a warning.

    Args:
        parts: the parts of a data set by name; "train" is looked at, or else the first.
    """
    name = "train" if "train" in parts else next(iter(parts))
    part = parts[name]
    schema = part.schema
    if not isinstance(part, SequenceDataset) or schema.target != "class" or schema.layout or schema.vocabulary:
        return
    chosen = np.flatnonzero(part.labelled)
    labels, features = part.labels[chosen], schema.size
    if len(schema.shape) != 1 or features < 2 or len(np.unique(labels)) < 2:
        return
    one_way, fixed = _courses(part, chosen)
    if not one_way.any():
        return
    means = np.stack([part.sequences[i].numpy().mean(axis=0, dtype=np.float64) for i in chosen.tolist()])
    leaks = [i for i in range(features) if _tells(means[:, i], labels, bool(one_way[i]), bool(fixed[i]), features)]
    if len(leaks) == features:
        return
    kept = [feature for i, feature in enumerate(schema.features) if i not in leaks]
    for i in leaks:
        feature = repr(schema.features[i]) if schema.features else str(i)
        sure = _is_no_measurement([part.sequences[j].numpy()[:, i].copy() for j in chosen.tolist()], bool(fixed[i]))
        yield Finding(
            "error" if sure else "warning",
            f"the feature {feature} alone tells the class of all {len(labels)} labelled sequences of {name}: it goes "
            f"one way or stays equal within each, and has other values in each class. {_SURE if sure else _UNSURE}",
            f"features=[{','.join(kept)}]" if kept else "",
        )


def _courses(part: SequenceDataset, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each feature goes one way in all chosen sequences, and whether it stays equal in all, bool (D,)."""
    grows, falls = (np.ones(part.schema.size, dtype=bool) for _ in range(2))
    for i in chosen.tolist():
        steps = np.diff(part.sequences[i].numpy(), axis=0)
        grows &= (steps >= 0).all(axis=0)
        falls &= (steps <= 0).all(axis=0)
        if not (grows | falls).any():  # as of measurements after a few sequences, of however many
            return grows, falls
    if (part.lengths[chosen] == 1).all():  # a measurement may well tell these apart
        frames = np.concatenate([part.sequences[i].numpy() for i in chosen.tolist()])
        grows &= (frames == np.round(frames)).all(axis=0)
        falls &= grows
    return grows | falls, grows & falls


def _tells(values: np.ndarray, labels: np.ndarray, one_way: bool, fixed: bool, features: int) -> bool:
    """Whether the values of a feature, one a sequence, tell the labels, and not by chance."""
    if not one_way or not np.isfinite(values).all():
        return False
    counts = np.unique(labels, return_counts=True)[1]
    if _divides(values, labels) and _chance(counts, features) <= _BY_CHANCE:
        return True
    return fixed and _codes(values, labels, features)


def _is_no_measurement(courses: list[np.ndarray], fixed: bool) -> bool:
    """Whether a feature, given by its values in each sequence, is surely a code, an id, a counter or a time."""
    values = np.concatenate(courses)
    if fixed:
        return bool((values == np.round(values)).all())
    steps = np.concatenate([np.diff(course.astype(np.float64)) for course in courses])
    return any(low <= values.min() and values.max() <= high for low, high in _UNIX) or bool(
        np.allclose(steps, steps[0], rtol=1e-3, atol=4 * np.spacing(np.abs(values).max()))
    )


def _chance(counts: np.ndarray, features: int) -> float:
    """The expected number of features of noise that divide classes of these sizes."""
    orders = lgamma(len(counts) + 1) + sum(lgamma(count + 1) for count in counts.tolist())
    return exp(min(0.0, log(features) + orders - lgamma(int(counts.sum()) + 1)))


def _codes(values: np.ndarray, labels: np.ndarray, features: int) -> bool:
    """Whether each value comes in sequences of one class only, more often than chance makes it so."""
    found, of = np.unique(values, return_inverse=True)
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    chance = log(features)
    for value in range(len(found)):
        own = labels[of == value]
        if (own != own[0]).any():
            return False
        chance += log((shares ** len(own)).sum())
    return len(found) > 1 and chance <= log(_BY_CHANCE)


def _divides(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the values of each class are in a range that holds those of no other class."""
    if not np.isfinite(values).all():
        return False
    order = np.argsort(values, kind="stable")
    sorted_values, sorted_labels = values[order], labels[order]
    changes = np.flatnonzero(sorted_labels[1:] != sorted_labels[:-1])
    apart = sorted_values[changes + 1] > sorted_values[changes]
    return len(changes) == len(np.unique(labels)) - 1 and bool(apart.all())
