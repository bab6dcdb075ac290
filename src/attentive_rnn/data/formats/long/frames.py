"""Frames of the sequences of a long table, and what is known of each sequence: the part that tables and folders share.

Input is the columns of one file, or of many joined; output the numbers of each sequence, facts about it and notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np

from ....errors import ConfigError, DataError, counted
from ...dataset import ColumnUse
from ...io.arrays import Missing, check_missing, fill
from ...io.bad_samples import BadSamples
from ...io.cells import Decimal, is_fault
from ...io.files import quoted
from ...labels.kinds import Kind, check_kind
from ...options import one_of
from ...skeletons.layouts import Layout, by_place_note, joint_order
from ..columns import META, Columns
from .roles import KNOWN, Left, Rows, divide, left_notes


@dataclass(frozen=True)
class Reading:
    """The options of a reader of tables; see :func:`attentive_rnn.data.formats.tables.read`."""

    given: Mapping[str, str | None]
    features: Sequence[str] | None = None
    keep: Sequence[str] = ()
    layout: Layout | None = None
    missing: Missing = "refuse"
    values: int | None = None
    target: Kind | None = None
    decimal: Decimal | None = None

    def check(self, where: str) -> None:
        """ConfigError for a value that an option does not take."""
        check_missing(self.missing)
        check_kind(where, self.target)
        if self.decimal is not None:
            one_of(where, "decimal", self.decimal, get_args(Decimal))
        for key in ("features", "keep"):
            names = getattr(self, key)
            if names is not None and (isinstance(names, str) or not all(isinstance(name, str) for name in names)):
                raise ConfigError(f"{where}: {key} must be a list of names, [NAME,NAME], got {names!r}")


@dataclass
class Frames:
    """The sequences of a table.

    Args:
        frame: the columns of a frame.
        cases: (T, D) float32 of each sequence, None where it was left out.
        facts: values for each sequence by their name.
        notes: what was left out, and which cells are no numbers.
        uses: what each column was taken for.
    """

    frame: list[str]
    cases: list[np.ndarray | None]
    facts: dict[str, list[Any]]
    notes: list[str]
    uses: tuple[ColumnUse, ...]


def sorted_rows(table: Columns, sequence: np.ndarray, time: str | None) -> Rows:
    """The rows, sequence after sequence in order of time.

    Args:
        table: the columns.
        sequence: the number of the sequence of each row, int (rows,).
        time: the column of the time; None: rows are in order.

    Raises:
        DataError: a time is missing, or there twice in a sequence.
    """
    moments = np.arange(len(sequence), dtype=np.float64)
    if time is not None:
        moments = table.numbers(time)
        if np.isnan(moments).any():
            raise DataError(f"{table.place(int(np.isnan(moments).argmax()))}: {time} is missing")
    order = np.lexsort((moments, sequence))
    ids, moments = sequence[order], moments[order]
    same = (ids[1:] == ids[:-1]) & (moments[1:] == moments[:-1])
    if same.any():
        row = int(same.argmax())
        first, second = table.place(order[row]), table.place(order[row + 1])
        raise DataError(
            f"{second}: {time} {moments[row]:g} is there twice in one sequence, first in {first.rpartition(', ')[2]}"
        )
    return Rows(order, np.flatnonzero(np.diff(ids, prepend=-1)))


def gather(
    table: Columns,
    roles: Mapping[str, str],
    rows: Rows,
    reading: Reading,
    bad: BadSamples,
    known: Mapping[str, Left] | None = None,
) -> Frames:
    """The frames of each sequence, facts about it and notes.

    Args:
        table: the columns; those without a role are freed.
        roles: the columns that have a role.
        rows: the order of the rows.
        reading: the options.
        bad: takes the sequences that cannot be read.
        known: columns that are no features.

    Raises:
        DataError: no column is left for the features, or a cell is no number or missing.
    """
    frame, left = divide(table, roles, rows, reading.features, reading.keep, known)
    if reading.layout is not None and table.schema is None:
        order = joint_order(frame, reading.layout, table.where, reading.values)
        frame = frame if order is None else [frame[i] for i in order]
    facts = _facts(table, roles, frame, left, rows)
    notes = left_notes(table, left)
    if reading.layout is not None and table.schema is None:
        notes += by_place_note(frame, reading.layout, table.where)
    cells = np.empty((len(rows.order), len(frame)))
    faults: dict[int, int] = {}  # the first column at fault of a row
    missing = {}
    for i, name in enumerate(frame):
        values, at_fault = table.parsed(name)
        cells[:, i] = values[rows.order]
        missing[name] = int(np.isnan(values).sum())
        for row in at_fault:
            faults.setdefault(row, i)
        if at_fault and reading.missing not in ("refuse", "skip"):
            texts = table.texts(name)
            values_too = next((row for row in at_fault if not is_fault(texts[row])), None)
            if values_too is not None:
                raise DataError(table.fault(name, values_too))
            text = quoted(texts[at_fault[0]])
            are = "is no number and counts" if len(at_fault) == 1 else "are no numbers and count"
            notes.append(
                f"{table.place(at_fault[0])}: {name} is {text}; {counted(len(at_fault), 'cell')} of this column {are} "
                "as missing"
            )
        table.forget(name)
    ends = [*rows.starts[1:], len(rows.order)]
    read = partial(_case, table, frame, cells, rows.order, faults, reading.missing)
    cases = [bad.read(partial(read, start, end)) for start, end in zip(rows.starts, ends, strict=True)]
    return Frames(frame, cases, facts, notes, _uses(table, roles, frame, left, missing))


def _case(
    table: Columns,
    frame: list[str],
    cells: np.ndarray,
    order: np.ndarray,
    faults: Mapping[int, int],
    missing: Missing,
    start: int,
    end: int,
) -> np.ndarray:
    """The frames of a sequence, float32 (T, D)."""
    if faults and missing in ("refuse", "skip"):
        row = next((row for row in order[start:end].tolist() if row in faults), None)
        if row is not None:
            raise DataError(table.fault(frame[faults[row]], row))
    return fill(cells[start:end], missing, lambda t, d: f"{table.place(order[start + t])}: {frame[d]}")


def _facts(
    table: Columns, roles: Mapping[str, str], frame: list[str], left: Mapping[str, Left], rows: Rows
) -> dict[str, list[Any]]:
    """The values of each sequence by their name: the columns with a role, and those left out that are facts."""
    facts = {}
    role_of = {column: role for role, column in roles.items()}
    features = set(frame)
    for name in table.values:
        key = role_of.get(name, f"{name}_column" if name in roles else name)  # another column may have the role
        if name in features or key in ("sequence", "time", "label"):
            continue
        if name in role_of or name == META or table.schema is not None or (name in left and left[name].fact):
            facts[key] = table.constants(name, rows.order, rows.starts)
    ids = [name for name in facts if name.strip().lower() in KNOWN["sequence"]]
    if table.sequence is not None and table.schema is None and len(ids) == 1:  # of rows that are a sequence each
        facts.setdefault("name", [str(value) for value in facts[ids[0]]])
    if "sequence" in roles and "name" not in facts and table.schema is None:
        facts["name"] = [str(value) for value in table.constants(roles["sequence"], rows.order, rows.starts)]
    return facts


def _uses(
    table: Columns, roles: Mapping[str, str], frame: list[str], left: Mapping[str, Left], missing: Mapping[str, int]
) -> tuple[ColumnUse, ...]:
    uses = dict.fromkeys(frame, "feature") | {column: role for role, column in roles.items()}
    uses |= {name: "fact" if why.fact else "left out" for name, why in left.items()}
    if "label" in roles:
        missing = {**missing, roles["label"]: table.missing(roles["label"])}
    there = [name for name in table.values if name != table.sequence or table.schema is not None]
    return tuple(ColumnUse(name, uses.get(name, "fact"), missing.get(name, 0)) for name in there)
