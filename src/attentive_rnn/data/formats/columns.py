"""Columns of tables and arrays: those of a file with the place of each row, and metas as columns and back."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ..io.cells import (
    Decimal,
    absent,
    are_times,
    fault,
    first_thousands,
    has_decimal_commas,
    is_fault,
    is_time,
    is_unclear,
    mostly_values,
    parse,
)
from ..io.files import quoted
from ..io.text_columns import TextColumn
from ..schema import Schema, has_control_characters

META = "meta"  # the column for what is no column of its own, as JSON
_MADE_UP = re.compile(r"column \d+")  # the name of a column without one


@dataclass(frozen=True)
class Columns:
    """A table by columns.

    Args:
        where: the file.
        unit: the name of a row in messages, "line" or "row".
        lines: its number in the file.
        values: the texts of each column, or an array of numbers.
        schema: that of the data set, if this package wrote the file.
        features: the columns of a frame, if this package wrote the file.
        times: the columns of numbers that are moments.
        sequence: the column that numbers the sequences, where each had a row.
        lists: the columns that were lists in such rows.
        shards: the row at which each shard of a table starts, where there are several.
        decimal: how numbers in texts are written; see :func:`attentive_rnn.data.io.cells.numbers`.
        files: the files whose rows these are, one after the other, if there are several, ...
        starts: ... and the first row of each.
    """

    where: str
    unit: str
    lines: Sequence[int]
    values: Mapping[str, list[str] | TextColumn | np.ndarray]
    schema: Schema | None = None
    features: tuple[str, ...] | None = None
    times: frozenset[str] = frozenset()
    sequence: str | None = None
    lists: tuple[str, ...] = ()
    shards: tuple[int, ...] = ()
    decimal: Decimal | None = None
    files: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    _parsed: dict[str, tuple[np.ndarray, list[int]]] = field(default_factory=dict, repr=False)
    _numbers: dict[str, np.ndarray | None] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in self.values:
            if has_control_characters(name):
                raise DataError(
                    f"{self.where}: the name of the column {quoted(name)} has control characters; rename it"
                )

    def place(self, row: int) -> str:
        """The file and the line or row, for a message."""
        where = self.files[bisect_right(self.starts, row) - 1] if self.files else self.where
        return f"{where}, {self.unit} {self.lines[row]}"

    def texts(self, name: str) -> list[str]:
        """A column as texts."""
        values = self.values[name]
        if isinstance(values, TextColumn):
            return values.texts
        return values if isinstance(values, list) else [str(v) for v in values.tolist()]

    def parsed(self, name: str) -> tuple[np.ndarray, list[int]]:
        """A column as float64, NaN where there is no value or what is no number; and the rows of the latter."""
        if name not in self._parsed:
            values = self.values[name]
            if isinstance(values, np.ndarray):
                self._parsed[name] = values.astype(np.float64), []
            elif (plain := self._plain(name)) is not None:
                self._check_points(name)
                self._parsed[name] = plain, []
            else:
                self._check_points(name)
                texts = self.texts(name)
                found = parse(texts, times=True, decimal=self.decimal)
                if found[1] and self.decimal is None and is_unclear(texts[found[1][0]]) and self._has_sure_commas:
                    found = parse(texts, times=True, decimal="comma")
                self._parsed[name] = found
        return self._parsed[name]

    def _check_points(self, name: str) -> None:
        """Refuse 1.234 in a column without commas, where others have decimal commas, so that it can be 1234."""
        row = None if self.decimal or not self._has_decimal_commas else first_thousands(self.texts(name))
        if row is not None and not has_decimal_commas(self.texts(name)):
            text = self.texts(name)[row]
            raise DataError(
                f"{self.place(row)}: {name} is {quoted(text)}, but other columns have decimal commas: --option "
                f"decimal=comma reads {text.replace('.', '')}; if it is not, write {text.replace('.', ',')}"
            )

    @cached_property
    def _has_decimal_commas(self) -> bool:
        texts = (v for v in self.values.values() if not isinstance(v, np.ndarray))
        return any(has_decimal_commas(v) for v in texts if not isinstance(v, TextColumn) or v.holds(","))

    @cached_property
    def _has_sure_commas(self) -> bool:
        """Whether a column has decimal commas that can be nothing else, as in 0,5; then 8,837 of another is 8.837."""
        columns = (self.texts(name) for name, v in self.values.items() if not isinstance(v, np.ndarray))
        return any(
            has_decimal_commas(texts) and not all(is_unclear(text) for text in texts if "," in text)
            for texts in columns
        )

    def _plain(self, name: str) -> np.ndarray | None:
        """A column of texts as float64, if it was read by polars and all its fields are plain numbers or no value."""
        values = self.values[name]
        if name not in self._numbers and isinstance(values, TextColumn) and self.decimal != "comma":
            self._numbers[name] = values.numbers()
        return self._numbers.get(name)

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64, or the DataError that names the first row that is not a number."""
        values, faults = self.parsed(name)
        if faults:
            raise DataError(self.fault(name, faults[0]))
        return values

    def forget(self, name: str) -> None:
        """Free the memory of a column's numbers."""
        self._parsed.pop(name, None)
        self._numbers.pop(name, None)

    def missing(self, name: str) -> int:
        """The rows in which a column has no value, by :func:`attentive_rnn.data.io.cells.absent`."""
        values = self.values[name]
        if isinstance(values, TextColumn):
            return values.count(absent)
        return sum(count for text, count in Counter(self.texts(name)).items() if absent(text))

    def codes(self, name: str) -> tuple[np.ndarray, list[str]]:
        """The number of each text of a column, int64 (rows,), and the different texts in the order of their rows."""
        values = self.values[name]
        if isinstance(values, TextColumn):
            return values.codes()
        texts = self.texts(name)
        number = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        return np.array([number[text] for text in texts], dtype=np.int64), list(number)

    def fault(self, name: str, row: int) -> str:
        """The message on a field that is no number."""
        return fault(f"{self.place(row)}: {name}", self.texts(name)[row])

    def are_numbers(self, name: str, constant: bool = False) -> bool:
        """Whether a column is one of numbers: all its fields, or most of them, so that the others are faults.

        Texts that are ``constant`` within each sequence, most of them numbers, are names; but not where some are
        numbers that are written in another way than the rest.
        """
        faults = self.parsed(name)[1]
        if not faults:
            return True
        texts = self.texts(name)
        if constant and all(is_fault(texts[row]) or is_time(texts[row]) for row in faults):
            return False
        return mostly_values(texts)

    def are_times(self, name: str) -> bool:
        """Whether a column holds moments: dates, or times of day."""
        values = self.values[name]
        if isinstance(values, np.ndarray):
            return name in self.times
        return self._plain(name) is None and are_times(self.texts(name))

    def is_nameless(self, name: str) -> bool:
        """Whether a column has no name, or one that was made up from its place."""
        return not name.strip() or _MADE_UP.fullmatch(name) is not None

    def constants(
        self, name: str, order: np.ndarray, starts: np.ndarray, advice: str = "give each part a sequence of its own"
    ) -> list[Any]:
        """The value of a column in each sequence, as texts or integers.

        Args:
            name: the column.
            order: the rows, sequence after sequence.
            starts: where in ``order`` each sequence starts.
            advice: what to do where it is not constant, for the message.

        Raises:
            DataError: the column changes within a sequence.
        """
        values = self.values[name]
        first, changed = self._changes(name, order, starts)
        if len(changed):
            row = changed[0]
            before, after = (quoted(str(values[order[i]])) for i in (first[row], row))
            raise DataError(
                f"{self.place(order[row])}: {name} changes from {before} to {after} within a sequence; {advice}"
            )
        if isinstance(values, np.ndarray):
            return values[order[starts]].tolist()
        found = values.at(order[starts]) if isinstance(values, TextColumn) else [values[i] for i in order[starts]]
        if self.unit == "line":
            # "7" in a text file is the number that it is in other formats; "007" is a name.
            whole = all(
                text.isascii() and text.isdigit() and str(int(text)) == text for text in found if len(text) < 19
            )
            return [int(text) for text in found] if whole and max(map(len, found)) < 19 else found
        return found

    def is_constant(self, name: str, order: np.ndarray, starts: np.ndarray) -> bool:
        """Whether a column never changes within a sequence; arguments as for :meth:`constants`."""
        numbers = self._plain(name)
        if numbers is not None:  # other numbers are other texts, and soon told
            moved = numbers[order]
            first = np.repeat(moved[starts], np.diff([*starts, len(order)]))
            if ((moved != first) & ~(np.isnan(moved) & np.isnan(first))).any():
                return False
        return not len(self._changes(name, order, starts)[1])

    def _changes(self, name: str, order: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each place in order the first one of its sequence, and the places whose value differs from that."""
        values = self.values[name]
        first = np.repeat(starts, np.diff([*starts, len(order)]))
        if isinstance(values, TextColumn):
            return first, np.flatnonzero(values.differ(order, order[first]))
        column = (np.array(values, dtype=object) if isinstance(values, list) else values)[order]
        known = column == column  # false for NaN, which is as constant as any other value
        return first, np.flatnonzero((column != column[first]) & (known | known[first]))

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
