"""The adding problem: which two numbers of a long sequence are marked, and what is their sum?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from .dataset import SequenceDataset, Splits
from .generated import GeneratedDataset
from .schema import Schema
from .source import Source

SCHEMA = Schema((), (2,), features=("value", "mark"), target="number")


def load(path: str | Path | None = None, length: int = 100, count: int = 10_000, test_count: int = 2_000) -> Splits:
    """Training sequences that are drawn anew in every epoch, and a fixed test set.

    A frame is (u, m): u uniform in [0, 1), and m one at two steps, one in each half of the sequence, else zero. The
    label is the sum of the two marked u. Answering 1 always has a mean squared error of 1/6.

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997, in the form of Le, Jaitly and Hinton,
    arXiv 1504.00941, section 4.1.

    Args:
        path: none; the sequences are generated.
        length: T, steps of a sequence.
        count: sequences in what is called an epoch.
        test_count: sequences in the test set.

    Raises:
        ConfigError: a path, a length below 2, or a count below 1.

    Example:
        >>> train, test = load(length=50, count=8, test_count=4)
        >>> sequence, label, *_ = train[0]
        >>> marked = sequence[:, 1] == 1
        >>> int(marked.sum()), abs(float(sequence[marked, 0].sum()) - label) < 1e-6
        (2, True)
    """
    if path is not None:
        raise ConfigError("adding: the sequences are generated: give no path")
    for key, value, least in (("length", length, 2), ("count", count, 1), ("test_count", test_count, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigError(f"adding: {key} must be a whole number >= {least}, got {value!r}")
    train = GeneratedDataset(partial(draw, length), count, SCHEMA, seed=0, name="adding")
    return Splits(train, train.held_out(test_count, "test"))


def draw(length: int, rng: np.random.Generator, count: int) -> tuple[Tensor, np.ndarray]:
    """`count` sequences (count, length, 2) float32 and their labels (count,) float64."""
    values = rng.random((count, length), dtype=np.float32)
    half = length // 2
    marked = np.stack([rng.integers(0, half, count), rng.integers(half, length, count)], axis=1)
    marks = np.zeros_like(values)
    np.put_along_axis(marks, marked, 1.0, axis=1)
    labels = np.take_along_axis(values, marked, axis=1).sum(axis=1, dtype=np.float64)
    return torch.from_numpy(np.stack([values, marks], axis=2)), labels


def read(path: str | Path | None = None) -> SequenceDataset:
    """The test set at the default length."""
    return load(path).test


SOURCE = Source(
    name="adding",
    title="The adding problem, generated: the sum of two marked numbers of a long sequence",
    load=load,
    read=read,
    embedded=True,
)
