"""Labelled sequences in memory, and views of them that change with the epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import ConfigError, DataError
from .schema import Schema
from .transforms import Transform


class Sample(NamedTuple):
    """One sequence: ``sequence`` (T, *shape) float32, ``label`` (-1 or NaN: not labelled) and what is known of it.

    Of an image set ``sequence`` is the image (C, H, W), ``question`` its word numbers int64 (L,), and where an image is
    wanted ``label`` is that image with the region in which it differs as a last channel, (C + 1, H, W).
    """

    sequence: Tensor
    label: float | Tensor
    meta: dict[str, Any]
    question: Tensor | None = None


class SequenceDataset(Dataset[Sample]):
    """Sequences of any length with their labels.

    Args:
        sequences: one (T, *schema.shape) float tensor a sequence, T >= 1; kept as float32.
        labels: an index into ``schema.classes`` for each sequence, or -1 where it is not labelled; where
            ``schema.target`` is "number", a float, or NaN where it is not labelled.
        metas: a dict for each sequence; keys where known: name, subject, view, setup, repetition.
        schema: the meaning of a frame and of the labels.
        name: what the set is called in messages.

    Raises:
        DataError: counts that differ, a sequence of another shape or without frames, a label out of range.

    Example:
        >>> schema = Schema(classes=("up", "down"), shape=(2,))
        >>> data = SequenceDataset([torch.zeros(5, 2), torch.zeros(3, 2)], [0, 1], [{}, {}], schema)
        >>> len(data), data.lengths.tolist(), data[1].label
        (2, [5, 3], 1)
    """

    def __init__(
        self,
        sequences: Iterable[Tensor],
        labels: Iterable[float],
        metas: Iterable[Mapping[str, Any]],
        schema: Schema,
        name: str = "",
    ) -> None:
        self.sequences = [torch.as_tensor(s, dtype=torch.float32) for s in sequences]
        self.labels = np.asarray(list(labels), dtype=np.float64 if schema.target == "number" else np.int64)
        self.metas = [dict(m) for m in metas]
        self.schema = schema
        self.name = name
        if not len(self.sequences) == len(self.labels) == len(self.metas):
            raise DataError(
                f"{name or 'data'}: {len(self.sequences)} sequences, {len(self.labels)} labels and "
                f"{len(self.metas)} metas; give one of each for every sequence"
            )
        for i, sequence in enumerate(self.sequences):
            if tuple(sequence.shape[1:]) != schema.shape or len(sequence) == 0:
                raise DataError(
                    f"{name or 'data'}: sequence {i} is {tuple(sequence.shape)}; "
                    f"it must be (T, {', '.join(map(str, schema.shape))}) with T >= 1"
                )
        if schema.target == "number":
            return
        wrong = np.flatnonzero((self.labels < -1) | (self.labels >= len(schema.classes)))
        if len(wrong):
            raise DataError(
                f"{name or 'data'}: sequence {wrong[0]} has the label {self.labels[wrong[0]]}; "
                f"labels go from 0 to {len(schema.classes) - 1}, -1 is not labelled"
            )

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.sequences[index], self.labels[index].item(), self.metas[index])

    def __repr__(self) -> str:
        return f"SequenceDataset({self.name!r}, {len(self)} sequences, frame {self.schema.shape}, " + (
            "a number to predict)" if self.schema.target == "number" else f"{len(self.schema.classes)} classes)"
        )

    @property
    def lengths(self) -> np.ndarray:
        """Number of frames of each sequence, int64 (len,)."""
        return np.asarray([len(s) for s in self.sequences], dtype=np.int64)

    @property
    def labelled(self) -> np.ndarray:
        """Whether each sequence has a label, bool (len,)."""
        return ~np.isnan(self.labels) if self.schema.target == "number" else self.labels >= 0

    def fingerprint(self, index: int) -> bytes:
        """A digest of an item's length and float32 values; equal for equal ones only."""
        return hashlib.sha256(self.sequences[index].contiguous().numpy().tobytes()).digest()

    def groups(self, key: str) -> np.ndarray:
        """``meta[key]`` of each sequence, (len,), as the group-wise splitters of scikit-learn take it.

        Raises:
            DataError: a sequence does not have the key.
        """
        for meta in self.metas:
            if key not in meta:
                raise DataError(f"{self.name or 'data'}: {meta.get('name', 'a sequence')} has no {key!r}")
        return np.asarray([meta[key] for meta in self.metas])

    def subset(self, indices: Iterable[int]) -> SequenceDataset:
        """The sequences at ``indices``, in that order; frames are shared, not copied."""
        chosen = [int(i) for i in indices]
        return SequenceDataset(
            [self.sequences[i] for i in chosen],
            self.labels[chosen],
            [self.metas[i] for i in chosen],
            self.schema,
            self.name,
        )

    def transformed(self, transform: Transform) -> SequenceDataset:
        """The data set with a deterministic transform applied to every sequence; see :func:`preprocess`."""
        rng = np.random.default_rng(0)
        return SequenceDataset(
            [transform(s, rng) for s in self.sequences],
            self.labels,
            self.metas,
            transform.schema_after(self.schema),
            self.name,
        )


class Splits(NamedTuple):
    """The two parts of a data set as its protocol gives them."""

    train: SequenceDataset
    test: SequenceDataset


def concatenate(datasets: Sequence[SequenceDataset]) -> SequenceDataset:
    """All sequences of data sets that share one schema, in order; the name is the first one's."""
    first = datasets[0]
    for other in datasets[1:]:
        if other.schema != first.schema:
            raise DataError(f"{first.name} and {other.name} differ in classes or frames; read them one at a time")
    return SequenceDataset(
        [s for d in datasets for s in d.sequences],
        np.concatenate([d.labels for d in datasets]),
        [m for d in datasets for m in d.metas],
        first.schema,
        first.name,
    )


def relabel(dataset: SequenceDataset, classes: Sequence[str], *, strict: bool) -> SequenceDataset:
    """The data set with labels that index ``classes``; a class that is not among them is an error, or -1."""
    if dataset.schema.target == "number":
        return dataset
    index = {name: i for i, name in enumerate(classes)}
    unknown = [name for name in dataset.schema.classes if name not in index]
    if strict and unknown:
        raise DataError(
            f"{dataset.name}: the class {unknown[0]!r} is not one of {', '.join(classes)}; "
            "the class names of all files must agree"
        )
    names = dataset.schema.classes
    return SequenceDataset(
        dataset.sequences,
        [index.get(names[label], -1) if label >= 0 else -1 for label in dataset.labels],
        dataset.metas,
        replace(dataset.schema, classes=tuple(classes)),
        dataset.name,
    )


def preprocess(dataset: SequenceDataset, transform: Transform) -> SequenceDataset:
    """The data set with a deterministic transform applied once to every sequence.

    Raises:
        ConfigError: the transform is random: that belongs in :class:`AugmentedDataset`.

    Example:
        >>> from attentive_rnn.data import OriginAtBodyCentre, Schema, SequenceDataset, preprocess
        >>> schema = Schema(classes=("sit",), shape=(1, 20, 3))
        >>> data = SequenceDataset([torch.ones(4, 1, 20, 3)], [0], [{}], schema)
        >>> preprocess(data, OriginAtBodyCentre())[0].sequence.abs().max()
        tensor(0.)
    """
    if transform.random:
        raise ConfigError(f"{transform!r} is random: use it as augmentation, not as preprocessing")
    return dataset.transformed(transform)


class AugmentedDataset(Dataset[Sample]):
    """A data set whose sequences are transformed anew in every epoch, reproducibly.

    Item i draws from ``np.random.default_rng((seed, epoch, i))``, so that it depends neither on the number of
    workers nor on the order in which items are asked for.

    Args:
        dataset: the sequences.
        transform: what to apply.
        seed: a non-negative integer.

    Example:
        >>> from attentive_rnn.data import RandomRotation
        >>> schema = Schema(classes=("sit",), shape=(1, 20, 3))
        >>> data = SequenceDataset([torch.ones(4, 1, 20, 3)], [0], [{}], schema)
        >>> augmented = AugmentedDataset(data, RandomRotation(), seed=1)
        >>> first = augmented[0].sequence
        >>> augmented.set_epoch(1)
        >>> bool((augmented[0].sequence == first).all())
        False
    """

    def __init__(self, dataset: SequenceDataset, transform: Transform, seed: int) -> None:
        if seed < 0:
            raise ConfigError(f"seed must not be negative, got {seed}")
        self.dataset = dataset
        self.transform = transform
        self.seed = seed
        # Shared memory: a loader with persistent workers keeps copies of this object that must see set_epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0, 1, ...) whose draws the items use."""
        self._epoch.fill_(epoch)

    def drawn(self, epoch: int) -> SequenceDataset:
        """The items of an epoch, as a data set that stays as it is."""
        self.set_epoch(epoch)
        sequences = [self[i].sequence for i in range(len(self))]
        return SequenceDataset(sequences, self.labels, self.dataset.metas, self.schema, self.dataset.name)

    @property
    def schema(self) -> Schema:
        """The schema of the items."""
        return self.transform.schema_after(self.dataset.schema)

    @property
    def labels(self) -> np.ndarray:
        """The labels of the data set, (len,)."""
        return self.dataset.labels

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        sample = self.dataset[index]
        rng = np.random.default_rng((self.seed, int(self._epoch), index))
        return sample._replace(sequence=self.transform(sample.sequence, rng))
