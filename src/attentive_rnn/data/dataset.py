"""Labelled data sets, in memory or made as they are asked for, and views of them that change with the epoch."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import ConfigError, DataError, DataWarning, counted
from .schema import Schema
from .stored.lazy import Changed, Joined, Lazy, LazySequences
from .stored.sample import lengths_of
from .transforms import Transform
from .transforms.base import apply_parts
from .transforms.presence import has_joints, mark, presence_beside, unmark


class Sample(NamedTuple):
    """One sequence: ``sequence`` (T, *shape) float32, ``label`` (-1 or NaN: not labelled) and ``meta``, facts about it.

    Of an image set ``sequence`` is the image (C, H, W), ``question`` its word numbers int64 (L,), and where an image is
    wanted ``label`` is that image with the region in which it differs as a last channel, (C + 1, H, W). ``presence`` of
    skeletons is bool (T, M, V), which joints are seen; None: all that are not zeros.
    """

    sequence: Tensor
    label: float | Tensor
    meta: dict[str, Any]
    question: Tensor | None = None
    presence: Tensor | None = None


class ColumnUse(NamedTuple):
    """What a reader took a column of a table for.

    Args:
        column: its name.
        use: "feature", "left out", "fact" (kept with each sequence), or its role, such as "label" or "time".
        missing: rows without a value, or with what is none.
    """

    column: str
    use: str
    missing: int = 0


class LabelledDataset(Dataset[Sample]):
    """Base of :class:`SequenceDataset` and :class:`ImageDataset`: items with a label and a meta, and their schema.

    Attributes:
        labels: (len,) int64, an index into ``schema.classes``, or -1 where an item is not labelled; float64 where
            ``schema.target`` is "number", NaN where it is not labelled.
        metas: a dict for each item.
        schema: the meaning of the items and of the labels; ``schema.medium`` says which kind of data set it is.
        name: the name of the set in messages.
        notes: how the reader took what can be read in two ways, and what it left out, a sentence each.
        columns: what the reader of a table took its columns for; known of the whole set, as it was read.
    """

    labels: np.ndarray
    metas: list[dict[str, Any]]
    schema: Schema
    name: str
    notes: tuple[str, ...] = ()
    columns: tuple[ColumnUse, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        raise NotImplementedError

    @property
    def lengths(self) -> np.ndarray:
        """Number of frames of each item, int64 (len,); an image is one frame."""
        raise NotImplementedError

    @property
    def labelled(self) -> np.ndarray:
        """Whether each item has a label, bool (len,)."""
        return ~np.isnan(self.labels) if self.schema.target == "number" else self.labels >= 0

    def groups(self, key: str) -> np.ndarray:
        """``meta[key]`` of each item, (len,), as the group-wise splitters of scikit-learn take it.

        Raises:
            DataError: an item does not have the key.
        """
        for meta in self.metas:
            if key not in meta:
                raise DataError(f"{self.name or 'data'}: {meta.get('name', 'a sequence')} has no {key!r}")
        return np.asarray([meta[key] for meta in self.metas])

    def fingerprint(self, index: int) -> bytes:
        """A digest of an item's content; equal for equal items only."""
        raise NotImplementedError

    def subset(self, indices: Iterable[int]) -> Self:
        """The items at ``indices``, in that order; their content is shared, not copied."""
        raise NotImplementedError

    def transformed(self, transform: Transform) -> Self:
        """The data set with a deterministic transform applied to every item; see :func:`preprocess`."""
        raise NotImplementedError


class SequenceDataset(LabelledDataset):
    """Sequences of any length with their labels.

    Args:
        sequences: one (T, *schema.shape) float tensor a sequence, T >= 1; kept as float32. Those of
            :class:`LazySequences` are of this kind, and stay where they are.
        labels: an index into ``schema.classes`` for each sequence, or -1 where it is not labelled; where
            ``schema.target`` is "number", a float, or NaN where it is not labelled.
        metas: a dict for each sequence; keys where known: name, subject, view, setup, repetition.
        schema: the meaning of a frame and of the labels.
        name: the name of the set in messages.
        notes: of the reader; see :class:`LabelledDataset`.

    Attributes:
        presence: of skeletons, for each sequence bool (T, M, V), which joints are seen, or None where those are absent
            that are all zeros.

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
        notes: Iterable[str] = (),
    ) -> None:
        self.sequences: Sequence[Tensor] = (
            sequences
            if isinstance(sequences, LazySequences)
            else [torch.as_tensor(s, dtype=torch.float32) for s in sequences]
        )
        self.labels = np.asarray(list(labels), dtype=np.float64 if schema.target == "number" else np.int64)
        self.metas = [dict(m) for m in metas]
        self.schema = schema
        self.name = name
        self.notes = tuple(notes)
        self.presence: Sequence[Tensor | None] = [None] * len(self.sequences)
        if not len(self.sequences) == len(self.labels) == len(self.metas):
            raise DataError(
                f"{name or 'data'}: {len(self.sequences)} sequences, {len(self.labels)} labels and "
                f"{len(self.metas)} metas; give one of each for every sequence"
            )
        for i, sequence in enumerate([] if isinstance(self.sequences, LazySequences) else self.sequences):
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

    def __getitem__(self, index: int) -> Sample:
        return Sample(
            self.sequences[index], self.labels[index].item(), self.metas[index], presence=self.presence[index]
        )

    def __repr__(self) -> str:
        return f"SequenceDataset({self.name!r}, {counted(len(self), 'sequence')}, frame {self.schema.shape}, " + (
            "a number to predict)"
            if self.schema.target == "number"
            else f"{counted(len(self.schema.classes), 'class', 'classes')})"
        )

    @property
    def lengths(self) -> np.ndarray:
        return lengths_of(self.sequences)

    def fingerprint(self, index: int) -> bytes:
        seen = self.presence[index]
        if seen is None and isinstance(self.sequences, LazySequences):
            return self.sequences.sha256(index)
        content = self.sequences[index].contiguous().numpy().tobytes()
        return hashlib.sha256(content if seen is None else content + seen.contiguous().numpy().tobytes()).digest()

    def subset(self, indices: Iterable[int]) -> SequenceDataset:
        chosen = [int(i) for i in indices]
        result = SequenceDataset(
            _taken(self.sequences, chosen),
            self.labels[chosen],
            [self.metas[i] for i in chosen],
            self.schema,
            self.name,
            self.notes,
        )
        result.presence = _taken(self.presence, chosen)
        return result

    def marked(self, index: int) -> Tensor:
        """A sequence as :meth:`Transform.apply` takes it: of skeletons, NaN for the joints that are absent."""
        return mark(self.sequences[index], self.schema, self.presence[index])

    def remade(self, change: Callable[[int, Tensor], Tensor], schema: Schema, same_lengths: bool) -> SequenceDataset:
        """The data set with other sequences: made now, or, of those that are lazy, each time they are asked for.

        Args:
            change: gives the sequence of a number for what :meth:`marked` gives; both have NaN for absent joints.
            schema: of the new frames.
            same_lengths: whether no sequence gets other frames.
        """
        make = partial(_remade, self, change, schema)
        result = copy(self)
        result.schema = schema
        if isinstance(self.sequences, LazySequences):
            changed, rows = Changed(make), np.arange(len(self))
            result.sequences = LazySequences(changed.sequence, rows, self.lengths if same_lengths else None)
            if self.schema.layout or len(schema.shape) == 3:
                result.presence = Lazy(changed.presence, rows)
        else:
            made = [make(i) for i in range(len(self))]
            result.sequences, result.presence = [one for one, _ in made], [seen for _, seen in made]
        return result

    def transformed(self, transform: Transform) -> SequenceDataset:
        bound = transform.knowing(self.schema)
        after = transform.schema_after(self.schema)
        lacking: Counter[str] = Counter()
        joints = len(self) > 0 and has_joints(self.sequences[0], bound.schema)
        apply = partial(apply_parts, bound, np.random.default_rng(0), lacking if joints else None)
        result = self.remade(apply, after, all(part.depends is not None for part in bound.parts()))
        if isinstance(self.sequences, LazySequences) and joints and any(part.may_lack for part in bound.parts()):
            for _ in result.sequences:  # which counts what is lacking
                pass
        for text, count in lacking.items():
            warnings.warn(f"{self.name or 'data'}: {text.format(count, len(self))}", DataWarning, stacklevel=3)
        return result


def _taken(members: Sequence[Any], chosen: list[int]) -> Any:
    return members.take(chosen) if isinstance(members, Lazy) else [members[i] for i in chosen]


def _remade(
    dataset: SequenceDataset, change: Callable[[int, Tensor], Tensor], schema: Schema, index: int
) -> tuple[Tensor, Tensor | None]:
    """A sequence after a change, and which of its joints are present."""
    marked = dataset.marked(index)
    made = change(index, marked)
    joints = has_joints(made, schema) or has_joints(marked, dataset.schema)
    return unmark(made) if joints else made, presence_beside(made, schema)


D = TypeVar("D", bound=LabelledDataset)


@dataclass(frozen=True)
class Splits(Generic[D]):
    """The parts of a data set as its protocol gives them: sequences, or images.

    ``train, test = splits`` unpacks the two parts that every set has.

    Args:
        train, test: the training and the test part.
        valid: the validation part, if the data have one; without it a run draws one from the training part.
        shares_persons: whether the protocol of a published set has the same persons in several parts, as where it
            parts by camera.
    """

    train: D
    test: D
    valid: D | None = None
    shares_persons: bool = field(default=False, kw_only=True)

    def __iter__(self) -> Iterator[D]:
        return iter((self.train, self.test))

    def parts(self) -> dict[str, D]:
        """The parts by name, "valid" only where there is one."""
        middle = {} if self.valid is None else {"valid": self.valid}
        return {"train": self.train, **middle, "test": self.test}

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all parts, each once."""
        return tuple(dict.fromkeys(note for part in self.parts().values() for note in part.notes))


def sequences_only(dataset: LabelledDataset) -> SequenceDataset:
    """The data set itself, where it holds sequences.

    Raises:
        DataError: it holds images.
    """
    if not isinstance(dataset, SequenceDataset):
        raise DataError(f"{dataset.name}: holds images, and this works on sequences only")
    return dataset


def concatenate(datasets: Iterable[LabelledDataset]) -> SequenceDataset:
    """All sequences of data sets that share one schema, in order; the name is the first one's.

    Raises:
        DataError: schemas that differ, or images.
    """
    parts = [sequences_only(dataset) for dataset in datasets]
    first = parts[0]
    for other in parts[1:]:
        if other.schema != first.schema:
            raise DataError(f"{first.name} and {other.name} differ in classes or frames; read them one at a time")
    lists = [part.sequences for part in parts]
    lazy = any(isinstance(one, LazySequences) for one in lists)
    lengths = np.concatenate([part.lengths for part in parts])
    result = SequenceDataset(
        LazySequences(Joined(lists), np.arange(len(lengths)), lengths) if lazy else [s for one in lists for s in one],
        np.concatenate([part.labels for part in parts]),
        [m for part in parts for m in part.metas],
        first.schema,
        first.name,
        dict.fromkeys(note for part in parts for note in part.notes),
    )
    seen = [part.presence for part in parts]
    result.presence = Lazy(Joined(seen), np.arange(len(lengths))) if lazy else [s for one in seen for s in one]
    return result


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
        dataset.notes,
    )


def preprocess(dataset: D, transform: Transform) -> D:
    """The data set with a deterministic transform applied once to every item.

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
        dataset: the sequences, or images.
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

    def __init__(self, dataset: LabelledDataset, transform: Transform, seed: int) -> None:
        if seed < 0:
            raise ConfigError(f"seed must not be negative, got {seed}")
        self.dataset = dataset
        self.transform = transform.knowing(dataset.schema)
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
        return sample._replace(sequence=self.transform(sample.sequence, rng, sample.presence), presence=None)
