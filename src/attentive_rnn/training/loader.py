"""Batches whose order depends on the seed and the epoch, and on nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..data import AugmentedDataset, Batch, GeneratedDataset, LabelledDataset, Sample, collate
from .processes import ALONE, Place


class Share(NamedTuple):
    """What one of several processes has of a batch.

    Args:
        rows: how many of its items are its own: all, or none where the batch has fewer items than there are processes;
            then an item of another one's stands in, which counts for nothing but in batch normalisation.
        weight: what its mean over items counts for, so that the mean over all processes is that over the whole batch.
    """

    rows: int
    weight: float


class Tensors(NamedTuple):
    """A batch: x (B, T_max, *shape), zero past each row's end; lengths and labels (B,).

    Of images: x (B, C, H, W), question (B, L), and labels (B, C + 1, H, W) where images are wanted. With several
    processes it is one's share of the batch.
    """

    x: Tensor
    lengths: Tensor
    labels: Tensor
    question: Tensor | None = None
    share: Share | None = None

    @classmethod
    def of(cls, batch: Batch) -> Tensors:
        """The tensors of a batch."""
        return cls(batch.x, batch.lengths, batch.labels, batch.question)


class EpochLoader:
    """Go through a data set in batches: x, lengths, labels and questions, padded to the longest sequence of each batch.

    Args:
        dataset: the sequences; an augmented one is told the epoch too.
        batch_size: sequences in a batch; the last batch of an epoch may have fewer.
        seed: of the order; None: the order of the data set.
        num_workers: processes that prepare batches; the result does not depend on it.
        place: which of the processes that train this one is: each has its share of every batch.

    After a pass `seconds` says how long it took to make the batches, or, with workers, to wait for them.
    """

    def __init__(
        self,
        dataset: LabelledDataset | AugmentedDataset,
        batch_size: int,
        seed: int | None = None,
        num_workers: int = 0,
        place: Place = ALONE,
    ) -> None:
        self.seconds = 0.0
        self._dataset = dataset
        self._batches = _Batches(len(dataset), batch_size, seed, place)
        self._loader = DataLoader(
            dataset,
            batch_sampler=self._batches,
            num_workers=num_workers,
            collate_fn=_tensors,
            persistent_workers=num_workers > 0,
            # Its own generator: the loader draws a seed for its workers, which must not touch the global one.
            generator=torch.Generator(),
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0, 1, ...) that the next pass is for."""
        self._batches.epoch = epoch
        if isinstance(self._dataset, AugmentedDataset | GeneratedDataset):
            self._dataset.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Tensors]:
        # A generator: nothing is drawn before the first batch is asked for, when the epoch has been set.
        self.seconds, asked = 0.0, time.perf_counter()
        for share, batch in zip(self._batches.shares(), self._loader, strict=True):
            self.seconds += time.perf_counter() - asked
            yield batch._replace(share=share)
            asked = time.perf_counter()


class _Batches:
    """The batch sampler of a DataLoader: lists of indices, of which a process takes every `place.world`-th."""

    def __init__(self, count: int, batch_size: int, seed: int | None, place: Place) -> None:
        self.count, self.batch_size, self.seed, self.place, self.epoch = count, batch_size, seed, place, 0

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.count)
        if self.seed is not None:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        for start in range(0, self.count, self.batch_size):
            batch = order[start : start + self.batch_size].tolist()
            yield batch[self.place.rank :: self.place.world] or batch[:1]

    def shares(self) -> Iterator[Share | None]:
        """What this process has of each batch; None: all."""
        rank, world, _ = self.place
        for start in range(0, self.count, self.batch_size):
            whole = min(self.batch_size, self.count - start)
            rows = len(range(rank, whole, world))
            yield Share(rows, rows * world / whole) if world > 1 else None


def _tensors(samples: list[Sample]) -> Tensors:
    return Tensors.of(collate(samples))
