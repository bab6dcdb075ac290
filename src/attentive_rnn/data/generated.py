"""Generated data sets, whose sequences are drawn anew for each epoch, and the adding problem as one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from .dataset import Sample, SequenceDataset, Splits
from .options import whole
from .schema import Schema
from .source import Source
from .transforms import Compose, Transform

Draw = Callable[[np.random.Generator, int], tuple[Tensor, np.ndarray]]

HELD_OUT = 2**32 - 1  # the first number of the streams that validation and test sequences are drawn from


class GeneratedDataset(SequenceDataset):
    """A set whose sequences are drawn anew for every epoch, from a seed.

    All sequences of epoch e are one draw from ``np.random.default_rng((seed, e))``. Until an epoch is chosen, and
    wherever the set is treated as any other, they are those of epoch 0.

    Args:
        draw: ``draw(rng, count)`` makes `count` sequences, (count, T, *shape) float32, and their labels (count,).
        count: sequences in an epoch.
        schema: the meaning of a frame and of the labels.
        seed: a non-negative integer.
        name: the name of the set in messages.
        transform: applied to every sequence.

    Example:
        >>> def ramps(rng, count):
        ...     slopes = rng.random(count)
        ...     return torch.from_numpy(slopes[:, None, None] * np.arange(3.0)[:, None]).float(), slopes
        >>> data = GeneratedDataset(ramps, 2, Schema((), (1,), target="number"), seed=0)
        >>> first = data[0].label
        >>> data.set_epoch(1)
        >>> data[0].label == first
        False
    """

    def __init__(
        self,
        draw: Draw,
        count: int,
        schema: Schema,
        seed: int,
        name: str = "",
        transform: Transform | None = None,
    ) -> None:
        self._draw, self._source_schema, self._seed = draw, schema, seed
        self._transform = transform or Compose([])
        sequences, labels = self._drawn(0, count)
        super().__init__(sequences, labels, [{}] * count, self._transform.schema_after(schema), name)
        # Shared memory: a loader with persistent workers keeps copies of this object that must see set_epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._shown = 0, self.sequences, self.labels

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0, 1, ...) whose sequences the items are."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> Sample:
        epoch = int(self._epoch)
        if self._shown[0] != epoch:
            self._shown = epoch, *self._drawn(epoch, len(self))
        _, sequences, labels = self._shown
        return Sample(sequences[index], labels[index].item(), self.metas[index])

    def transformed(self, transform: Transform) -> GeneratedDataset:
        """The set with a deterministic transform applied to every sequence that it draws."""
        both = Compose([self._transform, transform])
        return GeneratedDataset(self._draw, len(self), self._source_schema, self._seed, self.name, both)

    def split(self, fraction: float, seed: int) -> tuple[GeneratedDataset, SequenceDataset]:
        """The set drawn from another seed, and a set for validation that is the same for every seed.

        Args:
            fraction: sequences in the second as a share of those of an epoch.
            seed: of the first.
        """
        train = GeneratedDataset(self._draw, len(self), self._source_schema, seed, self.name, self._transform)
        return train, self.held_out(max(1, round(fraction * len(self))), "validation")

    def held_out(self, count: int, part: str) -> SequenceDataset:
        """A fixed set of the same kind, "validation" or "test", that depends on no seed.

        Raises:
            ConfigError: the part is none of these.
        """
        if part not in ("validation", "test"):
            raise ConfigError(f"{self.name}: part must be validation or test, got {part!r}")
        stream = np.random.default_rng((HELD_OUT, ("validation", "test").index(part)))
        sequences, labels = self._draw(stream, count)
        plain = SequenceDataset(sequences.unbind(), labels, [{}] * count, self._source_schema, self.name)
        return plain.transformed(self._transform)

    def _drawn(self, epoch: int, count: int) -> tuple[list[Tensor], np.ndarray]:
        sequences, labels = self._draw(np.random.default_rng((self._seed, epoch)), count)
        rng = np.random.default_rng(0)
        return [self._transform(s, rng) for s in sequences.unbind()], labels


ADDING_SCHEMA = Schema((), (2,), features=("value", "mark"), target="number")


def load_adding(
    path: str | Path | None = None, length: int = 100, count: int = 10_000, test_count: int = 2_000
) -> Splits[SequenceDataset]:
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
        >>> train, test = load_adding(length=50, count=8, test_count=4)
        >>> sequence, label, *_ = train[0]
        >>> marked = sequence[:, 1] == 1
        >>> int(marked.sum()), abs(float(sequence[marked, 0].sum()) - label) < 1e-6
        (2, True)
    """
    if path is not None:
        raise ConfigError("adding: the sequences are generated: give no path")
    for key, value, least in (("length", length, 2), ("count", count, 1), ("test_count", test_count, 1)):
        whole("adding", key, value, least)
    train = GeneratedDataset(partial(draw_adding, length), count, ADDING_SCHEMA, seed=0, name="adding")
    return Splits(train, train.held_out(test_count, "test"))


def draw_adding(length: int, rng: np.random.Generator, count: int) -> tuple[Tensor, np.ndarray]:
    """`count` sequences (count, length, 2) float32 and their labels (count,) float64."""
    values = rng.random((count, length), dtype=np.float32)
    half = length // 2
    marked = np.stack([rng.integers(0, half, count), rng.integers(half, length, count)], axis=1)
    marks = np.zeros_like(values)
    np.put_along_axis(marks, marked, 1.0, axis=1)
    labels = np.take_along_axis(values, marked, axis=1).sum(axis=1, dtype=np.float64)
    return torch.from_numpy(np.stack([values, marks], axis=2)), labels


def read_adding(path: str | Path | None = None) -> SequenceDataset:
    """The test set at the default length."""
    return load_adding(path).test


ADDING = Source(
    name="adding",
    title="The adding problem, generated: the sum of two marked numbers of a long sequence",
    load=load_adding,
    read=read_adding,
    embedded=True,
)
