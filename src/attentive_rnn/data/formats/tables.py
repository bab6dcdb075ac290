"""Tables in text files: .csv, .tsv and .txt, with or without a line of names."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from ..io.files import decompress, quoted

_ABSENT = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True)
class TextTable:
    """The fields of a text file: ``names`` if its first line has some, ``rows`` and the ``lines`` they are in."""

    names: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]


def parse(data: bytes, where: str) -> TextTable:
    """Split the bytes of a text file into fields.

    The separator is the one of comma, semicolon and tab that is most frequent in the first line, or else spaces.
    Lines that begin with # are comments. The first line has the names if one of its fields is not a number.

    Raises:
        DataError: the file is empty, not text, or its lines differ in the number of fields.

    Example:
        >>> parse(b"x;y\\n1;2\\n3;4\\n", "a.csv")
        TextTable(names=('x', 'y'), rows=[['1', '2'], ['3', '4']], lines=[2, 3])
    """
    data = decompress(data, where)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{where}, line {number}: is not text in UTF-8; save the file as UTF-8") from error
    rows: list[list[str]] = []
    lines: list[int] = []
    for number, row in _split(text, where):
        if not any(row) or row[0].startswith("#"):
            continue
        if rows and len(row) != len(rows[0]):
            raise DataError(
                f"{where}, line {number}: {len(row)} fields, but line {lines[0]} has {len(rows[0])}; "
                "the line may be truncated"
            )
        rows.append(row)
        lines.append(number)
    if not rows:
        raise DataError(f"{where}: is empty")
    if all(_is_number(field) for field in rows[0]):
        return TextTable(None, rows, lines)
    if len(set(rows[0])) < len(rows[0]):
        raise DataError(f"{where}, line {lines[0]}: two columns have the same name")
    if len(rows) == 1:
        raise DataError(f"{where}: has names in line {lines[0]}, but no values after them")
    return TextTable(tuple(rows[0]), rows[1:], lines[1:])


def numbers(texts: Sequence[str], place: Callable[[int], str]) -> np.ndarray:
    """The numbers (n,) float64 of n fields, NaN where one is empty, ``?``, ``NA`` and the like.

    Raises:
        DataError: a field is something else; ``place(i)`` says where field i is.
    """
    try:
        if not any("_" in text for text in texts):  # float() also reads 1_000
            return np.array(texts, dtype=np.float64)
    except ValueError:
        pass
    values = np.empty(len(texts))
    for i, text in enumerate(texts):
        if not _is_number(text):
            raise DataError(f"{place(i)} is {quoted(text)}, not a number")
        values[i] = np.nan if text.lower() in _ABSENT else float(text)
    return values


def _is_number(text: str) -> bool:
    if text.lower() in _ABSENT:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _split(text: str, where: str) -> list[tuple[int, list[str]]]:
    lines = text.splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    separator = max(",;\t", key=first.count)
    if separator not in first:
        return [(number, line.split()) for number, line in enumerate(lines, 1)]
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        return [(reader.line_num, [field.strip() for field in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"{where}, line {reader.line_num}: {error}") from error
