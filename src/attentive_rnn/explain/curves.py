"""Deletion and insertion: what becomes of a prediction when what an explanation ranks first is taken out or put in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..models import SequenceClassifier

FRACTIONS = np.linspace(0, 1, 11)  # of the cells of a sequence; a cell is a group of elements at one step


def ranks(scores: Tensor, lengths: Tensor) -> Tensor:
    """The place of each cell among those of its sequence, the highest score first.

    Args:
        scores: (B, T, G).
        lengths: int64 (B,); steps past them come last.

    Returns:
        int64 (B, T, G).

    Example:
        >>> ranks(torch.tensor([[[0.1, 0.9], [0.5, 9.9]]]), torch.tensor([1])).tolist()
        [[[1, 0], [2, 3]]]
    """
    past = torch.arange(scores.shape[1])[:, None] >= lengths[:, None, None]
    flat = scores.masked_fill(past, -torch.inf).flatten(1)
    return flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1).reshape(scores.shape)


def curve(
    model: SequenceClassifier,
    x: Tensor,
    lengths: Tensor,
    target: Tensor,
    order: Tensor,
    group_of: Tensor,
    baseline: Tensor,
    insert: bool,
) -> np.ndarray:
    """The probability of a class while more and more cells are replaced by the baseline, or put back.

    Of a regressor it is the distance to the number that it predicts from the whole sequence.

    Args:
        model: in evaluation mode.
        x: (B, T, D).
        lengths: int64 (B,).
        target: the class of each row, int64 (B,); of a regressor its answers, floating point (B,).
        order: of the cells, int64 (B, T, G), as :func:`ranks` gives it.
        group_of: the group of each element, int64 (D,).
        baseline: (D,).
        insert: start from the baseline and put cells in, instead of taking them out.

    Returns:
        (B, len(FRACTIONS)).
    """
    cells = lengths * order.shape[2]
    place = order[:, :, group_of]
    columns = []
    for fraction in FRACTIONS:
        first = place < (fraction * cells).round()[:, None, None]
        shown = torch.where(first == insert, x, baseline)
        with torch.no_grad():
            logits = model(shown, lengths)
            if target.is_floating_point():
                columns.append((logits[:, 0] - target).abs())
            else:
                columns.append(logits.softmax(1).gather(1, target[:, None])[:, 0])
    return torch.stack(columns, dim=1).double().numpy()


def area(values: np.ndarray) -> np.ndarray:
    """The area under curves (..., len(FRACTIONS)), by the trapezium rule: the mean height, from 0 to 1."""
    return np.trapezoid(values, FRACTIONS, axis=-1)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two arrays of one shape; 0 where one of them is constant.

    Example:
        >>> rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0]))
        1.0
    """
    a, b = (_mean_ranks(values.ravel()) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / norm) if norm > 0 else 0.0


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    return (ends - (counts - 1) / 2)[inverse]
