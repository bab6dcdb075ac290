"""Sequences of different lengths as one padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .dataset import Sample


class Batch(NamedTuple):
    """``x`` (B, T_max, *shape) float32, zero after each sequence's end; ``lengths`` (B,) int64; ``labels`` (B,)
    int64, or float32 where a label is a number. Of images ``x`` is (B, C, H, W), ``question`` (B, L) the words of the
    questions, and ``labels`` (B, C + 1, H, W) where images are wanted."""

    x: Tensor
    lengths: Tensor
    labels: Tensor
    metas: list[dict[str, Any]]
    question: Tensor | None = None


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
