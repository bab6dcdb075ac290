"""Text files: decoding, lines of numbers, and tables with or without a line of names."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import DataError, counted
from .cells import absent, is_value
from .files import decompress, quoted
from .memory import check_memory

_HEAD = 4096  # bytes that tell the encoding
_UNITS_ABOVE = 20  # rows that are looked at for a row of units above them
_CELL = 100  # bytes that a field of a table takes as a text of its own


def encoding(data: bytes) -> str:
    """The encoding of a text by its first bytes: UTF-8, or UTF-16 with a byte-order mark or with every second byte 0.

    Example:
        >>> encoding("x,y".encode("utf-16-le")), encoding(b"x,y")
        ('utf-16-le', 'utf-8-sig')
    """
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    head = data[:_HEAD]
    first, second = head[::2].count(0), head[1::2].count(0)
    # Digits, separators and Latin letters have a byte 0 each; other characters have none.
    if min(first, second) or 2 * max(first, second) < len(head) // 2:
        return "utf-8-sig"
    return "utf-16-le" if second else "utf-16-be" if first else "utf-8-sig"


def decode(data: bytes, where: str, hint: str = "save the file as UTF-8") -> str:
    """The text of bytes in UTF-8 or UTF-16, with or without a byte-order mark.

    Raises:
        DataError: they are not; the message has the line of the fault and the hint.
    """
    kind = encoding(data)
    if kind != "utf-8-sig":
        try:
            return data.decode(kind)
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: begins as a text in UTF-16, but is damaged; {hint}") from error
    try:
        return data.decode(kind)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{where}, line {line}: is not text in UTF-8; {hint}") from error


def text_lines(data: bytes, where: str) -> list[str]:
    """The lines of an ASCII text, without their ends."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{where}, line {line}: is not text; the file may be damaged") from error
    return text.removesuffix("\n").split("\n")


def parse_rows(data: bytes, where: str, columns: int, separator: str | None = None) -> np.ndarray:
    """The numbers of a text, float64 (lines, columns); empty lines are passed over.

    Raises:
        DataError: not text, no line, a line with another count of numbers, or what is no finite number in
            float32's range; the message has the line number.

    Example:
        >>> parse_rows(b"1 2\\n3 4\\n", "here", columns=2).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    numbered = [(i, line.strip()) for i, line in enumerate(text_lines(data, where), start=1)]
    numbered = [(i, line.rstrip(separator)) for i, line in numbered if line]
    rows = [line.split(separator) for _, line in numbered]
    if not rows:
        raise DataError(f"{where}: is empty; expected lines of {counted(columns, 'number')}")
    for (i, _), row in zip(numbered, rows, strict=True):
        if len(row) != columns:
            held = counted(len(row), "number")
            raise DataError(f"{where}, line {i}: has {held}, expected {columns}; the file may be truncated")
    try:
        values = np.array(rows, dtype=np.float64)
        fits = np.abs(values) <= np.finfo(np.float32).max
    except ValueError:
        fits = np.array([[_is_finite(v) for v in row] for row in rows])
    if not fits.all():
        row, column = np.argwhere(~fits)[0]
        line = numbered[int(row)][0]
        raise DataError(f"{where}, line {line}: {quoted(rows[int(row)][int(column)])} is not a finite number")
    return values


_FRACTION = re.compile(r"[+-]?\d*[.]\d+([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+([.]0*)?")


@dataclass(frozen=True)
class TextTable:
    """The fields of a text file.

    Args:
        names: those in its first line, if it has some.
        rows: the fields of each other line.
        lines: where these lines are in the file.
        numbered: whether the names are numbers, 0, 1, ..., so that the line could have been values as well.
        unclear: why the first line, which was taken for values, could as well be names; "" if it could not.
        notes: what was left out.
    """

    names: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]
    numbered: bool = False
    unclear: str = ""
    notes: tuple[str, ...] = ()

    def columns(self) -> dict[str, list[str]]:
        """The fields of each column by its name, "column 1", ... where it has none."""
        names = self.names or tuple(f"column {i}" for i in range(1, len(self.rows[0]) + 1))
        return dict(zip(names, map(list, zip(*self.rows, strict=True)), strict=True))


def header_note(where: str) -> str:
    """The note on a file whose first line is numbers and was taken for names."""
    return (
        f"{where}: the first line, which counts the columns, was taken for their names; --option header=false makes it "
        "values"
    )


def parse_table(data: bytes, where: str, header: bool | None = None, packed: bool = True) -> TextTable:
    """Split the bytes of a text file into fields.

    The separator is the one of comma, semicolon and tab that is most frequent in the first line, or else spaces.
    Lines that begin with # are comments; one with as many names as there are columns, right above a first line of
    values, has their names, as numpy.savetxt writes them. A line of separators only is a row without values, an empty
    line is none. The first line has the names if one of its fields is not a number, or if it counts the columns:
    0, 1, 2, ..., as pandas writes them, or 1, 2, ... or 2, 1, 0 above values that are no whole numbers. Other whole
    numbers, each once, above such values can be names or values. A comma at the end of each line makes no column.

    Args:
        data: the bytes.
        where: the name of the file in messages.
        header: whether the first line has the names; None: it is told as said above.
        packed: whether bytes of a name that ends in .gz or .xz are compressed.

    Raises:
        DataError: the file is empty, not text, or its lines differ in the number of fields.

    Example:
        >>> table = parse_table(b"x;y\\n1;2\\n3;4\\n", "a.csv")
        >>> table.names, table.rows, table.lines
        (('x', 'y'), [['1', '2'], ['3', '4']], [2, 3])
    """
    text = decode(decompress(data, where) if packed else data, where)
    if "\0" in text:
        raise DataError(f"{where}: holds NUL bytes: it is no text, or damaged; save it as UTF-8")
    rows: list[list[str]] = []
    lines: list[int] = []
    above: list[str] = []
    for number, row in _split(text, where):
        if row and row[0].startswith("#"):
            above = above if rows else row
            continue
        one = bool(rows) and len(rows[0]) == 1  # column, where "" in quotes is a row without a value
        if not row or (row == [""] and not one):
            continue
        if rows and len(row) == len(rows[0]) + 1 and row[-1] == "" and header is not False:
            row.pop()  # a separator after the last value, which the line of names has not
        if rows and len(row) != len(rows[0]):
            raise DataError(
                f"{where}, line {number}: {counted(len(row), 'field')}, but line {lines[0]} has {len(rows[0])}; "
                + (
                    "the line may be truncated"
                    if len(row) < len(rows[0])
                    else "if commas are decimal commas, put semicolons between the fields, or the fields in quotes"
                )
            )
        rows.append(row)
        lines.append(number)
    if not rows:
        raise DataError(f"{where}: is empty")
    kind = _first_line(rows) if header is None else "names" if header else "values"
    commented = _names_in(above, len(rows[0])) if header is None and kind != "names" else ()
    if commented:
        note = f"{where}: the columns have the names of the comment above the values; --option header=false takes none"
        return TextTable(commented, rows, lines, notes=(note,))
    if kind in ("values", "unclear"):
        shown = quoted(",".join(rows[0]))
        why = f"{where}, line {lines[0]}: {shown} can be names of the columns or values: "
        why += "--option header=true takes the line for names, --option header=false for values"
        return TextTable(None, rows, lines, unclear=why if kind == "unclear" else "")
    value = next((field for field in rows[0] if _FRACTION.fullmatch(field)), None)
    if header is None and value is not None:
        raise DataError(
            f"{where}, line {lines[0]}: holds {quoted(value)}, a value, and texts, which may be names or values; "
            "--option header=true takes the line for names, --option header=false for values"
        )
    if len(rows) == 1:
        raise DataError(f"{where}: has names in line {lines[0]}, but no values after them")
    notes = _cut_empty(rows, where)
    if header is None and _holds_units(rows):
        raise DataError(
            f"{where}, line {lines[1]}: {quoted(','.join(rows[1]))} seems to hold units or further names, above "
            "values: delete the line; --option header=true keeps it as values"
        )
    if len(set(rows[0])) < len(rows[0]):
        again = max(rows[0], key=rows[0].count)
        raise DataError(f"{where}, line {lines[0]}: two columns have the name {quoted(again)}; rename one")
    return TextTable(tuple(rows[0]), rows[1:], lines[1:], kind == "numbered", notes=notes)


def _names_in(comment: list[str], count: int) -> tuple[str, ...]:
    """The names that a comment has for so many columns; none of any other comment."""
    fields = [comment[0].lstrip("# "), *comment[1:]] if comment else []
    names = tuple(field for field in fields if field)
    each_once = len(names) == count == len(set(names))
    return names if each_once and not any(map(is_value, names)) else ()


def _holds_units(rows: list[list[str]]) -> bool:
    """Whether the row after the names has texts where all of the next rows have values, and no value of its own."""
    later = rows[2:_UNITS_ABOVE]
    if len(later) < 2 or any(is_value(field) and not absent(field) for field in rows[1]):
        return False
    return any(
        not is_value(field) and all(is_value(row[i]) for row in later) and not all(absent(row[i]) for row in later)
        for i, field in enumerate(rows[1])
    )


def _cut_empty(rows: list[list[str]], where: str) -> tuple[str, ...]:
    """Cut columns without a name and without any value from the right, as commas at the end of lines make them."""
    count = 0
    while len(rows[0]) > 1 and rows[0][-1] == "" and all(absent(row[-1]) for row in rows):
        for row in rows:
            row.pop()
        count += 1
    if not count:
        return ()
    which = "the last column has" if count == 1 else f"the last {count} columns have"
    return (f"{where}: {which} no name and no values and {'was' if count == 1 else 'were'} left out",)


def _first_line(rows: list[list[str]]) -> Literal["names", "numbered", "unclear", "values"]:
    """What the first row is."""
    first, rest = rows[0], rows[1:]
    if not all(is_value(field) for field in first):
        return "names"
    if not rest:
        return "values"
    indexed = first[0] == "" and len(first) > 1  # above a row counter, which pandas writes without a name
    if indexed:
        first, rest = first[1:], [row[1:] for row in rest]
    texts = [str(i) for i in range(len(first) + 1)]
    if indexed and first == texts[:-1]:
        return "numbered"
    whole = any(all(_WHOLE.fullmatch(field) for field in row) for row in rest)
    if first == texts[:-1] and len(first) > 1:
        # 0,1 above zeros and ones can be a frame.
        return "unclear" if {field for row in rest for field in row} <= {"0", "1"} else "numbered"
    if whole or not all(_WHOLE.fullmatch(field) for field in first):
        return "values"
    if len(first) == 1:
        return "numbered" if first == ["0"] else "values"
    if first in (texts[1:], texts[-2::-1]):
        return "numbered"
    # Values that were rounded alike could be these, but not where each column has fractions below.
    fractions = all(any(_FRACTION.fullmatch(row[i]) for row in rest) for i in range(len(first)))
    return "unclear" if fractions and len(set(map(float, first))) == len(first) else "values"


def _split(text: str, where: str) -> list[tuple[int, list[str]]]:
    lines = text.splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    if told := re.fullmatch(r"sep=([,;\t])", first.strip(" ")):  # a line that Excel writes and reads
        lines[lines.index(first)] = ""
        separator = first = told[1]
    else:
        separator = separator_of(first)
    if separator not in first:
        check_memory(_CELL * sum(len(line.split()) for line in lines), where, "its table")
        return [(number, _fields(line)) for number, line in enumerate(lines, 1)]
    check_memory(_CELL * (text.count(separator) + len(lines)), where, "its table")
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        return [(reader.line_num, [field.strip() for field in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"{where}, line {reader.line_num}: {error}") from error


def _fields(line: str) -> list[str]:
    """The fields between spaces, or the only one if all of the line is in quotes."""
    quotes = re.fullmatch(r'\s*"([^"]*)"\s*', line)
    return [quotes[1].strip()] if quotes else line.split()


def separator_of(line: str) -> str:
    """The most frequent of comma, semicolon and tab, but for numbers with decimal commas between the other two."""
    for separator in ";\t":
        if separator in line and all(is_value(field.strip()) for field in line.split(separator)):
            return separator
    return max(",;\t", key=line.count)


def _is_finite(text: str) -> bool:
    try:
        return abs(float(text)) <= float(np.finfo(np.float32).max)
    except ValueError:
        return False
