"""Scores of a model's answers: calibration, their pictures, and the choice of items worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data import LabelledDataset
from ..draw import charts
from ..draw.charts import Bin
from ..tasks.metrics import as_logits, score, wilson
from .outcome import save_figure

READABLE = 40  # the most classes whose confusion matrix can be read
_MISTAKES = 12  # hardest ones that are chosen in any case


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
    """The mean distance, over sequences, of accuracy from stated probability.

    .. math:: \\sum_b \\frac{n_b}{n} |\\mathrm{acc}_b - \\mathrm{prob}_b|

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, equation (3).
    """
    total = sum(one.sequences for one in found)
    return sum(one.sequences * abs(one.accuracy - one.probability) for one in found) / total


def draw_scores(outputs: np.ndarray, labels: np.ndarray, classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw confusion, the accuracy of each class and calibration; of numbers the answers against the truth.

    Args:
        outputs: probabilities (N, K), or predicted numbers (N, 1).
        labels: (N,).
        classes: their names; none for numbers.
        folder: for confusion, accuracy and calibration, or answers, each .png and .svg.
    """
    if not classes:
        return save_figure(charts.answers(outputs[:, 0], labels), folder / "answers")
    found = score(as_logits(outputs), labels.astype(int))
    right, count, _ = (numbers.tolist() for numbers in found.of_classes())
    present = [i for i in range(len(classes)) if count[i]]
    names = [f"{classes[i]} ({count[i]})" for i in present]
    intervals = [wilson(right[i], count[i]) for i in present]
    bins = reliability(outputs, labels)
    figures = {
        "accuracy": charts.class_accuracies(names, intervals, found.accuracy.value),
        "calibration": charts.calibration(bins, expected_calibration_error(bins)),
    }
    if len(classes) <= READABLE:
        figures["confusion"] = charts.confusion(found.confusion, classes)
    return [path for name, figure in figures.items() for path in save_figure(figure, folder / name)]


def choose(outputs: np.ndarray, dataset: LabelledDataset, count: int) -> list[int]:
    """The items to show: the hardest mistakes, then in turn one of each class.

    Args:
        outputs: the probabilities (B, K), the predicted numbers (B, 1), or errors of images first (B, K).
        dataset: the B items.
        count: how many at most.

    Returns:
        indices.
    """
    labels = dataset.labels
    if dataset.schema.target != "class":
        truth = labels if dataset.schema.target == "number" else 0
        errors, order = np.nan_to_num(np.abs(outputs[:, 0] - truth)), np.arange(len(labels))
        wrong = order
    else:
        errors = 1 - np.where(labels >= 0, outputs[np.arange(len(labels)), labels], 1.0)
        wrong = np.flatnonzero((outputs.argmax(1) != labels) & (labels >= 0))
        turn = np.zeros(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            turn[members] = np.arange(len(members))
        order = np.lexsort((labels, turn))
    chosen = wrong[np.argsort(-errors[wrong], kind="stable")][:_MISTAKES].tolist()
    taken = set(chosen)
    return (chosen + [int(i) for i in order if int(i) not in taken])[:count]
