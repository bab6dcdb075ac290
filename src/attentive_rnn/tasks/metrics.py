"""Scores of a classifier and their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

MATRIX = 200  # the most classes whose confusion matrix is written
CONFUSED = 100  # of more classes, the most confused pairs that are written instead
Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution
Z99 = 2.5758293035489004  # the 99.5 % quantile


class Interval(NamedTuple):
    """A value and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """The fit of predictions to labels.

    Args:
        count: the number of sequences.
        accuracy: share of them that are right, with Wilson's 95 % interval.
        mean_class_accuracy: mean of the classes' own accuracies, over the classes that the sequences have.
        loss: mean cross-entropy, in nats.
        classes: their number, K.
        answers: (P, 3) int64, for each pair of a true and a predicted class that occurs both and how often, in order.
    """

    count: int
    accuracy: Interval
    mean_class_accuracy: float
    loss: float
    classes: int
    answers: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """Counts (K, K), a row for each true class and a column for each predicted one."""
        counts = np.zeros((self.classes, self.classes), dtype=np.int64)
        counts[self.answers[:, 0], self.answers[:, 1]] = self.answers[:, 2]
        return counts

    def of_classes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The right answers, the sequences and the predictions of each class, three int64 (K,)."""
        true, predicted, times = self.answers.T
        right, count, taken = np.zeros((3, self.classes), dtype=np.int64)
        np.add.at(count, true, times)
        np.add.at(taken, predicted, times)
        np.add.at(right, true, times * (true == predicted))
        return right, count, taken

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain values that JSON can hold.

        They grow with K, not with its square: of more than 200 classes "confusion" is left out, and "class_right",
        "class_count", "class_predicted" (K,) and the 100 most frequent mistakes, "confused", as [true, predicted,
        times], take its place.
        """
        if self.classes <= MATRIX:
            confusion: dict[str, Any] = {"confusion": self.confusion.tolist()}
        else:
            right, count, taken = self.of_classes()
            wrong = self.answers[self.answers[:, 0] != self.answers[:, 1]]
            worst = wrong[np.argsort(-wrong[:, 2], kind="stable")[:CONFUSED]]
            counts = {"class_right": right, "class_count": count, "class_predicted": taken, "confused": worst}
            confusion = {key: values.tolist() for key, values in counts.items()}
        return {
            "count": self.count,
            "accuracy": self.accuracy.value,
            "accuracy_interval_95": [self.accuracy.low, self.accuracy.high],
            "mean_class_accuracy": self.mean_class_accuracy,
            "loss": self.loss,
            **confusion,
        }


def of_classes(test: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """The right answers and the items of each class, from the "test" of a results.json."""
    if "confusion" not in test:
        return test["class_right"], test["class_count"]
    rows = test["confusion"]
    return [row[i] for i, row in enumerate(rows)], [sum(row) for row in rows]


class ClassScores(NamedTuple):
    """The scores of one class; None where there is nothing to divide by.

    Args:
        name: of the class.
        precision: share of the predictions of the class that are right.
        recall: share of the class's sequences that are predicted as it.
        f1: their harmonic mean.
        support: the class's sequences.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def class_scores(test: Mapping[str, Any]) -> list[ClassScores]:
    """The scores of each class, from the "test" of a results.json.

    Example:
        >>> one, _ = class_scores({"classes": ["up", "down"], "confusion": [[3, 1], [0, 4]]})
        >>> one
        ClassScores(name='up', precision=1.0, recall=0.75, f1=0.8571428571428571, support=4)
    """
    right, count = of_classes(test)
    if "confusion" in test:
        taken: list[int | None] = [sum(column) for column in zip(*test["confusion"], strict=True)]
    else:
        taken = test.get("class_predicted", [None] * len(right))  # results of earlier versions have none
    found = []
    for name, r, n, p in zip(test["classes"], right, count, taken, strict=True):
        f1 = None if p is None or not n + p else 2 * r / (n + p)
        found.append(ClassScores(name, r / p if p else None, r / n if n else None, f1, n))
    return found


def confused_pairs(test: Mapping[str, Any], most: int) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: true class, predicted class and how often, from the "test" of a results.json."""
    pairs = test.get("confused")
    if pairs is None:
        rows = enumerate(test["confusion"])
        pairs = [(i, j, count) for i, row in rows for j, count in enumerate(row) if i != j and count]
        pairs.sort(key=lambda pair: -pair[2])
    names = test["classes"]
    return [(names[i], names[j], count) for i, j, count in pairs[:most]]


def score(logits: np.ndarray, labels: np.ndarray) -> Scores:
    """Scores of logits (B, K) against labels (B,) from 0 to K-1.

    A class that no sequence has is left out of the mean class accuracy: it has no accuracy, and predicting it
    already counts against the classes that the sequences are of.

    Example:
        >>> scores = score(np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 2.0]]), np.array([0, 1]))
        >>> scores.accuracy.value, scores.mean_class_accuracy, scores.confusion[1].tolist()
        (0.5, 0.5, [0, 0, 1])
    """
    logits = logits.astype(np.float64)
    count, classes = logits.shape
    predicted = logits.argmax(1)
    pairs, times = np.unique(labels.astype(np.int64) * classes + predicted, return_counts=True)
    shifted = logits - logits.max(1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    scores = Scores(
        count=count,
        accuracy=wilson(int((predicted == labels).sum()), count),
        mean_class_accuracy=math.nan,
        loss=float(-log_probability[np.arange(count), labels].mean()),
        classes=classes,
        answers=np.stack([pairs // classes, pairs % classes, times], axis=1),
    )
    right, known, _ = scores.of_classes()
    present = known > 0
    return replace(scores, mean_class_accuracy=float((right[present] / known[present]).mean()))


def wilson(right: int, count: int, z: float = Z95) -> Interval:
    """Share of `right` among `count` and Wilson's score interval, of 95 % unless z is another quantile.

    .. math:: \\frac{p + z^2/2n \\pm z \\sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.

    Example:
        >>> [round(x, 4) for x in wilson(81, 263)]
        [0.308, 0.2553, 0.3662]
    """
    p = right / count
    centre = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return Interval(p, max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half)))


def differ(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two shares, each right answers among a count, differ more than chance would let them in 99 of 100 cases.

    The interval of their difference is Newcombe's, of two score intervals, and does not hold 0.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 1998, method 10.

    Example:
        >>> differ((8, 8), (61, 100)), differ((95, 100), (61, 100))
        (False, True)
    """
    low, high = sorted((wilson(*one, z=Z99), wilson(*other, z=Z99)))
    return high.value - low.value > math.hypot(high.value - high.low, low.high - low.value)


class Errors(NamedTuple):
    """The mean absolute error of numbers that were predicted, their mean squared error, and how many they are."""

    mae: float
    mse: float
    size: int


def errors_differ(one: Errors, other: Errors) -> bool:
    """Whether the absolute errors of two parts differ more than chance would let them in 99 of 100 cases.

    By Student's t of their means with one variance for both parts: parts of one kind have the same. So it holds for a
    part of a few items beside a large one too, where Welch's t, with a variance for each, finds ten times too many.

    Example:
        >>> errors_differ(Errors(1, 1.5, 3), Errors(1.3, 2.5, 90)), errors_differ(Errors(1, 1.5, 30), Errors(3, 14, 90))
        (False, True)
    """
    from scipy.special import stdtr  # late, as in student()

    free = one.size + other.size - 2
    squares = sum(part.size * max(0.0, part.mse - part.mae**2) for part in (one, other))  # around the means
    gap = abs(one.mae - other.mae)
    if free < 1 or gap == 0:
        return False
    error = math.sqrt(squares / free * (1 / one.size + 1 / other.size))
    return error == 0 or bool(2 * stdtr(free, -gap / error) < 0.01)


def student(values: Sequence[float]) -> Interval:
    """Mean of two or more values and its 95 % interval by Student's t.

    .. math:: \\bar x \\pm t_{n-1} s / \\sqrt n

    Example:
        >>> [round(x, 3) for x in student([1.0, 2.0, 3.0])]
        [2.0, -0.484, 4.484]
    """
    from scipy.special import stdtrit  # late: `attentive --help` shall not wait for it

    n = len(values)
    mean = float(np.mean(values))
    half = float(stdtrit(n - 1, 0.975)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def with_normal_interval(values: np.ndarray) -> Interval:
    """Mean of many values and the normal 95 % interval of the mean.

    .. math:: \\bar x \\pm z s / \\sqrt n

    Example:
        >>> [round(x, 3) for x in with_normal_interval(np.array([1.0, 2.0, 3.0, 2.0]))]
        [2.0, 1.2, 2.8]
    """
    mean = float(np.mean(values))
    half = Z95 * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Interval(mean, mean - half, mean + half)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of logits (B, K) over the classes."""
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def as_logits(shares: np.ndarray) -> np.ndarray:
    """Logits whose softmax are the class probabilities (B, K)."""
    return np.log(shares.clip(min=np.finfo(float).tiny))
