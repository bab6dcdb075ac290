"""Batches in an order that depends on the seed and the epoch alone; of several processes each has its share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader

from ..data import AugmentedDataset, Batch, GeneratedDataset, LabelledDataset, Sample, collate, transform_from_config
from ..data.batch import Share, within
from ..errors import ConfigError
from .config import Config


def training_batches(
    train: LabelledDataset,
    config: Config,
    rank: int = 0,
    world: int = 1,
    max_frames: int | None = None,
    rounds: Callable[[int], int] | None = None,
) -> EpochLoader:
    """The batches of preprocessed training items, augmented anew in each epoch.

    Args:
        train: the items.
        config: of the run.
        rank: which of the processes that train this one is, from 0.
        world: how many there are.
        max_frames: of a padded batch; a larger one comes in parts.
        rounds: see :class:`EpochLoader`.

    Raises:
        ConfigError: generated sequences are to be augmented.
    """
    shown: LabelledDataset | AugmentedDataset = train
    if config.data.augmentation:
        if isinstance(train, GeneratedDataset):
            raise ConfigError("data.augmentation must be empty: every sequence is generated anew already")
        shown = AugmentedDataset(train, transform_from_config(config.data.augmentation), config.seed)
    size, workers = config.training.batch_size, config.data.num_workers
    return EpochLoader(shown, size, config.seed, workers, rank, world, max_frames, rounds)


class EpochLoader:
    """Go through a data set in batches, padded to the longest sequence of each, without metas.

    Args:
        dataset: the items; an augmented or generated one is told the epoch too.
        batch_size: items in a batch; the last batch of an epoch may have fewer.
        seed: of the order; None: the order of the data set.
        num_workers: processes that prepare batches; the result does not depend on it.
        rank: which of the processes that train this one is, from 0.
        world: how many there are; each has its share of every batch.
        max_frames: of a padded batch. A larger one comes as several, one after the other, whose `share` says what each
            is of the whole and which is the last; `len` counts whole batches.
        rounds: how many parts a batch comes in, for the number that it has here, where all processes must have as many:
            one that has no more shows its last part again, which counts for nothing. None: as many as it has.

    After a pass `seconds` says how long it took to make the batches, or, with workers, to wait for them.
    """

    def __init__(
        self,
        dataset: LabelledDataset | AugmentedDataset,
        batch_size: int,
        seed: int | None = None,
        num_workers: int = 0,
        rank: int = 0,
        world: int = 1,
        max_frames: int | None = None,
        rounds: Callable[[int], int] | None = None,
    ) -> None:
        self.seconds = 0.0
        self._rounds = rounds or int
        self._dataset = dataset
        self._batches = _Batches(len(dataset), batch_size, seed, rank, world)
        self._loader = DataLoader(
            dataset,
            batch_sampler=self._batches,
            num_workers=num_workers,
            collate_fn=partial(_collate, max_frames=max_frames),
            persistent_workers=num_workers > 0,
            # Its own generator: the loader draws a seed for its workers, which must not touch the global one.
            generator=torch.Generator(),
        )

    def set_epoch(self, epoch: int, begin: int = 0) -> None:
        """Choose the epoch (0, 1, ...) that the next pass is for, and the batch that it begins with."""
        self._batches.epoch, self._batches.begin = epoch, begin
        if isinstance(self._dataset, AugmentedDataset | GeneratedDataset):
            self._dataset.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        # A generator: nothing is drawn before the first batch is asked for, when the epoch has been set.
        self.seconds, asked = 0.0, time.perf_counter()
        for (rows, whole), parts in zip(self._batches.sizes(), self._loader, strict=True):
            self.seconds += time.perf_counter() - asked
            for left in reversed(range(self._rounds(len(parts)))):
                again = left > 0 and len(parts) == 1
                part = parts[0] if again else parts.pop(0)  # it is let go of before the next is run
                own = len(part.labels) if rows and not again else 0
                share = Share(own, own * self._batches.world / whole, last=not left)
                yield part if own == whole and self._batches.world == 1 else part._replace(share=share)
            asked = time.perf_counter()


class _Batches:
    """The batch sampler of a DataLoader: lists of indices, of which a process takes every `world`-th."""

    def __init__(self, count: int, batch_size: int, seed: int | None, rank: int, world: int) -> None:
        self.count, self.batch_size, self.seed, self.epoch, self.begin = count, batch_size, seed, 0, 0
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.count)
        if self.seed is not None:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        for start in self._starts():
            batch = order[start : start + self.batch_size].tolist()
            yield batch[self.rank :: self.world] or batch[:1]

    def _starts(self) -> range:
        return range(self.begin * self.batch_size, self.count, self.batch_size)

    def sizes(self) -> Iterator[tuple[int, int]]:
        """How many items of each batch belong to this process, and how many the batch has."""
        for start in self._starts():
            whole = min(self.batch_size, self.count - start)
            yield len(range(self.rank, whole, self.world)), whole


def _collate(samples: list[Sample], max_frames: int | None) -> list[Batch]:
    """The padded parts of a batch."""
    places = within([len(sample.sequence) for sample in samples], max_frames)
    return [collate([samples[place] for place in part])._replace(metas=()) for part in places]
