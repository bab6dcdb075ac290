"""Labels of sequences from texts: names of classes, or numbers to be predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ...errors import DataError
from ..io.cells import Decimal, absent, numbers, parse
from ..options import one_of
from ..schema import Target

Kind = Literal["class", "number"]  # of a label
MANY_CLASSES = 20  # more, most of them of one sequence only, look like numbers to be predicted


@dataclass(frozen=True)
class Labels:
    """The label of each sequence or frame, an index into ``classes`` (-1: none) or a number (NaN: none)."""

    values: list[float]
    classes: tuple[str, ...]
    kind: Target


def check_kind(where: str, target: Kind | None) -> Kind | None:
    """The value of the option target; ConfigError for another one."""
    if target is not None:
        one_of(where, "target", target, get_args(Kind), "; --option label=COLUMN names the column")
    return target


def too_many(known: np.ndarray) -> bool:
    """Whether labels have so many different values that they look like numbers to be predicted.

    Example:
        >>> too_many(np.arange(30)), too_many(np.arange(30) % 10)
        (True, False)
    """
    return len(np.unique(known)) > max(MANY_CLASSES, len(known) // 2)


def kind_of(labels: Sequence[str], place: Callable[[int], str], decimal: Decimal | None = None) -> Kind:
    """What labels are, unless they look like numbers to be predicted: these are refused, for both can be meant.

    Args:
        labels: texts.
        place: where one is, for the message.
        decimal: how numbers are written; see :func:`attentive_rnn.data.io.cells.numbers`.

    Raises:
        DataError: they look like numbers.

    Example:
        >>> kind_of(["1", "2", "1"], str)
        'class'
        >>> kind_of(["0.5", "2"], "day {}".format)
        Traceback (most recent call last):
        attentive_rnn.errors.DataError: day 0: the label '0.5' is no whole number; --option target=number predicts ...
    """
    values, faults = parse(labels, decimal=decimal)
    known = values[[i for i, text in enumerate(labels) if not absent(text)]]
    if faults or not len(known) or not np.isfinite(known).all():
        return "class"
    fraction = next((int(i) for i in np.flatnonzero(values % 1 > 0)), None)
    many = too_many(known)
    if fraction is None and not many:
        return "class"
    shown = labels[fraction or 0]
    raise DataError(
        f"{place(fraction or 0)}: the label {shown!r}"
        + (" is no whole number" if fraction is not None else f" is one of {len(np.unique(known))} different numbers")
        + "; --option target=number predicts labels as numbers, --option target=class takes each as a class"
    )


def labels_of_files(
    labels: Sequence[str | None],
    files: Sequence[object],
    target: Kind | None = None,
    decimal: Decimal | None = None,
) -> Labels:
    """The labels of sequences that have a file each, by its folder or a table beside it.

    Args:
        labels: texts, None for a file without one.
        files: their names in messages.
        target: what a label is; None: a class, unless it could as well be a number.
        decimal: as for :func:`kind_of`.

    Raises:
        DataError: a label is no number, or can be read in two ways.

    Example:
        >>> labels_of_files(["up", None, "down"], "abc")
        Labels(values=[1, -1, 0], classes=('down', 'up'), kind='class')
        >>> labels_of_files(["0.5", "-2"], "ab", "number").values
        [0.5, -2.0]
    """
    texts = [label or "" for label in labels]

    def place(i: int) -> str:
        return str(files[i])

    if (target or kind_of(texts, place, decimal)) == "number":
        values = numbers(texts, lambda i: f"{place(i)}: the label", decimal=decimal)
        return Labels(values.tolist(), (), "number")
    classes = tuple(sorted({label for label in labels if label is not None}))
    return Labels([-1 if label is None else classes.index(label) for label in labels], classes, "class")


def meant(labels: np.ndarray, target: Kind | None, where: str) -> tuple[np.ndarray, list[str]]:
    """Labels as floats where they are numbers to predict, else as whole numbers or texts; a note where both fit."""
    if labels.dtype.kind not in "iuf" or labels.ndim != 1:
        return labels, []
    known = labels[np.isfinite(labels)]
    whole = bool((known == np.round(known)).all()) and bool(len(known))
    count, many = len(np.unique(known)), too_many(known)
    if target == "number":
        return labels.astype(np.float64), []
    if target == "class":
        if not whole:
            raise DataError(f"{where}: labels have fractions, so they are no classes; leave out target=class")
        if set(known.tolist()) == {-1, 1}:
            return np.array([str(int(value)) if np.isfinite(value) else "" for value in labels]), []
        return np.where(np.isfinite(labels), labels, -1).astype(np.int64), []
    if labels.dtype.kind == "f" and whole and not many:
        return labels, [
            f"{where}: labels are floats, so they are numbers to predict (regression), but all of them are whole: "
            f"target=class takes them as {count} classes"
        ]
    if labels.dtype.kind != "f" and many:
        return labels, [
            f"{where}: labels are whole numbers, so they are {count} classes: target=number predicts them as numbers"
        ]
    return labels, []


def signed(labels: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """Labels in which -1 is no label, or one of the two classes -1 and 1; a note that says which."""
    missing = int((labels == -1).sum())
    if not missing or missing == labels.size:
        return labels, []
    if set(labels.tolist()) == {-1, 1}:
        return labels.astype(str), [f"{where}: labels are -1 and 1, taken as two classes"]
    return labels, [f"{where}: {missing} of {labels.size} labels are -1, taken as no label"]
