"""The .arff text format, as the UCR and UEA archives use it: one sequence a line, the class last.

Univariate: an attribute for each frame, ``@attribute att1 numeric``. Multivariate: one relational attribute that
holds an attribute for each frame, and a line ``'1,2,3\\n4,5,6',label`` with ``\\n`` (two characters) between the
dimensions. The last attribute is the class, ``@attribute class {up,down}``. Shorter sequences end in ``?``.
"""

from __future__ import annotations

import csv
import re

import numpy as np

from ...errors import DataError, counted
from ..io.arrays import Missing, check_missing, fill
from ..io.files import decompress, quoted
from ..io.text import decode
from .pairs import PairFormat, TsContent, fail, read_lines

_ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|[^\s{]+)\s*(\{.*\}|\S+)", re.IGNORECASE)


def parse(data: bytes, where: str, missing: Missing = "refuse") -> TsContent:
    """Read the bytes of an .arff file; frames at the end of a sequence in which all is ``?`` are not part of it.

    Raises:
        DataError: the file is malformed; the message names the file and the line.

    Example:
        >>> text = b"@attribute a1 numeric\\n@attribute a2 numeric\\n@attribute class {up,down}\\n@data\\n"
        >>> content = parse(b"@relation Up\\n" + text + b"1,2,up\\n3,?,down\\n", "Up_TRAIN.arff")
        >>> content.labels, [case.shape for case in content.cases]
        ([0, 1], [(2, 1), (1, 1)])
    """
    check_missing(missing)
    lines = decode(decompress(data, where), where, "an .arff file is plain text").split("\n")
    problem, names, relational, length, end = _read_header(lines, where)
    index = {name: i for i, name in enumerate(names)}
    dimensions = 0

    def sequence(number: int, line: str) -> tuple[np.ndarray, int]:
        nonlocal dimensions
        if line[0] == "{":
            fail(where, number, "is in the sparse form, which is not supported; write all values")
        rows, label = _relational_row(where, number, line) if relational else _plain_row(where, number, line)
        if label not in index and label != "?":
            fail(where, number, f"the class {quoted(label)} (after the last comma) is not in the class attribute")
        dimensions = dimensions or len(rows)
        return _case(where, number, rows, (dimensions, length), missing), index.get(label, -1)

    content = read_lines(lines, end, "%", sequence, where, missing)
    content.problem, content.classes = problem, names
    return content


def _read_header(lines: list[str], where: str) -> tuple[str, tuple[str, ...], bool, int, int]:
    """Problem, class names, whether the frames are a relational attribute, frames a line, lines of header."""
    problem, names, relational, inside = "", None, False, False
    length = 0
    for number, line in enumerate(lines, 1):
        line = line.strip()
        key = line.split(None, 1)[0].lower() if line else "%"
        if key.startswith("%"):
            continue
        if key == "@relation":
            problem = _bare(line[len(key) :])
        elif key == "@end":
            inside = False
        elif key == "@data":
            if names is None or not length or inside:
                what = "frames" if not length else "@end of the relational attribute" if inside else "class {a,b,...}"
                fail(where, number, f"@data comes before an attribute for the {what}")
            return problem, names, relational, length, number
        elif key == "@attribute":
            match = _ATTRIBUTE.fullmatch(line)
            kind = match[2].lower() if match else ""
            if names is not None:
                fail(where, number, "an attribute after the class; the class must be the last one")
            if kind in ("numeric", "real", "integer"):
                length += 1
            elif kind == "relational" and not length:
                relational = inside = True
            elif kind.startswith("{") and match and not inside:
                names = tuple(_bare(name) for name in _commas(match[2][1:-1]))
                if len(set(names)) < len(names):
                    fail(where, number, "the class attribute names a class twice")
            else:
                fail(where, number, f"expected '@attribute NAME numeric', relational or {{a,b}}, got {quoted(line)}")
        else:
            fail(where, number, f"expected @relation, @attribute or @data, got {quoted(line)}")
    raise DataError(f"{where}: there is no @data line; the file is truncated or not an .arff file")


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in "'\"" and text[0] == text[-1] else text


def _commas(text: str) -> list[str]:
    try:
        return next(csv.reader([text], quotechar="'" if "'" in text else '"', skipinitialspace=True), [])
    except csv.Error:
        return [text]


def _plain_row(where: str, number: int, line: str) -> tuple[list[str], str]:
    values, comma, label = line.rpartition(",")
    if not comma:
        fail(where, number, "expected values and a class with commas between; the line may be truncated")
    return [values], _bare(label)


def _relational_row(where: str, number: int, line: str) -> tuple[list[str], str]:
    end = line.rfind(line[0], 1, max(line.rfind(","), 1))
    rest = line[end + 1 :].lstrip()
    if line[0] not in "'\"" or end < 1 or not rest.startswith(","):
        fail(where, number, "expected 'values',class with the values in quotes; the line may be truncated")
    return line[1:end].split("\\n"), _bare(rest[1:])


def _case(where: str, number: int, rows: list[str], expected: tuple[int, int], missing: Missing) -> np.ndarray:
    dimensions, length = expected
    if len(rows) != dimensions:
        fail(where, number, f"{counted(len(rows), 'dimension')}, but the first sequence has {dimensions}")
    values = np.empty((length, dimensions))
    for d, row in enumerate(rows):
        fields = row.split(",")
        if len(fields) != length:
            fail(
                where,
                number,
                f"dimension {d + 1} has {counted(len(fields), 'value')}, but the header has "
                f"{counted(length, 'attribute')} for them; the line may be truncated",
            )
        for t, text in enumerate(fields):
            text = text.strip()
            try:
                if "_" in text:  # float() also reads 1_000
                    raise ValueError
                values[t, d] = np.nan if text == "?" else float(text)
            except ValueError:
                fail(where, number, f"value {t + 1} of dimension {d + 1} is {quoted(text)}, not a number")
    known = np.flatnonzero(~np.isnan(values).all(axis=1))
    frames = values[: known[-1] + 1 if len(known) else 1]
    place = f"{where}, line {number}"
    return fill(
        frames, missing, lambda t, d: f"{place}: value {t + 1} of dimension {d + 1}", "write ? for a missing value"
    )


ARFF = PairFormat("arff", parse)
SOURCE = ARFF.source("arff", "UCR and UEA time series: X_TRAIN.arff and X_TEST.arff, also .gz and .xz")
