"""The question whether bodies keep their class in a mirror, asked of the training sequences.

Input: labelled skeletons. Output: the augmentation that mirrors them, or none.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import Compose, FlipLeftRight, OriginAtBodyCentre, SequenceDataset, UniformSampling, preprocess
from ..data.skeletons.layouts import get_layout

SIDES = re.compile(r"(?i)(?<![a-z])(left|right|links|rechts|clockwise|counterclockwise)(?![a-z])")
FRAMES = 16  # of each sequence, for a comparison of whole sequences
MOST = 2000  # sequences that are compared; of more a random part
RIDGE = 0.1  # the penalty of the classifier, of the mean square of the sequences
KNOWN = 0.5  # the share of the sequences that it must tell rightly to be believed
ALIKE = 0.5  # of the recall of a class: so many more of another class are taken for it when they are mirrored


def mirroring(train: SequenceDataset) -> dict[str, Any] | None:
    """The step that mirrors every other sequence, where no class looks like the mirror image of another one.

    A ridge classifier of whole sequences learns from one half of them and tells the classes of the other half, as they
    are and mirrored, and the other way round. With P[a, b] the share of class a that is taken for class b, and P' that
    of the mirrored ones, bodies are not mirrored if there are two classes with

    .. math:: P'_{ab} - P_{ab} \\ge \\tfrac12 P_{bb},

    such as swipes to the left and to the right; nor if a class is named after a side, if fewer than half of the
    sequences are told rightly, or if the layout has no sides. The mirror stands across the axis along which
    the two sides lie apart.

    Args:
        train: skeletons with a layout; their labels are classes.

    Returns:
        a step of ``data.augmentation``, or None.

    Example:
        >>> from attentive_rnn.data import Schema
        >>> schema = Schema(("this way", "that way"), (1, 20, 3), layout="kinect-20")
        >>> bodies = torch.rand(20, 8, 1, 20, 3, generator=torch.Generator().manual_seed(0))
        >>> bodies[::2, :, :, 7, 0] -= torch.arange(8.0)[:, None]  # the left hand goes left, or the right one right
        >>> bodies[1::2, :, :, 11, 0] += torch.arange(8.0)[:, None]
        >>> mirroring(SequenceDataset(list(bodies), [0, 1] * 10, [{}] * 20, schema)) is None
        True
    """
    assert train.schema.layout is not None
    layout = get_layout(train.schema.layout)
    if not layout.pairs or any(SIDES.search(name) for name in train.schema.classes):
        return None
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(train.labelled))[:MOST]
    short = preprocess(train.subset(chosen), Compose([OriginAtBodyCentre(layout.centre), UniformSampling(FRAMES)]))
    frames = _frames(short)
    left, right = (list(side) for side in zip(*layout.pairs, strict=True))
    apart = (frames[..., left, :] - frames[..., right, :]).abs().flatten(0, -2).mean(0)
    flip = partial(FlipLeftRight, train.schema.layout, axis=int(apart[: layout.coordinates].argmax()))
    labels, classes = train.labels[chosen], len(train.schema.classes)
    as_it_is, mirrored = _taken_for(frames, _frames(preprocess(short, flip(1.0))), labels, classes)
    if np.bincount(labels, minlength=classes) @ as_it_is.diagonal() < KNOWN * len(labels):
        return None
    more = mirrored - as_it_is
    np.fill_diagonal(more, 0)
    return None if (more >= np.maximum(ALIKE * as_it_is.diagonal(), 1e-9)).any() else flip().to_config()


def _frames(dataset: SequenceDataset) -> Tensor:
    """Sequences of one length, (N, T, M, V, C)."""
    return torch.stack([dataset[i].sequence for i in range(len(dataset))])


def _taken_for(known: Tensor, mirrored: Tensor, labels: np.ndarray, classes: int) -> np.ndarray:
    """The share of each class that a classifier of the other half takes for each class.

    Args:
        known: the sequences, (N, ...), in an order without meaning.
        mirrored: the same, mirrored.
        labels: (N,) int64.
        classes: K.

    Returns:
        (2, K, K), of the sequences and of the mirrored ones.
    """
    halves = np.zeros(len(labels), dtype=np.int64)
    for label in range(classes):
        halves[np.flatnonzero(labels == label)[1::2]] = 1
    shown = [x.flatten(1).double().numpy() for x in (known, mirrored)]
    counts = np.zeros((2, classes, classes))
    for half in range(2):
        learnt, told = halves == half, halves != half
        mean = shown[0][learnt].mean(0)
        x = shown[0][learnt] - mean
        gram = x @ x.T
        penalty = RIDGE * max(np.trace(gram) / len(gram), 1e-12)
        weights = x.T @ np.linalg.solve(gram + penalty * np.eye(len(gram)), np.eye(classes)[labels[learnt]])
        for count, one in zip(counts, shown, strict=True):
            np.add.at(count, (labels[told], ((one[told] - mean) @ weights).argmax(1)), 1)
    return counts / np.maximum(counts.sum(-1, keepdims=True), 1)
