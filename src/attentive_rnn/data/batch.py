"""Padded batches of sequences of different lengths, and batches of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .dataset import Sample


class Share(NamedTuple):
    """The part of a batch that belongs to one of several processes.

    Args:
        rows: how many of its items are its own: all, or none where the batch has fewer items than there are processes;
            then an item of another process stands in, which counts only in the statistics of batch normalisation.
        weight: factor of its mean over items, so that the mean over all processes is that over the whole batch.
    """

    rows: int
    weight: float


class Batch(NamedTuple):
    """Items as a model takes them.

    Args:
        x: (B, T_max, *shape) float32, zero after each sequence's end; images (B, C, H, W).
        lengths: (B,) int64, the frames of each sequence.
        labels: (B,) int64, or float32 where a label is a number; (B, C + 1, H, W) where images are wanted.
        metas: a dict for each item; empty where nothing needs them.
        question: (B, L) int64, the words of the questions about images.
        share: the part of this process, where several train one model; None: all of the batch.
    """

    x: Tensor
    lengths: Tensor
    labels: Tensor
    metas: Sequence[dict[str, Any]] = ()
    question: Tensor | None = None
    share: Share | None = None


def collate(samples: Sequence[Sample]) -> Batch:
    """Pad samples with zeros to the longest of them; the ``collate_fn`` of a torch DataLoader.

    Example:
        >>> batch = collate([Sample(torch.ones(2, 3), 0, {}), Sample(torch.ones(4, 3), 1, {})])
        >>> tuple(batch.x.shape), batch.lengths.tolist(), batch.x[0, 2:].abs().sum().item()
        ((2, 4, 3), [2, 4], 0.0)
    """
    return Batch(
        x=torch.nn.utils.rnn.pad_sequence([s.sequence for s in samples], batch_first=True),
        lengths=torch.tensor([len(s.sequence) for s in samples], dtype=torch.int64),
        labels=torch.stack([torch.as_tensor(s.label) for s in samples]),
        metas=[s.meta for s in samples],
        question=None if samples[0].question is None else torch.stack([s.question for s in samples]),  # type: ignore[misc]
    )
