"""Text files of numbers, a line a frame or a joint."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from ...errors import DataError
from ..io.files import quoted


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
        raise DataError(f"{where}: is empty; expected lines of {columns} numbers")
    for (i, _), row in zip(numbered, rows, strict=True):
        if len(row) != columns:
            raise DataError(f"{where}, line {i}: has {len(row)} numbers, expected {columns}; the file may be truncated")
    try:
        values = np.array(rows, dtype=np.float64)
        fits = np.abs(values) <= np.finfo(np.float32).max
    except ValueError:
        fits = np.array([[_is_number(v) for v in row] for row in rows])
    if not fits.all():
        row, column = np.argwhere(~fits)[0]
        line = numbered[int(row)][0]
        raise DataError(f"{where}, line {line}: {quoted(rows[int(row)][int(column)])} is not a finite number")
    return values


def text_lines(data: bytes, where: str) -> list[str]:
    """The lines of an ASCII text, without their ends."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{where}, line {line}: is not text; the file may be damaged") from error
    return text.removesuffix("\n").split("\n")


def packaged_lines(name: str) -> tuple[str, ...]:
    """The lines of a table in the package, without its comments."""
    text = files("attentive_rnn.data.skeletons").joinpath("tables", name).read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def _is_number(text: str) -> bool:
    try:
        return bool(abs(float(text)) <= np.finfo(np.float32).max)
    except ValueError:
        return False
