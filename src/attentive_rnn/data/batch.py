"""Padded batches of sequences of different lengths, and batches of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .dataset import Sample

WEIGHT = "weight in training"  # the key of a meta


class Share(NamedTuple):
    """The part of a batch that belongs to one of several processes, or that is run by itself to bound memory.

    Args:
        rows: how many of its items are its own: all, or none where the batch has fewer items than there are processes;
            then an item of another process stands in, which counts only in the statistics of batch normalisation.
        weight: factor of its mean over items, so that the sum over the parts of a process, and the mean of these sums
            over all processes, is the mean over the whole batch.
        last: whether this part is the last of its process: then the optimiser takes its step.
    """

    rows: int
    weight: float
    last: bool = True


class Batch(NamedTuple):
    """Items as a model takes them.

    Args:
        x: (B, T_max, *shape) float32, zero after each sequence's end; images (B, C, H, W).
        lengths: (B,) int64, the frames of each sequence.
        labels: (B,) int64, or float32 where a label is a number; (B, C + 1, H, W) where images are wanted.
        metas: a dict for each item; empty where nothing needs them.
        question: (B, L) int64, the words of the questions about images.
        weights: (B,) float64, the factor of each item in the training loss, `meta[WEIGHT]`; None: all weigh alike.
        share: the part that this is of a batch of several processes or parts; None: all of the batch.
        presence: of skeletons, for each item which joints are seen, as :class:`SequenceDataset` has it.
    """

    x: Tensor
    lengths: Tensor
    labels: Tensor
    metas: Sequence[dict[str, Any]] = ()
    question: Tensor | None = None
    share: Share | None = None
    weights: Tensor | None = None
    presence: Sequence[Tensor | None] = ()


def collate(samples: Sequence[Sample]) -> Batch:
    """Pad samples with zeros to the longest of them; the ``collate_fn`` of a torch DataLoader.

    Example:
        >>> batch = collate([Sample(torch.ones(2, 3), 0, {}), Sample(torch.ones(4, 3), 1, {})])
        >>> tuple(batch.x.shape), batch.lengths.tolist(), batch.x[0, 2:].abs().sum().item()
        ((2, 4, 3), [2, 4], 0.0)
    """
    weights = [s.meta[WEIGHT] for s in samples if WEIGHT in s.meta]
    return Batch(
        x=torch.nn.utils.rnn.pad_sequence([s.sequence for s in samples], batch_first=True),
        lengths=torch.tensor([len(s.sequence) for s in samples], dtype=torch.int64),
        labels=torch.stack([torch.as_tensor(s.label) for s in samples]),
        metas=[s.meta for s in samples],
        question=None if samples[0].question is None else torch.stack([s.question for s in samples]),  # type: ignore[misc]
        weights=torch.tensor(weights, dtype=torch.float64) if weights else None,
        presence=[s.presence for s in samples],
    )


def within(lengths: Sequence[int] | np.ndarray, max_frames: int | None) -> list[np.ndarray]:
    """The places of sequences in parts that, padded to their longest, have no more frames than a bound.

    Sequences that fit together stay together, in their order; others are sorted by length, and a sequence that is
    longer than the bound is a part of its own. Nor is a part of more than a quarter of the bound mostly padding, so
    that one long sequence among short ones takes the memory of what it holds.

    Args:
        lengths: of the sequences of a batch.
        max_frames: rows times longest sequence of a part; None: no bound.

    Example:
        >>> [part.tolist() for part in within([900, 2, 3, 2], 10)]
        [[1, 3, 2], [0]]
        >>> [part.tolist() for part in within([3, 1, 2], 10)]
        [[0, 1, 2]]
        >>> [part.tolist() for part in within([1, 30, 1], 100)]
        [[0, 2], [1]]
    """
    lengths = np.asarray(lengths)

    def fits(count: int, longest: int, held: int) -> bool:
        padded = count * longest
        return max_frames is None or padded <= max_frames // 4 or (padded <= max_frames and padded <= 2 * held)

    if not len(lengths) or fits(len(lengths), int(lengths.max()), int(lengths.sum())):
        return [np.arange(len(lengths))]
    parts: list[list[int]] = [[]]
    held = 0
    for place in np.argsort(lengths, kind="stable").tolist():
        longest = int(lengths[place])
        if parts[-1] and not fits(len(parts[-1]) + 1, longest, held + longest):
            parts.append([])
            held = 0
        parts[-1].append(place)
        held += longest
    return [np.array(part) for part in parts]
