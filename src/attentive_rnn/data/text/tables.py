"""Tables with a text in each row: the columns of .csv, .tsv, .jsonl, .parquet and .arrow files, and their roles.

Unlike the lines of a table of numbers, a text may begin with #, hold line breaks, or be longer than all other columns.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError, counted
from ..formats import parquet
from ..formats.columns import Columns
from ..formats.long.roles import KNOWN
from ..io import arrow
from ..io.cells import absent, is_value
from ..io.files import decompress, quoted, read_bytes, read_head
from ..io.memory import check_memory
from ..io.text import decode, encoding

_LINES = (".jsonl", ".ndjson")
_PACKED = ("", ".gz", ".xz")
SUFFIXES = (*(f"{kind}{packed}" for kind in (".csv", ".tsv", *_LINES) for packed in _PACKED), *arrow.SUFFIXES)
_HEAD, _SAMPLE = 1 << 18, 200  # bytes and rows by which a table is known
_CELL = 100  # bytes that a field takes as a text of its own
_TEXT = (
    *("text", "texts", "review", "sentence", "comment", "tweet", "message", "content", "body", "document", "utterance"),
    *("review_text", "comment_text", "tweet_text", "full_text", "clean_text", "post", "description", "abstract"),
    *("question", "headline", "title", "summary"),
)
_LABEL = ("sentiment", "category", "labels", "rating", "stars", "score", "emotion", "topic", "intent", "polarity")
_WORDS = 3  # on average, from which on the cells of a column without a usual name are texts


def is_table(path: Path) -> bool:
    """Whether a file has the name of a table."""
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path, header: bool | None = None) -> Columns:
    """The columns of a file, or of the .parquet and .arrow files of a folder, as texts.

    Args:
        path: the file or folder.
        header: whether the first line of a .csv or .tsv has names; None: it has, unless one of its fields is there
            again below it.

    Raises:
        DataError: the file is damaged or empty, or lines differ in the number of fields.
    """
    where = str(path)
    if path.is_dir() or path.suffix.lower() in arrow.SUFFIXES:
        return parquet.read_columns(path)
    text = decode(decompress(read_bytes(path), where), where)
    if "\0" in text:
        raise DataError(f"{where}: holds NUL bytes: it is no text, or damaged; save it as UTF-8")
    check_memory(_CELL * (text.count("\n") + text.count(",") + text.count("\t")), where, "its table")
    if _is_lines_of_json(path):
        return _json_columns(text, where)
    lines, rows = _rows(text, where)
    names = _names(rows, lines, where, header)
    if names is not None:
        lines, rows = lines[1:], rows[1:]
    if not rows:
        raise DataError(f"{where}: has names in its first line, but no rows after them")
    names = names or [f"column {i}" for i in range(1, len(rows[0]) + 1)]
    return Columns(where, "line", lines, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def holds_texts(path: Path) -> bool:
    """Whether a table has a text in each row, by its first rows: a column of them, most of which differ.

    A table whose column of sequences has several rows for one is of frames, whatever else it holds.
    """
    try:
        sample = _sample(path)
    except (DataError, ConfigError, ValueError, csv.Error):
        return False
    for name, values in sample.items():
        if name.strip().lower() in KNOWN["sequence"] and len(set(values)) < len(values):
            return False
    return bool(_text_columns(sample, several=True))


def is_usual(name: str) -> bool:
    """Whether a column has a usual name of one of texts.

    Example:
        >>> is_usual("Review Text"), is_usual("v2")
        (True, False)
    """
    return _plain(name) in _TEXT


def text_column(table: Columns) -> tuple[str, list[str]]:
    """The column of the texts: one of a usual name, or the one of the most words; and the others that could be it.

    Raises:
        DataError: there is none.
    """
    found = _text_columns({name: table.texts(name)[:_SAMPLE] for name in table.values})
    if not found:
        raise DataError(
            f"{table.where}: no column holds texts, it seems; name it with --option text=NAME; there are "
            f"{', '.join(table.values)}"
        )
    return found[0], found[1:]


def label_column(table: Columns, text: str) -> str | None:
    """The column of the labels: one of a usual name, or else the only one of a few values that each recur.

    Raises:
        ConfigError: several could be it.
    """
    rest = [name for name in table.values if name != text]
    for usual in (KNOWN["label"], _LABEL):
        found = [name for name in rest if _plain(name) in usual]
        if len(found) > 1:
            _refuse(table, found)
        if found:
            return found[0]
    found = [name for name in rest if _recurs(table.texts(name))]
    if len(found) > 1:
        _refuse(table, found)
    return found[0] if found else None


def joined(tables: Mapping[str, Columns], where: str) -> Columns:
    """Tables of several parts one after the other, with the name of the part of each row in the column "split".

    Raises:
        DataError: the tables differ in their columns.
    """
    table = next(iter(tables.values()))
    values: dict[str, list[str] | np.ndarray] = {}
    for name in dict.fromkeys(name for one in tables.values() for name in one.values if name != "split"):
        lacking = [part for part, one in tables.items() if name not in one.values]
        if lacking:
            part = lacking[0]
            other = next(key for key, one in tables.items() if name in one.values)
            raise DataError(
                f"{where}: the column {name!r} is in the {other} part, but not in the {part} part: "
                f"{tables[part].where}; give all files the same columns"
            )
        values[name] = [text for one in tables.values() for text in one.texts(name)]
    values["split"] = [part for part, one in tables.items() for _ in one.lines]
    starts = np.cumsum([0, *(len(one.lines) for one in tables.values())])[:-1].tolist()
    lines = [line for one in tables.values() for line in one.lines]
    files = tuple(one.where for one in tables.values())
    return Columns(where, table.unit, lines, values, files=files, starts=tuple(starts))


def _refuse(table: Columns, names: Sequence[str]) -> None:
    raise ConfigError(
        f"{table.where}: the columns {names[0]!r} and {names[1]!r} could both be the label; say which with "
        "--option label=NAME"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _recurs(texts: Sequence[str]) -> bool:
    """Whether a column has two values or more, each of them five times on average."""
    counts = Counter(text for text in texts if not absent(text))
    return len(counts) > 1 and sum(counts.values()) >= 5 * len(counts)


def _text_columns(sample: Mapping[str, list[str]], several: bool = False) -> list[str]:
    """The columns of texts, the most likely first; ``several``: those of a usual name must change from row to row."""
    words: dict[str, float] = {}
    for name, values in sample.items():
        known = [value for value in values if not absent(value)]
        single = [word for value in known for word in value.split()]
        if not known or 2 * sum(map(is_value, known)) > len(known) or 2 * sum(map(is_value, single)) > len(single):
            continue
        usual = is_usual(name)
        mean = len(single) / len(known)
        if not usual and 2 * len(set(known)) <= len(known):
            continue
        # A fact about a sequence of frames is the same in rows that follow each other.
        if several and usual and 2 * sum(a == b for a, b in pairwise(known)) > len(known):
            continue
        if usual or mean >= _WORDS:
            words[name] = mean
    usual_names = [name for one in _TEXT for name in words if _plain(name) == one]
    return [*usual_names, *sorted(words.keys() - set(usual_names), key=lambda name: -words[name])]


def _sample(path: Path) -> Mapping[str, list[str]]:
    """The first rows of a table; a line that was cut off is left out."""
    if path.suffix.lower() in arrow.SUFFIXES:
        return parquet.first_rows(path, _SAMPLE)
    data = read_head(path, _HEAD)
    text = data.decode(encoding(data), "replace")
    if len(data) == _HEAD:
        text = text[: text.rfind("\n") + 1]
    text = _without_comments(text)
    if _is_lines_of_json(path):
        table = _json_columns("\n".join(text.split("\n")[:_SAMPLE]), str(path))
        return {name: table.texts(name) for name in table.values}
    separator = _separator(text)
    if separator is None:
        return {"text": text.splitlines()[1:_SAMPLE]}
    rows = _first_rows(text, separator)
    rows = [row for row in rows if len(row) == len(rows[0])]
    names = _names(rows, list(range(1, len(rows) + 1)), str(path), None)
    rows = rows if names is None else rows[1:]
    names = names or [f"column {i}" for i in range(1, len(rows[0]) + 1)]
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}


def _first_rows(text: str, separator: str) -> list[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return [row for row in islice(rows, _SAMPLE) if row not in ([], [""])]


def _is_lines_of_json(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").removesuffix(".xz").endswith(_LINES)


def _json_columns(text: str, where: str) -> Columns:
    """The columns of lines of JSON, each an object; lists and objects in it are left out."""
    rows: list[dict[str, str | None]] = []
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_int=str, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}, line {number}: is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise DataError(f'{where}, line {number}: must be an object, as {{"text": ..., "label": ...}}')
        rows.append({name: _cell(value) for name, value in row.items()})
        lines.append(number)
    names = dict.fromkeys(name for row in rows for name in row)
    nested = {name for name in names for row in rows if row.get(name, "") is None}
    kept: dict[str, list[str] | np.ndarray] = {
        name: [row.get(name) or "" for row in rows] for name in names if name not in nested
    }
    if not kept:
        raise DataError(f"{where}: holds no texts")
    return Columns(where, "line", lines, kept)


def _cell(value: Any) -> str | None:
    """A value of JSON as the field of a table; None for a list or an object."""
    if isinstance(value, list | dict):
        return None
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _rows(text: str, where: str) -> tuple[list[int], list[list[str]]]:
    """The fields of each row, and the line in which it begins; empty lines are none."""
    if told := re.match(r"sep=([,;\t]) *\r?\n", text):  # a line that Excel writes and reads
        lines, rows = _rows(text[told.end() :], where)
        return [line + 1 for line in lines], rows
    text = _without_comments(text)
    separator = _separator(text)
    plain = [(i, line.rstrip("\r")) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not plain:
        raise DataError(f"{where}: is empty")
    tabs = {line.count("\t") for _, line in plain}
    if separator is None or (separator == "\t" and len(tabs) == 1):
        # Between tabs, quotation marks are seldom more than part of a text.
        rows = [[_unquoted(field) for field in line.split("\t")] for _, line in plain]
        for (line, _), fields in zip(plain, rows, strict=True):
            _check_fields(fields, rows[0], where, line, plain[0][0])
        return [i for i, _ in plain], rows
    found: list[list[str]] = []
    lines = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{where}, line {line}: {error}; a text with a quotation mark or a separator must be in quotation "
                'marks, and those within it doubled, as "a ""good"" one"'
            ) from error
        if row is None:
            return lines, found
        if row in ([], [""]):
            continue
        if found:
            _check_fields(row, found[0], where, line, lines[0])
        found.append([field.strip() for field in row])
        lines.append(line)


def _without_comments(text: str) -> str:
    """The text with empty lines for those that begin with # above a table; what is no table has no comments."""
    above = re.match(r"(?:#[^\n]*\n)+", text)
    if above is None or _separator(text) is not None or _separator(text[above.end() :]) is None:
        return text
    return "\n" * above[0].count("\n") + text[above.end() :]


def _check_fields(row: list[str], first: list[str], where: str, line: int, first_line: int) -> None:
    if len(row) != len(first):
        raise DataError(
            f"{where}, line {line}: {counted(len(row), 'field')}, but line {first_line} has {len(first)}; put a text "
            "that holds a separator in quotation marks"
        )


def _unquoted(field: str) -> str:
    field = field.strip()
    inner = field[1:-1]
    whole = len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if whole else field


def _separator(text: str) -> str | None:
    """What divides the first rows into equally many fields, two or more; None where a row is one text."""
    head = text[:_HEAD]
    cut = len(head) < len(text)
    for separator in "\t;,":
        if separator in head:
            counts = [len(row) for row in _first_rows(head, separator)]
            counts = counts[:-1] if cut and len(counts) > 1 else counts
            if len(set(counts)) == 1 and counts[0] > 1:
                return separator
    first = next((line for line in head.split("\n") if line.strip()), "")
    most = max("\t;,", key=first.count)
    return most if most in first else None


def _names(rows: list[list[str]], lines: list[int], where: str, header: bool | None) -> list[str] | None:
    """The names in the first row, where it has some; a column without a name gets one by its place."""
    first = [field.strip() for field in rows[0]]
    if header is None:
        usual = any(_plain(field) in (*_TEXT, *_LABEL, *KNOWN["label"]) for field in first)
        again = any(field and field in {row[i] for row in rows[1:]} for i, field in enumerate(first))
        numbers = any(is_value(field) and field for field in first)
        header = usual or not (again or numbers or any(len(field.split()) > 2 * _WORDS for field in first))
    if not header:
        return None
    names = [field or f"column {i}" for i, field in enumerate(first, 1)]
    if len(set(names)) < len(names):
        raise DataError(f"{where}, line {lines[0]}: two columns have the name {quoted(max(names, key=names.count))}")
    return names
