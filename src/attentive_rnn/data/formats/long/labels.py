"""Labels of the sequences of a long table: class names of a column, or its numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ....errors import DataError
from ...io.cells import absent, numbers
from ...labels.kinds import Kind, Labels, kind_of
from ...recordings import REMEDY
from ...schema import Target
from ..columns import Columns
from .roles import Rows, option_sequence
from .wide import OPTION

_STATES = ("state", "status", "condition", "category", "outcome")  # names of labels, if the column has two words


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
            apart = "give each part a sequence of its own,"
            if len(rows.starts) == 1:
                sequence = option_sequence(table, {"label": name})
                apart = f"{sequence} names the column that tells the sequences apart, {OPTION};"
            table.constants(name, rows.order, rows.starts, f"{apart} or {REMEDY}")
        texts = table.texts(name)
        names = [texts[row] for row in firsts]
    kind: Target = target or kind_of(names, lambda i: table.place(firsts[i]), table.decimal)
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


def label_of_two_states(
    table: Columns, roles: Mapping[str, str], rows: Rows, features: Collection[str], *, of_frames: bool = False
) -> tuple[str | None, list[str]]:
    """The only column called "state" or the like that holds two words, such as on and off, and a note on it.

    They would be read as the numbers 1 and 0 else.

    Args:
        table: the columns.
        roles: those that have a role; if one is the label, there is no other.
        rows: the order of the rows.
        features: columns that are features by an option.
        of_frames: whether it may change within a sequence.
    """
    if "label" in roles or table.schema is not None:
        return None, []
    found = []
    for name in table.values:
        if name.strip().lower() not in _STATES or name in roles.values() or name in features:
            continue
        words = {text.lower() for text in dict.fromkeys(table.texts(name)) if not absent(text)}
        fixed = of_frames or table.is_constant(name, rows.order, rows.starts)
        if len(words) == 2 and all(word.isalpha() for word in words) and fixed:
            found.append(name)
    if len(found) != 1:
        return None, []
    keep = f"--option keep=[{found[0]}] reads it as numbers"
    return found[0], [f"{table.where}: the column {found[0]!r}, of two words, was taken for the label; {keep}"]


def _number(table: Columns, text: str, row: int) -> float:
    return float(numbers([text], lambda _: f"{table.place(row)}: the label", decimal=table.decimal)[0])


def by_number(name: str) -> tuple[float, str]:
    """The key by which names of classes are sorted: numbers first, by their size."""
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
