"""Arrow tables with a sequence in each row, made long; shards in a folder, joined; and data sets of Hugging Face.

A column of lists holds a value, or a list of values, for each frame of the row's sequence. A long table has a row for
each frame.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ..split import part_of

SUFFIXES = (".parquet", ".arrow", ".feather")
_HUB = b"huggingface"  # of a table's metadata: JSON with the features of the data set


def is_hub_dataset(frame: Any) -> bool:
    """Whether a value is a Dataset or a DatasetDict of Hugging Face's `datasets`, which is not imported for this."""
    return type(frame).__module__.partition(".")[0] == "datasets"


def hub_table(pa: Any, frame: Any, where: str) -> Any:
    """The table of a Dataset; of a DatasetDict that of all parts, with their names in the column "split"."""
    if isinstance(frame, dict):
        tables = {str(name): with_class_names(pa, part.with_format("arrow")[:]) for name, part in frame.items()}
        parted = {name: with_constant(pa, table, "split", name) for name, table in tables.items()}
        return joined(pa, parted, where)
    if not hasattr(frame, "num_rows"):  # such as one that is streamed
        raise DataError(f"{where}: {type(frame).__name__} is no Dataset in memory; take one of its parts, or load it")
    return with_class_names(pa, frame.with_format("arrow")[:])


def shards(path: Path) -> list[Path]:
    """The files of tables in a folder and in those below it, in order."""
    found = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(p for p in found if not any(q.startswith((".", "_")) for q in p.relative_to(path).parts))


def folder_table(pa: Any, path: Path, read: Callable[[Path], Any]) -> tuple[Any, list[int]]:
    """The table of all shards in a folder, and the row at which each of them starts.

    Folders KEY=VALUE are columns. A folder, or a word in the name of a file, that names a part is the column "split":
    train/0.parquet, train-00000-of-00002.parquet.

    Raises:
        DataError: shards have other columns than the first one, or some are in a part and others in none.
    """
    tables: dict[str, Any] = {}
    parts: dict[str, str | None] = {}
    for file in shards(path):
        table, name = with_class_names(pa, read(file)), str(file.relative_to(path))
        folders = file.relative_to(path).parts[:-1]
        for key, equals, value in (folder.partition("=") for folder in folders):
            if equals and key not in table.column_names:
                table = with_constant(pa, table, key, value)
        words = [*(folder for folder in folders if "=" not in folder), *re.split(r"[-_.]", file.stem)]
        parts[name] = next((word for word in words if part_of(word)), None)
        tables[name] = table
    if any(parts.values()) and "split" not in next(iter(tables.values())).column_names:
        for name, part in parts.items():
            if part is None:
                known = next(other for other, word in parts.items() if word)
                raise DataError(f"{path}: {known} is of a part, but the name of {name} tells none")
            tables[name] = with_constant(pa, tables[name], "split", part)
    starts = np.cumsum([0, *(table.num_rows for table in tables.values())])[:-1]
    return joined(pa, tables, str(path)), starts.tolist()


def check_shards(ids: Sequence[str] | None, starts: Sequence[int], where: str) -> None:
    """Refuse shards whose rows cannot be told apart: without ids of the sequences, or with ids that begin anew in each.

    Args:
        ids: of the sequence of each row; None: there is no such column.
        starts: the row at which each shard starts.
        where: the folder.

    Raises:
        DataError: there are several shards, and a sequence is in two without going on from one to the next.
    """
    if len(starts) < 2:
        return
    if ids is None:
        raise DataError(
            f"{where}: has {len(starts)} files, and no column tells the sequences apart; say which does, as "
            "--option sequence=NAME, or give each row a sequence, with columns of lists"
        )
    seen: set[str] = set()
    for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
        own = set(ids[start:end])
        again = (seen & own) - ({ids[start]} if start and ids[start] == ids[start - 1] else set())
        if again:
            raise DataError(
                f"{where}: the sequence {sorted(again)[0]} is in two files; give each sequence of the folder a number "
                "of its own, or read the files one at a time"
            )
        seen |= own


def joined(pa: Any, tables: dict[str, Any], where: str) -> Any:
    """Tables one after the other, with columns in the order of the first one."""
    (first, table), *others = tables.items()
    for name, other in others:
        if set(other.column_names) != set(table.column_names):
            differ = sorted(set(other.column_names) ^ set(table.column_names))
            raise DataError(f"{where}: {name} and {first} differ in the columns {', '.join(differ[:8])}")
    aligned = [table, *(other.select(table.column_names) for _, other in others)]
    return pa.concat_tables(aligned, promote_options="permissive")


def with_constant(pa: Any, table: Any, name: str, value: str) -> Any:
    """The table with a column that has one value; as it is where it has such a column."""
    if name in table.column_names:
        return table
    return table.append_column(name, pa.array(np.repeat(value, table.num_rows), pa.string()))


def with_class_names(pa: Any, table: Any) -> Any:
    """The table with names for the numbers of a column of classes, which the metadata of Hugging Face tell."""
    try:
        features = json.loads((table.schema.metadata or {}).get(_HUB, b"{}"))["info"]["features"]
        named = {key: value["names"] for key, value in features.items() if value.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return table
    for key, names in named.items():
        place = table.schema.get_field_index(key)
        if place < 0 or not pa.types.is_integer(table.field(place).type) or not _are_texts(names):
            continue
        numbers = table.column(place).to_pylist()
        texts = [names[n] if n is not None and 0 <= n < len(names) else None for n in numbers]
        table = table.set_column(place, key, pa.array(texts, pa.string()))
    return table


def long_table(pa: Any, table: Any, where: str) -> tuple[Any, str | None, tuple[str, ...]]:
    """A table with a row for each frame, the column of the number of the sequence, and the columns made of lists.

    A list of D values for each frame is D columns NAME0, NAME1, ...; of several lists within each other NAME0.0, ...
    A table without lists is as it is, with None.

    Raises:
        DataError: the lists of a row differ in length, or one is empty or missing; the message names the row.
    """
    lists = [field.name for field in table.schema if _is_list(pa, field.type)]
    if not lists:
        return table, None, ()
    lengths = _sizes(_plain(pa, table.column(lists[0])))
    made: dict[str, Any] = {}
    for name in lists:
        values = _plain(pa, table.column(name))
        sizes = _sizes(values)
        empty = np.flatnonzero(sizes < 1)
        if len(empty):
            raise DataError(f"{where}, row {empty[0] + 1}: {name} has no frames; leave such rows out")
        if (sizes != lengths).any():
            row = int((sizes != lengths).argmax())
            raise DataError(
                f"{where}, row {row + 1}: {name} has {sizes[row]} frames, but {lists[0]} has {lengths[row]}"
            )
        made |= _frames(pa, values.flatten(), name, where)
    rows = pa.array(np.repeat(np.arange(table.num_rows), lengths))
    rest = {name: _repeated(pa, table.column(name), rows) for name in table.column_names if name not in lists}
    number = "sequence" if "sequence" not in rest else "row"
    twice = [name for name in made if name in rest]
    if twice or number in made or (number == "row" and "row" in rest):
        raise DataError(f"{where}: two columns would have the name {(*twice, number)[0]!r}; rename one")
    return pa.table({number: rows, **rest, **made}), number, tuple(made)


def _frames(pa: Any, values: Any, name: str, where: str) -> dict[str, Any]:
    """The columns of the values of all frames, one or a list of always the same length for each."""
    count, shape = len(values), []
    while _is_list(pa, values.type):
        values = _plain(pa, values)
        sizes = np.unique(_sizes(values))
        if len(sizes) != 1 or sizes[0] < 1:
            raise DataError(
                f"{where}: the frames of {name} have {' or '.join(map(str, sizes[:4]))} values; all must agree"
            )
        shape.append(int(sizes[0]))
        values = values.flatten()
    if not shape:
        return {name: values}
    size = int(np.prod(shape))
    places = [".".join(map(str, np.unravel_index(i, shape))) for i in range(size)]
    every = [pa.array(np.arange(i, count * size, size)) for i in range(size)]
    return {f"{name}{place}": values.take(chosen) for place, chosen in zip(places, every, strict=True)}


def _repeated(pa: Any, column: Any, rows: Any) -> Any:
    view = pa.types.is_string_view(column.type)  # which Arrow cannot take rows of
    return (column.cast(pa.large_string()) if view else column).take(rows)


def _is_list(pa: Any, kind: Any) -> bool:
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _plain(pa: Any, column: Any) -> Any:
    """A column of lists as one array, without a type of its own."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    array = array.storage if isinstance(array.type, pa.BaseExtensionType) else array
    return array.cast(pa.large_list(array.type.value_type))


def _sizes(values: Any) -> np.ndarray:
    """The length of each list, 0 where it is missing."""
    return np.asarray(values.value_lengths().fill_null(0))


def _are_texts(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
