"""The named columns of a table, from a text file or from Parquet, and where each row is in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ..schema import Schema
from . import tables as text_table


@dataclass(frozen=True)
class Columns:
    """A table by columns.

    Args:
        where: the file.
        unit: what a row is called in messages, "line" or "row".
        lines: its number in the file.
        values: a list of texts for each column, or an array of numbers.
        schema: that of the data set, if this package wrote the file.
        features: the columns of a frame, if this package wrote the file.
    """

    where: str
    unit: str
    lines: Sequence[int]
    values: dict[str, list[str] | np.ndarray]
    schema: Schema | None = None
    features: tuple[str, ...] | None = None

    def place(self, row: int) -> str:
        """Where a row is, for a message."""
        return f"{self.where}, {self.unit} {self.lines[row]}"

    def texts(self, name: str) -> list[str]:
        """A column as texts."""
        values = self.values[name]
        return values if isinstance(values, list) else [str(v) for v in values.tolist()]

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64, or the DataError that names the first row that is not a number."""
        values = self.values[name]
        if isinstance(values, list):
            return text_table.numbers(values, lambda row: f"{self.place(row)}: {name}")
        return values.astype(np.float64)

    def are_numbers(self, name: str) -> bool:
        """Whether every field of a column is a number or missing."""
        try:
            self.numbers(name)
        except DataError:
            return False
        return True

    def constants(self, name: str, order: np.ndarray, starts: np.ndarray) -> list[Any]:
        """The value of a column in each sequence, as texts or integers.

        Args:
            name: the column.
            order: the rows, sequence after sequence.
            starts: where in ``order`` each sequence starts.

        Raises:
            DataError: the column changes within a sequence.
        """
        values = self.values[name]
        column = np.array(values, dtype=object)[order]
        first = np.repeat(starts, np.diff([*starts, len(order)]))
        changed = np.flatnonzero(column != column[first])
        if len(changed):
            row = changed[0]
            raise DataError(
                f"{self.place(order[row])}: {name} changes from {column[first[row]]!r} to {column[row]!r} within a "
                "sequence; give each part a sequence of its own"
            )
        found = column[starts].tolist()
        if isinstance(values, list) and self.unit == "line":
            # "7" in a text file is the number that it is in other formats; "007" is a name.
            whole = all(
                text.isascii() and text.isdigit() and str(int(text)) == text for text in found if len(text) < 19
            )
            return [int(text) for text in found] if whole and max(map(len, found)) < 19 else found
        return found

    def called(self, name: str, key: str) -> str:
        """The name itself if there is such a column, or the ConfigError that lists those there are."""
        if name not in self.values:
            shown = ", ".join(list(self.values)[:20])
            raise ConfigError(f"{self.where}: there is no column {name!r} (given as {key}); there are {shown}")
        return name
