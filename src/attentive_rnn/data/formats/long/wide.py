"""Tables with a row for each sequence and a column for each frame (x_0, x_1, ...), as long tables."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from ....errors import DataError
from ...io.cells import absent
from ...io.files import quoted
from ..columns import Columns
from .roles import says

OPTION = "--option wide=true takes each line as a whole sequence, whose frames are columns such as x_0, x_1, ..."
_NUMBERED = re.compile(r"(.*?)[\s_.\-\[(]*(\d+)[\])]?")


def long(table: Columns, taken: frozenset[str] = frozenset()) -> Columns:
    """A table with a row for each frame.

    Columns of one name with different numbers are the frames of a feature, in the order of the numbers. Empty cells
    at the end of a row end its sequence. All other columns are facts about the sequence.

    Args:
        table: the columns, a row for each sequence.
        taken: columns with a role, which hold no frames.

    Raises:
        DataError: no columns are numbered so, they number other frames in one feature than in another, or a row has
            no value at all.
    """
    steps: dict[str, dict[int, str]] = {}
    for name in table.values:
        match = _NUMBERED.fullmatch(name)
        if match and name not in taken:
            columns = steps.setdefault(match[1] or "value", {})
            before = columns.setdefault(int(match[2]), name)
            if before != name:
                raise DataError(f"{table.where}: {quoted(before)} and {quoted(name)} number the same frame; rename one")
    steps = {feature: dict(sorted(columns.items())) for feature, columns in steps.items() if len(columns) > 1}
    if len(steps) == 1 and says(*steps) != "nothing":  # t0, t1, ...: values of an unnamed feature, not times
        steps = {"value": next(iter(steps.values()))}
    if not steps:
        shown = ", ".join(list(table.values)[:8])
        raise DataError(
            f"{table.where}: wide=true needs a column for each frame, such as x_0, x_1, x_2; there are {shown}"
        )
    first, *others = steps
    for other in others:
        differ = set(steps[first]) ^ set(steps[other])
        if differ:
            raise DataError(
                f"{table.where}: {first} and {other} have columns for different frames; number {min(differ)} is in "
                "one of them only"
            )
    cells = {feature: np.array([table.texts(c) for c in columns.values()]).T for feature, columns in steps.items()}
    known = ~np.all([np.vectorize(absent, otypes=[bool])(values) for values in cells.values()], axis=0)
    lengths = np.where(known, np.arange(1, known.shape[1] + 1), 0).max(axis=1, initial=0)
    if not lengths.all():
        raise DataError(f"{table.place(int(lengths.argmin()))}: has no value in any frame; leave such lines out")
    rows = np.repeat(np.arange(len(lengths)), lengths)
    inside = np.arange(known.shape[1]) < lengths[:, None]
    frames = {column for columns in steps.values() for column in columns.values()}
    rest = {
        name: values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]
        for name, values in table.values.items()
        if name not in frames
    }
    number = "sequence" if "sequence" not in rest else "row"
    made = {feature: values[inside].tolist() for feature, values in cells.items()}
    twice = [name for name in made if name in rest or name == number]
    if twice or number in rest:
        raise DataError(f"{table.where}: two columns would have the name {(*twice, number)[0]!r}; rename one")
    lines = np.asarray(table.lines)[rows].tolist()
    values = {number: rows, **rest, **made}
    return replace(table, lines=lines, values=values, sequence=number, lists=tuple(made), _parsed={}, _numbers={})
