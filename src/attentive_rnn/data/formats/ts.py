"""The .ts text format of the UEA archive, and its problems: pairs of text files, X_TRAIN and X_TEST.

A .ts file has a header of ``@key value`` lines, then one sequence a line, ``dim1:dim2:...:label``, each dimension
a list of numbers with commas between them. The format is described at
https://www.aeon-toolkit.org/en/stable/api_reference/data_format.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ...errors import DataError, counted
from ..io.arrays import Missing, check_missing, fill
from ..io.cells import numbers
from ..io.files import decompress, quoted
from ..io.text import decode
from ..schema import Target
from .pairs import PairFormat, TsContent, fail, read_lines

# Header lines that change nothing in how the file is read: given twice, the last one counts.
_ONLY_SAID = ("problemname", "missing")
_STAMPED = re.compile(r"\(([^()]*),([^(),]*)\)")


@dataclass
class _Header:
    where: str
    problem: str
    labelled: bool
    classes: tuple[str, ...]
    dimensions: int | None
    length: int | None
    end: int
    stamped: bool
    target: Target
    notes: list[str]


def parse(data: bytes, where: str, missing: Missing = "refuse") -> TsContent:
    """Read the bytes of a .ts file.

    Args:
        data: the bytes of the file.
        where: its name in messages; .gz or .xz at its end says that the bytes are compressed.
        missing: what to do with a value written as ``?`` or ``NaN``; see :func:`attentive_rnn.data.io.arrays.fill`.

    Raises:
        DataError: the file is malformed; the message names the file, the line, the field and what to do.
        ConfigError: an unknown value of ``missing``.

    Example:
        >>> text = b"@problemName Up\\n@classLabel true up down\\n@data\\n1,2,3:4,5,6:up\\n9,7:3,1:down\\n"
        >>> content = parse(text, "Up_TRAIN.ts")
        >>> content.labels, [case.shape for case in content.cases]
        ([0, 1], [(3, 2), (2, 2)])
    """
    check_missing(missing)
    lines = _lines(data, where)
    header = _read_header(lines, where)
    index = {name: i for i, name in enumerate(header.classes)}

    def sequence(number: int, line: str) -> tuple[np.ndarray, float]:
        fields = _fields(header, number, line)
        label = _label(header, number, index, fields.pop()) if header.labelled else -1
        if header.dimensions is None:
            header.dimensions = len(fields)
        return _case(header, number, fields, missing), label

    content = read_lines(lines, header.end, "#%", sequence, where, missing)
    content.problem, content.classes, content.target = header.problem, header.classes, header.target
    content.notes = (*header.notes, *content.notes)
    return content


def _lines(data: bytes, where: str) -> list[str]:
    data = decompress(data, where)
    if not data.strip():
        raise DataError(f"{where}: is empty")
    hint = "a .ts file is plain text, compressed ones end in .gz or .xz"
    return decode(data, where, hint).split("\n")


def _read_header(lines: list[str], where: str) -> _Header:
    values: dict[str, tuple[int, str]] = {}
    notes: list[str] = []
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line[0] in "#%":
            continue
        if line[0] != "@":
            fail(where, number, f"expected a header line such as '@problemName X' or '@data', got {quoted(line)}")
        key, _, value = line[1:].replace("\t", " ").partition(" ")
        key = key.lower()
        if key == "data":
            return _check_header(values, where, number, notes)
        if key in values:
            if key not in _ONLY_SAID:
                fail(where, number, f"@{key} is given twice, first in line {values[key][0]}; delete one")
            notes.append(f"{where}, line {number}: @{key} is given twice, and this is the one that counts")
        values[key] = (number, value.strip())
    raise DataError(f"{where}: there is no @data line; the file is truncated or not a .ts file")


def _check_header(values: dict[str, tuple[int, str]], where: str, end: int, notes: list[str]) -> _Header:
    regression = _flag(values, "targetlabel", where)
    if regression or ("targetlabel" in values and "classlabel" not in values):
        if values.get("classlabel", (0, "false"))[1].lower() != "false":
            fail(
                where,
                values["targetlabel"][0],
                "a sequence has a target or a class; delete @targetLabel or @classLabel",
            )
        values["classlabel"] = (values["targetlabel"][0], "false")
    if "classlabel" not in values:
        fail(where, end, "the header has no @classLabel; add '@classLabel true NAME NAME ...', or 'false'")
    number, text = values["classlabel"]
    names = tuple(text.split())
    labelled = bool(names) and names[0].lower() == "true"
    if not names or names[0].lower() not in ("true", "false"):
        fail(where, number, f"@classLabel must be 'true NAME NAME ...' or 'false', got {quoted(text)}")
    if labelled and len(names) == 1:
        fail(where, number, "@classLabel true must be followed by the names of the classes")
    if labelled and len(set(names[1:])) < len(names) - 1:
        fail(where, number, "@classLabel names a class twice")
    dimensions = _count(values, "dimensions", where) or _count(values, "dimension", where)
    if _flag(values, "univariate", where):
        if dimensions not in (None, 1):
            fail(where, values["univariate"][0], f"@univariate true, but @dimensions {dimensions}; correct one")
        dimensions = 1
    length = _count(values, "serieslength", where)
    return _Header(
        where=where,
        problem=values.get("problemname", (0, ""))[1],
        labelled=labelled or regression,
        classes=names[1:] if labelled else (),
        dimensions=dimensions,
        length=length if _flag(values, "equallength", where) else None,
        end=end,
        stamped=_flag(values, "timestamps", where),
        target="number" if regression else "class",
        notes=notes,
    )


def _flag(values: dict[str, tuple[int, str]], key: str, where: str) -> bool:
    number, text = values.get(key, (0, "false"))
    if text.lower() not in ("true", "false"):
        fail(where, number, f"@{key} must be true or false, got {quoted(text)}")
    return text.lower() == "true"


def _count(values: dict[str, tuple[int, str]], key: str, where: str) -> int | None:
    if key not in values:
        return None
    number, text = values[key]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        fail(where, number, f"@{key} must be a positive whole number, got {quoted(text)}")
    return int(text)


def _fields(header: _Header, number: int, line: str) -> list[str]:
    """The dimensions of a line, and its label; times before the values are checked and taken away.

    Frames follow each other at the times of the first dimension; all dimensions must have the same.
    """
    if not header.stamped:
        return line.split(":")
    pairs, times = _STAMPED.findall(line), []
    fields = _STAMPED.sub(r"\2", line).split(":")
    dimensions = fields[:-1] if header.labelled else fields
    at = 0
    for dimension, field in enumerate(dimensions, 1):
        found = pairs[at : at + len(field.split(","))]
        at += len(field.split(","))
        times.append([time.strip() for time, _ in found])
        if len(found) != len(field.split(",")):
            fail(header.where, number, f"dimension {dimension} is not (time,value),(time,value),...")
        if times[-1] != times[0]:
            fail(header.where, number, f"dimension {dimension} has other times than dimension 1; they must agree")
    if at != len(pairs) or not pairs:
        fail(header.where, number, "is not (time,value),(time,value),... in each dimension, as @timeStamps true says")
    moments = numbers(times[0], lambda i: f"{header.where}, line {number}: time {i + 1}", times=True)
    if not (np.diff(moments) > 0).all():
        late = int(np.argmin(np.diff(moments) > 0)) + 2
        fail(header.where, number, f"time {late} is not after the one before; sort the values by time")
    if len(moments) > 2 and not np.allclose(np.diff(moments), moments[1] - moments[0], rtol=1e-3):
        note = f"{header.where}: times are not evenly spaced; frames are taken as they are, without their times"
        header.notes.extend([note] if note not in header.notes else [])
    return fields


def _label(header: _Header, number: int, index: dict[str, int], text: str) -> float:
    text = text.strip()
    if header.target == "number":
        return float(numbers([text], lambda _: f"{header.where}, line {number}: the target (after the last ':')")[0])
    if text == "?":
        return -1
    if text not in index:
        fail(
            header.where,
            number,
            f"the class label {quoted(text)} (after the last ':') is not in @classLabel; "
            "add it there, or write ? for a sequence without a label",
        )
    return index[text]


def _case(header: _Header, number: int, fields: list[str], missing: Missing) -> np.ndarray:
    if len(fields) != header.dimensions or not fields:
        fail(
            header.where,
            number,
            f"{counted(len(fields), 'dimension')}, expected {header.dimensions or 'at least 1'}; a line is "
            f"dim1:dim2:...{':label' if header.labelled else ''}, and this one may be truncated",
        )
    rows = []
    for dimension, field in enumerate(fields, 1):
        # float() also reads 1_000, which no writer of numbers means.
        try:
            if "_" in field:
                raise ValueError
            rows.append([float(v) for v in field.split(",")])
        except ValueError:
            rows.append(_slow_row(header.where, number, dimension, field))
    for dimension, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            fail(
                header.where,
                number,
                f"dimension {dimension} has {counted(len(row), 'value')} and dimension 1 has {len(rows[0])}; "
                "all dimensions of a sequence must have the same length",
            )
    if header.length is not None and len(rows[0]) != header.length:
        fail(
            header.where,
            number,
            f"{counted(len(rows[0]), 'value')} a dimension, but @seriesLength is {header.length}; the line may be "
            "truncated, or set @equalLength false",
        )
    return fill(
        np.array(rows, dtype=np.float64).T,
        missing,
        lambda t, d: f"{header.where}, line {number}: value {t + 1} of dimension {d + 1}",
        "write ? for a missing value",
    )


def _slow_row(where: str, number: int, dimension: int, field: str) -> list[float]:
    """A row that may have '?' in it, or the error that says which value is not a number."""
    row = []
    for position, text in enumerate(field.split(","), 1):
        text = text.strip()
        try:
            if "_" in text:
                raise ValueError
            row.append(float("nan") if text == "?" else float(text))
        except ValueError:
            what = f"is {quoted(text)}, not a number" if text else "is empty"
            fail(where, number, f"value {position} of dimension {dimension} {what}; write ? for a missing value")
    return row


TS = PairFormat("ts", parse)
SOURCE = TS.source("uea", "UEA time series: X_TRAIN.ts and X_TEST.ts, also .gz and .xz")
