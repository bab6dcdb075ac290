"""What is known of sequences, as columns of a file and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import DataError

META = "meta"  # the column for what is no column of its own, as JSON


def to_columns(metas: Sequence[Mapping[str, Any]], reserved: Sequence[str]) -> dict[str, list[int] | list[str]]:
    """Columns with an entry for each sequence; :func:`from_columns` gives the metas back.

    A key that every sequence has, always as an int or always as a text, is a column; what remains is JSON in the
    column "meta".
    """
    columns: dict[str, list[int] | list[str]] = {}
    plain = [{key: _plain(value) for key, value in meta.items()} for meta in metas]
    for key in dict.fromkeys(key for meta in plain for key in meta):
        values = [meta.get(key) for meta in plain]
        small = all(type(v) is int and -(2**63) <= v < 2**63 for v in values)
        # NumPy drops NUL at the end of a text.
        text = all(type(v) is str and not v.endswith("\0") for v in values)
        if (small or text) and key.isidentifier() and key not in (META, *reserved):
            columns[key] = values  # type: ignore[assignment]
    rest = [{key: value for key, value in meta.items() if key not in columns} for meta in plain]
    if any(rest):
        columns[META] = [json.dumps(meta, ensure_ascii=False) for meta in rest]
    return columns


def from_columns(columns: Mapping[str, Sequence[Any]], count: int, where: str) -> list[dict[str, Any]]:
    """The metas of ``count`` sequences.

    Raises:
        DataError: the column "meta" is not JSON objects.
    """
    metas: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, values in columns.items():
        for i, value in enumerate(values):
            if key != META:
                metas[i][key] = value
                continue
            try:
                rest = json.loads(value)
                metas[i].update(rest)
            except (TypeError, ValueError, RecursionError) as error:
                raise DataError(f"{where}: meta of sequence {i} is not a JSON object ({error})") from error
    return metas


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
