"""The text format of the UCR archive: X_TRAIN.tsv and X_TEST.tsv, a sequence of one feature a line, the label first.

Values are separated by tabs, in .txt files by spaces; shorter sequences end in NaN. Reference: H. A. Dau et al.,
"The UCR time series archive", 2018.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DataError
from ..io.arrays import Missing, check_missing, fill
from ..io.cells import absent, numbers
from ..io.files import decompress, quoted, read_bytes
from ..io.text import decode
from .pairs import PairFormat, TsContent, fail, read_lines


def parse(data: bytes, where: str, missing: Missing = "refuse") -> TsContent:
    """Read the bytes of a file of the archive; values that are missing at the end of a sequence are not part of it.

    Raises:
        DataError: the file is malformed; the message names the file and the line.

    Example:
        >>> content = parse(b"1\\t0.5\\t0.25\\n2\\t1\\tNaN\\n", "Up_TRAIN.tsv")
        >>> content.classes, content.labels, [case.ravel().tolist() for case in content.cases]
        (('1', '2'), [0, 1], [[0.5, 0.25], [1.0]])
    """
    check_missing(missing)
    lines = decode(decompress(data, where), where).split("\n")
    names = {_name(_split(line)[0]) for line in lines if line.strip() and line[0] != "#"}
    classes = tuple(sorted(names - {""}, key=_order))
    index = {name: i for i, name in enumerate(classes)}

    def sequence(number: int, line: str) -> tuple[np.ndarray, int]:
        label, *fields = _split(line)
        if not fields:
            fail(where, number, f"expected a label and values with tabs or spaces between, got {quoted(line)}")
        while len(fields) > 1 and absent(fields[-1]):
            fields.pop()

        def place(t: int) -> str:
            return f"{where}, line {number}: value {t + 1}"

        values = numbers(fields, place)
        return fill(values[:, None], missing, lambda t, _: place(t)), index.get(_name(label), -1)

    content = read_lines(lines, 0, "#", sequence, where, missing)
    content.classes = classes
    return content


def _split(line: str) -> list[str]:
    return [field.strip() for field in line.strip("\r\n ").split("\t" if "\t" in line else None)]


def _name(label: str) -> str:
    """A label as the name of a class, whole numbers without a fraction; "" for none."""
    label = label.strip()
    if absent(label):
        return ""
    try:
        return str(int(float(label))) if float(label).is_integer() else label
    except ValueError:
        return label


def _order(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name


class _Ucr(PairFormat):
    """Tells files of the archive from tables by their first line, which has the label and values, and no names."""

    def recognise(self, path: Path) -> bool:
        """Whether the path is a file of the archive or a folder with some."""
        files = self._files(path) if path.is_dir() else [path]
        return any(self._is_series(file) for file in files)

    def _is_series(self, file: Path) -> bool:
        match = self.pattern.fullmatch(file.name)
        if match is None or not match["part"]:
            return False
        try:
            text = decompress(read_bytes(file), str(file)).lstrip()
            _, *fields = _split(text.split(b"\n", 1)[0].decode())
            return bool(fields) and all(absent(field) or float(field) is not None for field in fields)
        except (DataError, ValueError):
            return False


UCR = _Ucr("tsv", parse)
SOURCE = UCR.source("ucr", "UCR time series: X_TRAIN.tsv and X_TEST.tsv, the label first, also .gz and .xz")
TXT_SOURCE = _Ucr("txt", parse).source("ucr-txt", "UCR time series: X_TRAIN.txt and X_TEST.txt, the label first")
