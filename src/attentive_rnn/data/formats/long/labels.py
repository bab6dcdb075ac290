"""Labels of the sequences of a long table: class names of a column, or its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....errors import DataError
from ...io.cells import absent, numbers, parse
from ...recordings import REMEDY
from ...schema import Target
from ..columns import MANY_CLASSES, Columns, Kind
from .roles import Rows
from .wide import OPTION

SEQUENCE = "--option sequence=NAME names the column that tells the sequences apart"


@dataclass(frozen=True)
class Labels:
    """The label of each sequence or frame, an index into ``classes`` (-1: none) or a number (NaN: none)."""

    values: list[float]
    classes: tuple[str, ...]
    kind: Target


def read_labels(
    table: Columns, name: str | None, rows: Rows, target: Kind | None, *, of_frames: bool = False
) -> Labels:
    """The labels of the sequences, or of all their frames in order.

    Args:
        table: the columns; the classes are those of its schema, if it has one.
        name: the column of the labels; None: there are none.
        rows: the order of the rows.
        target: "class" or "number", what a label is; None: a class, unless it could as well be a number.
        of_frames: whether each frame has a label, which is a class.

    Raises:
        DataError: a label changes within a sequence, is none of the schema's classes, or can be read in two ways.
    """
    firsts = rows.order if of_frames else rows.order[rows.starts]
    if name is None:
        names = [""] * len(firsts)
    else:
        if not of_frames:
            apart = f"{SEQUENCE}, {OPTION};" if len(rows.starts) == 1 else "give each part a sequence of its own,"
            table.constants(name, rows.order, rows.starts, f"{apart} or {REMEDY}")
        texts = table.texts(name)
        names = [texts[row] for row in firsts]
    kind: Target = target or _kind(table, names, firsts)
    if of_frames and kind == "number":
        raise DataError(
            f"{table.where}: windows have classes, not numbers to predict: leave out window or target=number"
        )
    if table.schema is not None:
        kind, classes = table.schema.target, table.schema.classes
    else:
        known = {label for label in names if not absent(label)} if kind == "class" else set()
        classes = tuple(sorted(known, key=by_number))
    if kind == "number":
        return Labels([_number(table, label, row) for label, row in zip(names, firsts, strict=True)], (), kind)
    index = {label: i for i, label in enumerate(classes)}
    for label, row in zip(names, firsts, strict=True):
        if label not in index and not absent(label):
            raise DataError(f"{table.place(row)}: the label {label!r} is not among the classes of the file's schema")
    return Labels([index.get(label, -1) for label in names], classes, kind)


def _kind(table: Columns, labels: list[str], rows: np.ndarray) -> Kind:
    """What the labels are, unless they look like numbers to be predicted: these are refused, for both can be meant."""
    values, faults = parse(labels, decimal=table.decimal)
    known = values[[i for i, text in enumerate(labels) if not absent(text)]]
    if faults or not len(known) or not np.isfinite(known).all():
        return "class"
    fraction = next((int(i) for i in np.flatnonzero(values % 1 > 0)), None)
    many = len(np.unique(known)) > max(MANY_CLASSES, len(known) // 2)
    if fraction is None and not many:
        return "class"
    shown = labels[fraction or 0]
    raise DataError(
        f"{table.place(rows[fraction or 0])}: the label {shown!r}"
        + (" is no whole number" if fraction is not None else f" is one of {len(np.unique(known))} different numbers")
        + "; --option target=number predicts labels as numbers, --option target=class takes each as a class"
    )


def _number(table: Columns, text: str, row: int) -> float:
    return float(numbers([text], lambda _: f"{table.place(row)}: the label", decimal=table.decimal)[0])


def by_number(name: str) -> tuple[float, str]:
    """The key by which names of classes are sorted: numbers first, by their size."""
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
