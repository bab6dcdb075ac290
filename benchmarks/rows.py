"""Rows of a benchmark in a CSV file beside the pages, to which several processes may add."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from attentive_rnn.data.io.files import csv_text, write_csv
from attentive_rnn.data.io.locks import held
from attentive_rnn.experiments.table import READERS

_READERS: dict[Any, Callable[[str], Any]] = {
    **READERS,
    "tuple[float, ...]": lambda text: tuple(map(float, text.split())),
}
Row = TypeVar("Row")


def read(path: Path, kind: type[Row]) -> list[Row]:
    """The rows of a file, each an object of a dataclass whose fields are the columns; none where there is no file."""
    if not path.exists():
        return []
    readers = {field.name: _READERS[field.type] for field in fields(kind)}  # type: ignore[arg-type]
    with open(path, encoding="utf-8", newline="") as file:
        return [
            kind(**{name: readers[name](csv_text(cell)) for name, cell in row.items()}) for row in csv.DictReader(file)
        ]


def add(path: Path, row: Row) -> list[Row]:
    """Put a row behind those that are in the file now; all of them."""
    with held(path, wait=True):
        rows = [*read(path, type(row)), row]
        names = [field.name for field in fields(row)]  # type: ignore[arg-type]
        write_csv(path, names, ([_cell(getattr(one, name)) for name in names] for one in rows))
    return rows


def _cell(value: Any) -> Any:
    return " ".join(f"{number:.4f}" for number in value) if isinstance(value, tuple) else value
