"""Whether a model is right as often as it says: reliability and the expected calibration error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Bin(NamedTuple):
    """Answers given with a probability above `low` and up to `high`: how many, its mean, and how many are right."""

    low: float
    high: float
    sequences: int
    probability: float
    accuracy: float


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[Bin]:
    """The accuracy of answers, by the probability with which they were given.

    Args:
        probabilities: (B, K).
        labels: (B,).
        bins: of equal width from 0 to 1; empty ones are left out.

    Example:
        >>> reliability(np.array([[0.9375, 0.0625], [0.03125, 0.96875], [0.6, 0.4]]), np.array([0, 0, 0]))[-1]
        Bin(low=0.9, high=1.0, sequences=2, probability=0.953125, accuracy=0.5)
    """
    said, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.clip(np.ceil(said * bins).astype(int) - 1, 0, bins - 1)
    return [
        Bin(i / bins, (i + 1) / bins, int(own.sum()), float(said[own].mean()), float(right[own].mean()))
        for i in range(bins)
        if (own := place == i).any()
    ]


def expected_calibration_error(found: list[Bin]) -> float:
    """How far accuracy and stated probability lie apart, the mean over sequences.

    .. math:: \\sum_b \\frac{n_b}{n} |\\mathrm{acc}_b - \\mathrm{prob}_b|

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, equation (3).
    """
    total = sum(one.sequences for one in found)
    return sum(one.sequences * abs(one.accuracy - one.probability) for one in found) / total
