"""Count, range, mean and deviation of values that come in pieces, each value looked at once and none kept.

Input: pieces of a data set, as :func:`pieces` cuts it. Output: the statistics of each column, merged in float64 by

    n = n_a + n_b,   d = mean_b - mean_a,   mean = mean_a + d n_b / n,   M = M_a + M_b + d^2 n_a n_b / n

where M is the sum of squared differences from the mean.

Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

FRAMES = 4096  # of a piece, at least: so many small sequences are looked at together


class Moments:
    """Statistics of the columns of values (n, D) that come in pieces; what is NaN does not count.

    Attributes:
        count, mean, squares: of each column, (D,): how many values, their mean, and the sum of squared differences.
        low, high: of each column the smallest and the largest value, (D,); infinite where there is none.

    Example:
        >>> moments = Moments(1)
        >>> for piece in ([[1.0], [2.0]], [[6.0], [np.nan]]):
        ...     moments.add(np.array(piece))
        >>> moments.mean, moments.deviation()
        (array([3.]), array([2.1602469]))
    """

    def __init__(self, size: int) -> None:
        self.count, self.mean, self.squares = (np.zeros(size) for _ in range(3))
        self.low, self.high = np.full(size, np.inf), np.full(size, -np.inf)

    def add(self, values: np.ndarray) -> None:
        """Count further values (n, D)."""
        if not len(values):
            return
        values = np.asarray(values, dtype=np.float64)
        gaps = np.isnan(values)
        count = np.full(values.shape[1], float(len(values)))
        self.low, self.high = np.fmin(self.low, np.fmin.reduce(values)), np.fmax(self.high, np.fmax.reduce(values))
        if gaps.any():
            count -= gaps.sum(axis=0)
            sums = np.where(gaps, 0.0, values).sum(axis=0)
            mean = sums / np.maximum(count, 1)
            apart = np.where(gaps, 0.0, values - mean)
        else:
            mean = values.mean(axis=0)
            apart = values - mean
        total = self.count + count
        share = count / np.maximum(total, 1)
        between = mean - self.mean
        self.squares += np.square(apart, out=apart).sum(axis=0) + between**2 * self.count * share
        self.mean += between * share
        self.count = total

    def deviation(self) -> np.ndarray:
        """The standard deviation of each column, (D,): exactly 0 where it never changes or has no value."""
        varies = self.low < self.high
        return np.where(varies, np.sqrt(self.squares / np.maximum(self.count, 1)), 0.0)


def pieces(sequences: Iterable[np.ndarray], frames: int = FRAMES) -> Iterator[np.ndarray]:
    """The frames (n, D) of sequences (T, D), one after the other, in pieces of at least so many but for the last.

    Example:
        >>> [len(piece) for piece in pieces([np.zeros((3, 1)), np.zeros((2, 1)), np.zeros((4, 1))], frames=4)]
        [5, 4]
    """
    waiting: list[np.ndarray] = []
    count = 0
    for sequence in sequences:
        waiting.append(sequence)
        count += len(sequence)
        if count >= frames:
            yield waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
            waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting)
