"""Frames evenly spread over the sequences of a set, so that what is judged by them takes bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .lazy import LazySequences

VALUES = 4_000_000  # of a data set that are looked at, in frames evenly spread


def lengths_of(sequences: Sequence[Tensor]) -> np.ndarray:
    """Frames of each sequence, int64 (len,)."""
    if isinstance(sequences, LazySequences):
        return sequences.lengths
    return np.asarray([len(one) for one in sequences], dtype=np.int64)


def step(sequences: Sequence[Tensor], size: int, most: int = VALUES) -> int:
    """Of how many frames one is taken, so that those of all sequences have about so many values at most.

    Args:
        sequences: (T, *frame) each.
        size: the values of a frame.
        most: of all frames that are taken.

    Example:
        >>> step([torch.zeros(10, 2)], 2)
        1
    """
    return max(1, int(lengths_of(sequences).sum()) * size // most)


def evenly(sequences: Sequence[Tensor], every: int) -> Tensor:
    """Each of so many frames of all sequences, the first one first, (n, *frame).

    Example:
        >>> evenly([torch.arange(3.0), torch.arange(3.0, 7.0)], 2).tolist()
        [0.0, 2.0, 4.0, 6.0]
    """
    return torch.cat(list(_taken(sequences, every)))


def _taken(sequences: Sequence[Tensor], every: int) -> Iterator[Tensor]:
    start = 0
    for sequence in sequences:
        # A copy, for a view would keep all of a sequence that is made only now.
        yield sequence if every == 1 else sequence[-start % every :: every].clone()
        start += len(sequence)
