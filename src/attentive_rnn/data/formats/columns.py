"""Columns of tables and arrays: those of a file with the place of each row, and metas as columns and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...errors import ConfigError, DataError
from ..io.cells import are_times, numbers
from ..schema import Schema

META = "meta"  # the column for what is no column of its own, as JSON
_INDEX = re.compile(r"|unnamed: ?\d+[._a-z\d]*|__index_level_\d+__", re.IGNORECASE)
Kind = Literal["class", "number"]  # of a label
MANY_CLASSES = 20  # more, most of them of one sequence only, look like numbers to be predicted
# Usual names of columns that number the rows.
COUNTERS = (
    "index",
    "level_0",
    "row",
    "rows",
    "row_id",
    "row_number",
    "rownum",
    "rownames",
    "no",
    "no.",
    "nr",
    "idx",
    "x1",
    "...1",
)
_FEW_ROWS = 10  # in fewer, a column of values may count as well


def is_index_name(name: str) -> bool:
    """Whether a column has no name of its own, as the row labels that pandas writes: "", "Unnamed: 0", and so on.

    Example:
        >>> [is_index_name(name) for name in ("", "Unnamed: 0", "__index_level_0__", "x")]
        [True, True, True, False]
    """
    return _INDEX.fullmatch(name.strip()) is not None


def counts_rows(values: np.ndarray, name: str = "") -> bool:
    """Whether numbers (n,) are those of rows, not values.

    In a column without a name all whole numbers are; in one called index, row or the like those that go up one by one;
    in any other only those that do so from 0 or 1, over many rows.
    """
    if not len(values) or not np.isfinite(values).all():
        return False
    if is_index_name(name):
        return bool((values == np.round(values)).all())
    steps = bool((np.diff(values) == 1).all()) and bool(values[0] == np.round(values[0]))
    return steps and (name.strip().lower() in COUNTERS or (len(values) >= _FEW_ROWS and values[0] in (0, 1)))


def index_note(name: str) -> str:
    """The note on a column of row numbers that was left out."""
    called = f"the column {name!r}" if name.strip() else "the first column, which has no name,"
    return f"{called} numbers the rows and was left out of the features"


@dataclass(frozen=True)
class Columns:
    """A table by columns.

    Args:
        where: the file.
        unit: the name of a row in messages, "line" or "row".
        lines: its number in the file.
        values: a list of texts for each column, or an array of numbers.
        schema: that of the data set, if this package wrote the file.
        features: the columns of a frame, if this package wrote the file.
        times: the columns of numbers that are moments.
        sequence: the column that numbers the sequences, where each had a row.
        lists: the columns that were lists in such rows.
        files: the row at which each file starts, where there are several.
    """

    where: str
    unit: str
    lines: Sequence[int]
    values: dict[str, list[str] | np.ndarray]
    schema: Schema | None = None
    features: tuple[str, ...] | None = None
    times: frozenset[str] = frozenset()
    sequence: str | None = None
    lists: tuple[str, ...] = ()
    files: tuple[int, ...] = ()

    def place(self, row: int) -> str:
        """The file and the line or row, for a message."""
        return f"{self.where}, {self.unit} {self.lines[row]}"

    def texts(self, name: str) -> list[str]:
        """A column as texts."""
        values = self.values[name]
        return values if isinstance(values, list) else [str(v) for v in values.tolist()]

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64, or the DataError that names the first row that is not a number."""
        values = self.values[name]
        if isinstance(values, list):
            return numbers(values, lambda row: f"{self.place(row)}: {name}", times=True)
        return values.astype(np.float64)

    def are_numbers(self, name: str) -> bool:
        """Whether every field of a column is a number or missing."""
        try:
            self.numbers(name)
        except DataError:
            return False
        return True

    def are_times(self, name: str) -> bool:
        """Whether a column holds moments: dates, or times of day."""
        values = self.values[name]
        return are_times(values) if isinstance(values, list) else name in self.times

    def constants(
        self,
        name: str,
        order: np.ndarray,
        starts: np.ndarray,
        remedy: str = "give each part a sequence of its own",
    ) -> list[Any]:
        """The value of a column in each sequence, as texts or integers.

        Args:
            name: the column.
            order: the rows, sequence after sequence.
            starts: where in ``order`` each sequence starts.
            remedy: what to do where it changes, for the message.

        Raises:
            DataError: the column changes within a sequence.
        """
        values = self.values[name]
        column, first, changed = self._changes(name, order, starts)
        if len(changed):
            row = changed[0]
            raise DataError(
                f"{self.place(order[row])}: {name} changes from {column[first[row]]!r} to {column[row]!r} within a "
                f"sequence; {remedy}"
            )
        found = column[starts].tolist()
        if isinstance(values, list) and self.unit == "line":
            # "7" in a text file is the number that it is in other formats; "007" is a name.
            whole = all(
                text.isascii() and text.isdigit() and str(int(text)) == text for text in found if len(text) < 19
            )
            return [int(text) for text in found] if whole and max(map(len, found)) < 19 else found
        return found

    def is_constant(self, name: str, order: np.ndarray, starts: np.ndarray) -> bool:
        """Whether a column never changes within a sequence; arguments as for :meth:`constants`."""
        return not len(self._changes(name, order, starts)[2])

    def _changes(self, name: str, order: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A column in order, for each row the first one of its sequence, and the rows that differ from that."""
        column = np.array(self.values[name], dtype=object)[order]
        first = np.repeat(starts, np.diff([*starts, len(order)]))
        known = column == column  # false for NaN, which is as constant as any other value
        return column, first, np.flatnonzero((column != column[first]) & (known | known[first]))

    def called(self, name: str, key: str) -> str:
        """The name itself if there is such a column, or the ConfigError that lists those there are."""
        if name not in self.values:
            shown = ", ".join(list(self.values)[:20])
            raise ConfigError(f"{self.where}: there is no column {name!r} (given as {key}); there are {shown}")
        return name


def to_columns(metas: Sequence[Mapping[str, Any]], reserved: Sequence[str]) -> dict[str, list[int] | list[str]]:
    """Columns with an entry for each sequence; :func:`from_columns` gives the metas back.

    A key that every sequence has, always as an int or always as a text, is a column; what remains is JSON in the
    column "meta".
    """
    columns: dict[str, list[int] | list[str]] = {}
    plain = [{key: _plain(value) for key, value in meta.items()} for meta in metas]
    for key in dict.fromkeys(key for meta in plain for key in meta):
        values = [meta.get(key) for meta in plain]
        small = all(type(v) is int and -(2**63) <= v < 2**63 for v in values)
        # NumPy drops NUL at the end of a text.
        text = all(type(v) is str and not v.endswith("\0") for v in values)
        if (small or text) and key.isidentifier() and key not in (META, *reserved):
            columns[key] = values  # type: ignore[assignment]
    rest = [{key: value for key, value in meta.items() if key not in columns} for meta in plain]
    if any(rest):
        columns[META] = [json.dumps(meta, ensure_ascii=False) for meta in rest]
    return columns


def from_columns(columns: Mapping[str, Sequence[Any]], count: int, where: str) -> list[dict[str, Any]]:
    """The metas of ``count`` sequences.

    Raises:
        DataError: the column "meta" is not JSON objects.
    """
    metas: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, values in columns.items():
        for i, value in enumerate(values):
            if key != META:
                metas[i][key] = value
                continue
            try:
                rest = json.loads(value)
                metas[i].update(rest)
            except (TypeError, ValueError, RecursionError) as error:
                raise DataError(f"{where}: meta of sequence {i} is not a JSON object ({error})") from error
    return metas


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
