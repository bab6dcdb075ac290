"""Leaks: features that alone tell the class of every sequence, such as a row counter, an id or a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import exp, lgamma, log

import numpy as np

from ..dataset import SequenceDataset
from .findings import Finding

_BY_CHANCE = 1e-3  # a division that chance makes more often than this is no sign of a leak
_MOST = 0.25  # of the features: where more of them divide the classes, the classes are merely easy to tell


def leak_findings(parts: Mapping[str, SequenceDataset]) -> Iterator[Finding]:
    """A warning on each feature whose mean over a sequence is in a range of its own for each class of training.

    Only on a feature that stays equal, only grows or only falls within every sequence, as measurements seldom do. Not
    for skeletons and words, and not where there is one feature, or where many tell the classes.

    Args:
        parts: the parts of a data set by name; "train" is looked at, or else the first.
    """
    name = "train" if "train" in parts else next(iter(parts))
    part = parts[name]
    schema = part.schema
    chosen = np.flatnonzero(part.labelled)
    if schema.target != "class" or schema.layout is not None or schema.vocabulary or len(schema.shape) != 1:
        return
    labels = part.labels[chosen]
    features = schema.size
    if features < 2 or not len(labels) or _chance(np.unique(labels, return_counts=True)[1], features) > _BY_CHANCE:
        return
    means = np.stack([part.sequences[i].numpy().mean(axis=0, dtype=np.float64) for i in chosen])
    leaks = [i for i in range(features) if _divides(means[:, i], labels) and _one_way(part, chosen, i)]
    if len(leaks) > max(1, _MOST * features):
        return
    kept = [feature for i, feature in enumerate(schema.features) if i not in leaks]
    for i in leaks:
        feature = repr(schema.features[i]) if schema.features else str(i)
        yield Finding(
            "warning",
            f"the feature {feature} alone tells the class of all {len(labels)} labelled sequences of {name}: its mean "
            "is in a range of its own for each class. A counter, an id or a time must be left out of the features",
            f"features=[{','.join(kept)}]" if kept else "",
        )


def _chance(counts: np.ndarray, features: int) -> float:
    """The expected number of features of noise that divide classes of these sizes; 1 or more for a single class."""
    if len(counts) < 2:
        return 1.0
    orders = lgamma(len(counts) + 1) + sum(lgamma(count + 1) for count in counts.tolist())
    return exp(min(0.0, log(features) + orders - lgamma(int(counts.sum()) + 1)))


def _divides(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the values of each class are in a range that holds those of no other class."""
    if not np.isfinite(values).all():
        return False
    order = np.argsort(values, kind="stable")
    sorted_values, sorted_labels = values[order], labels[order]
    changes = np.flatnonzero(sorted_labels[1:] != sorted_labels[:-1])
    apart = sorted_values[changes + 1] > sorted_values[changes]
    return len(changes) == len(np.unique(labels)) - 1 and bool(apart.all())


def _one_way(part: SequenceDataset, chosen: np.ndarray, feature: int) -> bool:
    """Whether a feature never falls, or never grows, within the chosen sequences."""
    steps = np.concatenate([np.diff(part.sequences[i][:, feature].numpy()) for i in chosen])
    return bool((steps >= 0).all() or (steps <= 0).all())
