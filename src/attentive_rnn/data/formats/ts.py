"""The .ts text format: a header of ``@key value`` lines, then one sequence a line.

A line of data is ``dim1:dim2:...:label``, each dimension a list of numbers with commas between them. The format is
described at https://www.aeon-toolkit.org/en/stable/api_reference/data_format.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from ...errors import DataError
from ..io.files import decompress, quoted
from ..io.gaps import Missing, check_missing, fill


@dataclass
class TsContent:
    """The content of a .ts file: ``cases`` are (T, dimensions) float32, ``labels`` index ``classes`` or are -1."""

    problem: str
    classes: tuple[str, ...]
    dimensions: int
    cases: list[np.ndarray]
    labels: list[int]


@dataclass
class _Header:
    where: str
    problem: str
    labelled: bool
    classes: tuple[str, ...]
    dimensions: int | None
    length: int | None
    end: int


def parse(data: bytes, where: str, missing: Missing = "refuse") -> TsContent:
    """Read the bytes of a .ts file.

    Args:
        data: the bytes of the file.
        where: its name in messages; .gz or .xz at its end says that the bytes are compressed.
        missing: what to do with a value written as ``?`` or ``NaN``; see :func:`attentive_rnn.data.io.gaps.fill`.

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
    cases, labels = [], []
    for number, line in enumerate(lines[header.end :], header.end + 1):
        line = line.strip()
        if not line or line[0] in "#%":
            continue
        fields = line.split(":")
        labels.append(_label(header, number, index, fields.pop()) if header.labelled else -1)
        if header.dimensions is None:
            header.dimensions = len(fields)
        cases.append(_case(header, number, fields, missing))
    if not cases:
        raise DataError(f"{where}: there is no sequence after @data; the file is empty or truncated")
    return TsContent(header.problem, header.classes, cases[0].shape[1], cases, labels)


def _fail(where: str, number: int, message: str) -> NoReturn:
    raise DataError(f"{where}, line {number}: {message}")


def _lines(data: bytes, where: str) -> list[str]:
    data = decompress(data, where)
    if not data.strip():
        raise DataError(f"{where}: is empty")
    try:
        return data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        _fail(where, number, "is not text in UTF-8; a .ts file is plain text, compressed ones end in .gz or .xz")


def _read_header(lines: list[str], where: str) -> _Header:
    values: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line[0] in "#%":
            continue
        if line[0] != "@":
            _fail(where, number, f"expected a header line such as '@problemName X' or '@data', got {quoted(line)}")
        key, _, value = line[1:].replace("\t", " ").partition(" ")
        key = key.lower()
        if key == "data":
            return _check_header(values, where, number)
        if key in values:
            _fail(where, number, f"@{key} is given twice, first in line {values[key][0]}; delete one")
        values[key] = (number, value.strip())
    raise DataError(f"{where}: there is no @data line; the file is truncated or not a .ts file")


def _check_header(values: dict[str, tuple[int, str]], where: str, end: int) -> _Header:
    if _flag(values, "timestamps", where):
        _fail(where, values["timestamps"][0], "@timeStamps true is not supported; write the values without times")
    if _flag(values, "targetlabel", where):
        _fail(where, values["targetlabel"][0], "@targetLabel true is regression; a classifier needs @classLabel")
    if "classlabel" not in values:
        _fail(where, end, "the header has no @classLabel; add '@classLabel true NAME NAME ...', or 'false'")
    number, text = values["classlabel"]
    names = tuple(text.split())
    labelled = bool(names) and names[0].lower() == "true"
    if not names or names[0].lower() not in ("true", "false"):
        _fail(where, number, f"@classLabel must be 'true NAME NAME ...' or 'false', got {quoted(text)}")
    if labelled and len(names) == 1:
        _fail(where, number, "@classLabel true must be followed by the names of the classes")
    if labelled and len(set(names[1:])) < len(names) - 1:
        _fail(where, number, "@classLabel names a class twice")
    dimensions = _count(values, "dimensions", where) or _count(values, "dimension", where)
    if _flag(values, "univariate", where):
        if dimensions not in (None, 1):
            _fail(where, values["univariate"][0], f"@univariate true, but @dimensions {dimensions}; correct one")
        dimensions = 1
    length = _count(values, "serieslength", where)
    return _Header(
        where=where,
        problem=values.get("problemname", (0, ""))[1],
        labelled=labelled,
        classes=names[1:] if labelled else (),
        dimensions=dimensions,
        length=length if _flag(values, "equallength", where) else None,
        end=end,
    )


def _flag(values: dict[str, tuple[int, str]], key: str, where: str) -> bool:
    number, text = values.get(key, (0, "false"))
    if text.lower() not in ("true", "false"):
        _fail(where, number, f"@{key} must be true or false, got {quoted(text)}")
    return text.lower() == "true"


def _count(values: dict[str, tuple[int, str]], key: str, where: str) -> int | None:
    if key not in values:
        return None
    number, text = values[key]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        _fail(where, number, f"@{key} must be a positive whole number, got {quoted(text)}")
    return int(text)


def _label(header: _Header, number: int, index: dict[str, int], text: str) -> int:
    text = text.strip()
    if text == "?":
        return -1
    if text not in index:
        _fail(
            header.where,
            number,
            f"the class label {quoted(text)} (after the last ':') is not in @classLabel; "
            "add it there, or write ? for a sequence without a label",
        )
    return index[text]


def _case(header: _Header, number: int, fields: list[str], missing: Missing) -> np.ndarray:
    if len(fields) != header.dimensions or not fields:
        _fail(
            header.where,
            number,
            f"{len(fields)} dimensions, expected {header.dimensions or 'at least 1'}; a line is "
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
            _fail(
                header.where,
                number,
                f"dimension {dimension} has {len(row)} values and dimension 1 has {len(rows[0])}; "
                "all dimensions of a sequence must have the same length",
            )
    if header.length is not None and len(rows[0]) != header.length:
        _fail(
            header.where,
            number,
            f"{len(rows[0])} values a dimension, but @seriesLength is {header.length}; the line may be truncated, "
            "or set @equalLength false",
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
            _fail(where, number, f"value {position} of dimension {dimension} {what}; write ? for a missing value")
    return row
