"""Text files of the UCR archive: pairs X_TRAIN.tsv and X_TEST.tsv, a sequence a line, its class label first.

The values of the single feature follow the label, with tabs between them. The archive pads shorter sequences with NaN;
labels are numbers, but classes. The same with spaces, semicolons or commas (.txt, .csv) is
read where both files are there; between tabs or semicolons, numbers may have decimal commas.

Source: H. A. Dau et al., "The UCR time series archive", IEEE/CAA Journal of Automatica Sinica 6 (2019).
"""

from __future__ import annotations

import math
import re
from functools import cached_property
from pathlib import Path

import numpy as np

from ...errors import DataError, counted
from ..dataset import SequenceDataset, concatenate, relabel
from ..io.arrays import Missing, check_missing, fill
from ..io.cells import absent
from ..io.cells import parse as read_numbers
from ..io.files import decompress, existing, quoted, read_bytes
from ..io.text import decode
from ..source import Source
from .pairs import PairFormat, TsContent, fail, read_lines

_FIRST = 1 << 20  # bytes in which the first line must end


def parse(data: bytes, where: str, missing: Missing = "refuse") -> TsContent:
    """Read the bytes of one file; NaN at the end of a line is not part of its sequence.

    Args:
        data: the bytes of the file.
        where: its name in messages; .gz or .xz at its end says that the bytes are compressed.
        missing: what to do with NaN within a sequence; see :func:`attentive_rnn.data.io.arrays.fill`.

    Raises:
        DataError: the file is malformed; the message names the file and the line.

    Example:
        >>> content = parse(b"2\\t0.5\\t0.6\\t0.7\\n-1\\t0.1\\t0.2\\tNaN\\n", "Up_TRAIN.tsv")
        >>> content.classes, content.labels, [len(case) for case in content.cases]
        (('-1', '2'), [1, 0], [3, 2])
    """
    check_missing(missing)
    lines = decode(decompress(data, where), where).splitlines()
    if not any(map(str.strip, lines)):
        raise DataError(f"{where}: is empty")
    names: list[str] = []
    sizes: dict[int, int] = {}  # the values of a line, and the first line with so many
    points = _points([field for line in lines for field in _fields(line)])

    def sequence(number: int, line: str) -> tuple[np.ndarray, int]:
        fields = [points.get(field, field) for field in _fields(line)]
        if not names and _counts(fields):
            fail(where, number, "is a line of names; the files of the UCR archive have none, so delete it")
        if number == 1 and _numbers_columns(fields) and all("." in below for below in lines[1:] if below.strip()):
            fail(
                where,
                number,
                f"can be names of the columns, as it counts them: delete it; or a sequence of class {fields[0]}: write "
                f"{fields[1]}.0 for {fields[1]}",
            )
        sizes.setdefault(len(fields) - 1, number)
        name = _name(fields[0], where, number)
        values = _trimmed([_value(text, where, number, i) for i, text in enumerate(fields[1:], 1)])
        if not values:
            fail(where, number, "has a label and no value after it; the line may be truncated")
        case = np.array(values)[:, None]
        case = fill(case, missing, lambda t, _: f"{where}, line {number}: value {t + 1} after the label")
        names.append(name)
        return case, 0

    content = read_lines(lines, 0, "", sequence, where, missing)
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        content.notes = (
            *content.notes,
            f"{where}, line {second}: has {counted(other, 'value')} and line {first} has {one}; the archive fills "
            "shorter sequences with NaN, so a line may be cut, or two joined",
        )
    content.classes = tuple(sorted({name for name in names if name}, key=_by_number))
    content.labels = [content.classes.index(name) if name else -1 for name in names]
    return content


def looks_so(path: Path) -> bool:
    """Whether the first line of a file is a label and numbers."""
    try:
        with path.open("rb") as file:
            data = file.read(_FIRST)
        if path.suffix.lower() in (".gz", ".xz"):
            data = decompress(path.read_bytes(), path.name)[:_FIRST]
        line = decode(data.split(b"\n")[0], path.name)
    except (OSError, DataError):
        return False
    fields = _fields(line)
    points = _points(fields)
    fields = [points.get(field, field) for field in fields]
    return len(fields) > 1 and not _counts(fields) and all(_is_number(text) for text in fields[1:])


class _Ucr(PairFormat):
    """The format, whose files are known by their names and their first lines together."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        name = r"(?P<problem>.+?)_(?P<part>TRAIN|TEST)(?P<suffix>\.(tsv|txt|csv)(\.gz|\.xz)?)"
        return re.compile(name, re.IGNORECASE)

    def recognise(self, path: Path) -> bool:
        if path.is_dir():
            return bool(self._files(path))
        match = self.pattern.fullmatch(path.name)
        if match is None or not path.is_file() or not looks_so(path):
            return False
        return match["suffix"].lower().startswith(".tsv") or self._has_other_part(path)

    def read(self, path: str | Path, missing: Missing = "refuse") -> SequenceDataset:
        path = existing(path)
        paths = self._files(path) if path.is_dir() else [path]
        if not paths:
            raise DataError(f"{path}: holds no .tsv file of the UCR archive")
        parts = [self.to_dataset(read_bytes(p), str(p), missing) for p in paths]
        classes = sorted({name for part in parts for name in part.schema.classes}, key=_by_number)
        return concatenate([relabel(part, classes, strict=True) for part in parts])

    def _files(self, folder: Path) -> list[Path]:
        # .tsv last, so that it wins over the same part stored under another suffix.
        found = sorted(folder.iterdir(), key=lambda p: (".tsv" in p.name.lower(), p.name))
        named = [(p, match["problem"]) for p in found if (match := self.pattern.fullmatch(p.name)) and p.is_file()]
        # By the first line of one of a pair: a damaged one must be refused, not passed over.
        known = {problem for p, problem in named if self.recognise(p)}
        return [p for p, problem in named if problem in known]

    def _has_other_part(self, path: Path) -> bool:
        match = self.pattern.fullmatch(path.name)
        others = (self.pattern.fullmatch(p.name) for p in path.parent.iterdir())
        return any(
            match and other and other["problem"] == match["problem"] and other["part"].upper() != match["part"].upper()
            for other in others
        )


def _fields(line: str) -> list[str]:
    separator = next((separator for separator in "\t;," if separator in line), None)
    return [field.strip() for field in line.strip().split(separator)]


def _points(fields: list[str]) -> dict[str, str]:
    """The fields of a file that are numbers with decimal commas, with decimal points."""
    if not any("," in field for field in fields):
        return {}
    values, faults = read_numbers(fields)
    wrong = {fields[i] for i in faults}
    written = zip(fields, values.tolist(), strict=True)
    return {text: repr(value) for text, value in written if text not in wrong and not absent(text)}


def _counts(fields: list[str]) -> bool:
    """Whether the fields are a name and then 0, 1, 2, ..., the header that a table gets from pandas."""
    rest = fields[1:]
    numbered = any(rest == [str(i) for i in range(first, first + len(rest))] for first in (0, 1))
    return numbered and len(rest) > 1 and not _is_number(fields[0])


def _numbers_columns(fields: list[str]) -> bool:
    """Whether the fields are 0, 1, 2, ..., as pandas names columns that have no names."""
    return len(fields) > 2 and fields == [str(i) for i in range(len(fields))]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return absent(text)
    return "_" not in text


def _name(text: str, where: str, number: int) -> str:
    """The name of a class, "" for none: 1.0000000e+00 is 1, as the archive's .txt files have it."""
    if absent(text):
        return ""
    if not _is_number(text):
        return text
    value = float(text)
    if not value.is_integer():
        fail(where, number, f"the label {quoted(text)}, the first of the line, is not a whole number and so no class")
    return str(int(value))


def _value(text: str, where: str, number: int, place: int) -> float:
    if not _is_number(text):
        fail(where, number, f"value {place} after the label is {quoted(text)}, not a number")
    return math.nan if absent(text) else float(text)


def _trimmed(values: list[float]) -> list[float]:
    while values and math.isnan(values[-1]):
        values.pop()
    return values


def _by_number(name: str) -> tuple[float, str]:
    return (float(name), name) if _is_number(name) else (math.inf, name)


UCR = _Ucr("tsv", parse)
SOURCE: Source = UCR.source("ucr", "UCR time series: X_TRAIN.tsv and X_TEST.tsv, the class first, also .gz and .xz")
