"""How right a model is, in pictures: confusion, accuracy of each class, calibration; of numbers, answers and truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...draw.colours import BLUE, ORANGE
from ...draw.samples import new_figure
from ...tasks.metrics import wilson
from .calibration import expected_calibration_error, reliability

_GREY = "#777777"
READABLE = 40  # the most classes whose confusion matrix can be read
_NUMBERED = 25  # the most whose counts fit into the cells


def confusion(counts: np.ndarray, classes: Sequence[str]) -> Any:
    """A figure of counts (K, K): a row for each true class, a column for each predicted one; the darker, the more.

    Args:
        counts: of the test items.
        classes: their names, at most 40.
    """
    number = len(classes)
    figure = new_figure(2.6 + 0.42 * number, 1.9 + 0.36 * number)
    axis = figure.subplots()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(number), classes, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(number), classes, fontsize=8)
    axis.set_xlabel("taken for", fontsize=9)
    axis.set_ylabel("true class", fontsize=9)
    for i, j in np.argwhere(counts) if number <= _NUMBERED else ():
        axis.text(
            j, i, str(counts[i, j]), ha="center", va="center", fontsize=8, color="w" if shares[i, j] > 0.5 else "k"
        )
    return figure


def class_accuracies(counts: np.ndarray, classes: Sequence[str]) -> Any:
    """A figure with a bar for each class that has items, the least accurate below, with Wilson's 95 % intervals."""
    present = np.flatnonzero(counts.sum(1))
    found = [wilson(int(counts[i, i]), int(counts[i].sum())) for i in present]
    order = np.argsort([one.value for one in found], kind="stable")
    figure = new_figure(7, 1.2 + 0.26 * len(present))
    axis = figure.subplots()
    values = np.array([found[i] for i in order]) * 100
    errors = np.abs(values[:, 1:] - values[:, :1]).T
    axis.barh(range(len(order)), values[:, 0], xerr=errors, color=BLUE, ecolor=_GREY, capsize=2)
    names = [f"{classes[present[i]]} ({counts[present[i]].sum()})" for i in order]
    axis.set_yticks(range(len(order)), names, fontsize=8)
    axis.set_xlabel("accuracy, %; lines: 95 % intervals", fontsize=9)
    axis.set_xlim(0, 100)
    axis.axvline(100 * counts.trace() / counts.sum(), color=ORANGE, linestyle="--", linewidth=1.2)
    axis.set_title("dashed: all classes", fontsize=9, color=ORANGE)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> Any:
    """A figure of the accuracy of answers by the probability they were given with, (N, K) for labels (N,)."""
    found = reliability(probabilities, labels)
    figure = new_figure(4.6, 4.4)
    axis = figure.subplots()
    for one in found:
        axis.bar((one.low + one.high) / 2, one.accuracy, one.high - one.low - 0.01, color=BLUE)
        axis.text((one.low + one.high) / 2, 0.015, str(one.sequences), ha="center", fontsize=7, color="w")
    axis.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1)
    axis.set(xlim=(0, 1), ylim=(0, 1))
    axis.set_xlabel("probability that the model states; numbers: answers", fontsize=9)
    axis.set_ylabel("share that is right", fontsize=9)
    axis.set_title(f"expected calibration error {100 * expected_calibration_error(found):.1f} points", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def answers(predicted: np.ndarray, truth: np.ndarray) -> Any:
    """A figure of predicted numbers (N,) against true ones (N,)."""
    figure = new_figure(4.6, 4.4)
    axis = figure.subplots()
    axis.scatter(truth, predicted, s=12, color=BLUE, alpha=0.6, linewidths=0)
    ends = [float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))]
    axis.plot(ends, ends, color=_GREY, linestyle="--", linewidth=1)
    axis.set_xlabel("true number", fontsize=9)
    axis.set_ylabel("predicted number", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def figures(outputs: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """The figures that suit the answers to labelled items, by name.

    Args:
        outputs: probabilities (N, K), or predicted numbers (N, 1).
        labels: of the classes, or numbers, (N,).
        classes: names; none for numbers.
    """
    if not classes:
        return {"answers": answers(outputs[:, 0], labels)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (labels.astype(int), outputs.argmax(1)), 1)
    found = {"accuracy": class_accuracies(counts, classes), "calibration": calibration(outputs, labels)}
    return found | ({"confusion": confusion(counts, classes)} if len(classes) <= READABLE else {})
