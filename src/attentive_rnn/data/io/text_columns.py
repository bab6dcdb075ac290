"""Tables of plain text by polars: the answers of :mod:`attentive_rnn.data.io.text`, sooner and in less memory.

Input: the bytes of a text file. Output: its columns, kept as texts, with numbers made of a whole column at a time where
all its fields are plain numbers; None where the file has anything that is not plain, or polars is not installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from ...errors import DataError, installed
from .cells import absent
from .memory import check_memory
from .text import TextTable, parse_table, separator_of

_HEAD = 40  # lines that tell what the first line is
_LEAST = 2**16  # bytes: smaller files are read before polars is imported
# Quotes, comments, empty lines, and what Python takes for the end of a line or for a space and polars does not.
_NOT_PLAIN = (*(bytes([code]) for code in b'"#\0\x0b\x0c\x1c\x1d\x1e\x1f'), b"\n\n", b"\n\r\n")
_CELL = 40  # bytes that a field takes, as a text and as a number


class TextColumn(Sequence[str]):
    """The texts of a column, of which Python's are made only when they are asked for.

    Args:
        series: of polars, of texts without nulls.
    """

    def __init__(self, series: Any) -> None:
        self._series = series

    def __len__(self) -> int:
        return len(self._series)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> TextColumn: ...
    def __getitem__(self, index: int | slice) -> str | TextColumn:
        if isinstance(index, slice):
            return TextColumn(self._series[index])
        text: str = self._series[int(index)]
        return text

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    @cached_property
    def texts(self) -> list[str]:
        """The texts as a list."""
        found: list[str] = self._series.to_list()
        return found

    def numbers(self) -> np.ndarray | None:
        """The column as float64, NaN where there is no value; None unless every other field is a plain number."""
        import polars as pl

        made = self._series.cast(pl.Float64, strict=False)
        if made.null_count():
            rest = self._series.filter(made.is_null()).unique().to_list()
            if not all(map(absent, rest)):
                return None
        values: np.ndarray = made.fill_null(float("nan")).to_numpy(writable=True)
        return values

    def at(self, rows: np.ndarray) -> list[str]:
        """The texts of some rows."""
        found: list[str] = self._series.gather(rows).to_list()
        return found

    def count(self, value: Any) -> int:
        """How many rows have a text; of a function, for how many texts it is true."""
        counts = self._series.value_counts(name="rows")
        applies = value if callable(value) else value.__eq__
        return sum(rows for text, rows in counts.iter_rows() if applies(text))

    def holds(self, part: str) -> bool:
        """Whether a part is in any of the texts."""
        return bool(self._series.str.contains(part, literal=True).any())

    def differ(self, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Whether the texts of some rows and of others are not the same, bool (n,)."""
        found: np.ndarray = (self._series.gather(rows) != self._series.gather(others)).to_numpy()
        return found

    def codes(self) -> tuple[np.ndarray, list[str]]:
        """The number of each text, int64 (n,), and the different texts in the order of their first rows."""
        import polars as pl

        names = self._series.unique(maintain_order=True)
        numbers = self._series.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
        return numbers, names.to_list()


@dataclass(frozen=True)
class PlainTable:
    """The columns of a plain text file.

    Args:
        head: its first lines as :func:`parse_table` takes them: names, notes.
        columns: the fields of each column by its name.
        lines: where these lines are in the file.
    """

    head: TextTable
    columns: dict[str, TextColumn]
    lines: range


def plain_table(data: bytes, where: str, header: bool | None) -> PlainTable | None:
    """The columns of a text file with a line of names, if there is nothing in it that is to be looked at closely.

    Args:
        data: the bytes, unpacked.
        where: the name of the file in messages.
        header: as for :func:`parse_table`.
    """
    if len(data) < _LEAST or header is False or not installed("polars"):
        return None
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.isascii() or any(one in data for one in _NOT_PLAIN) or data.startswith((b"\n", b"\r\n")):
        return None
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    lines = data.split(b"\n", _HEAD)[:_HEAD]
    separator = separator_of(lines[0].decode())
    if separator not in lines[0].decode():
        return None
    try:
        head = parse_table(b"\n".join(lines), where, header, packed=False)
    except DataError:
        return None
    if not head.names or head.numbered or head.notes or head.names[-1] == "" or head.lines[0] != 2:
        return None
    check_memory(_CELL * (data.count(separator.encode()) + data.count(b"\n")), where, "its table")
    table = _read(data, separator, len(head.names))
    if table is None:
        return None
    columns = {name: TextColumn(series) for name, series in zip(head.names, table, strict=True)}
    return PlainTable(head, columns, range(2, 2 + len(table[0])))


def _read(data: bytes, separator: str, count: int) -> list[Any] | None:
    """The columns as texts; None where a line has another number of fields."""
    import polars as pl

    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            skip_lines=1,
            schema=dict.fromkeys(map(str, range(count)), pl.String()),
            separator=separator,
            quote_char=None,
            empty_string_is_null=False,
            extra_columns="raise",
        )
    except pl.exceptions.PolarsError:
        return None
    # Of lines with fields too many there is an error; so with as many separators as there are to be, none has too few.
    first = data.index(b"\n")
    if frame.width != count or data.count(separator.encode(), first) != frame.height * (count - 1):
        return None
    texts = frame.get_columns()
    if b" " in data or (separator != "\t" and b"\t" in data):
        texts = [one.str.strip_chars(" \t") for one in texts]
    return texts
