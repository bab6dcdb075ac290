"""Parquet and Arrow files, folders of them, and data frames, by way of pyarrow."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError, MissingExtraError
from ..dataset import SequenceDataset
from ..io import arrow
from ..io.files import quoted, read_bytes
from ..io.memory import check_memory
from ..schema import Schema
from ..skeletons.layouts import get_layout
from .columns import Columns, to_columns

_KEY = b"attentive_rnn"  # of the file's metadata: JSON with the schema and the feature columns
_ROLES = ("sequence", "time", "label")


def read_columns(path: Path) -> Columns:
    """The columns of a file or of the shards of a folder: numbers as arrays (NaN where null), all else as texts.

    A null text is "". A table with a sequence in each row is made long; see :mod:`attentive_rnn.data.io.arrow`.

    Raises:
        DataError: a file is damaged, or a column holds bytes or the like.
        MissingExtraError: pyarrow is not installed.
    """
    pa, _ = _pyarrow()
    try:
        if path.is_dir():
            table, starts = arrow.folder_table(pa, path, _read_table)
            return replace(_columns(pa, table, str(path)), shards=tuple(starts))
        return _columns(pa, _read_table(path), str(path))
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, TypeError, KeyError) as error:
        if isinstance(error, DataError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read ({reason}); the file is truncated or not Parquet") from error


def batches(path: Path) -> Iterator[Any]:
    """The rows of a Parquet file in batches of Arrow, with the metadata of the file.

    Raises:
        DataError: the file is damaged.
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.schema_arrow.metadata
            for batch in file.iter_batches():
                yield batch.replace_schema_metadata(metadata)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be read ({error}); the file is truncated or not Parquet") from error


def table_columns(table: Any, where: str) -> Columns:
    """The columns of a table of Arrow, as :func:`read_columns` gives those of a file."""
    return _columns(_pyarrow()[0], table, where)


def first_rows(path: Path, count: int) -> dict[str, list[str]]:
    """The first rows of a file as texts, by columns; nothing where a column holds lists, or this package wrote it.

    Raises:
        DataError: the file is damaged. MissingExtraError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    try:
        with path.open("rb") as source:
            if path.suffix.lower() == ".parquet":
                batches = pq.ParquetFile(source).iter_batches(count)
            else:
                is_file = source.read(6) == b"ARROW1"
                source.seek(0)
                opened = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
                batches = iter([opened.get_batch(0)] if is_file else opened)
            table = pa.Table.from_batches([next(batches)]).slice(0, count)
    except (pa.ArrowException, OSError, ValueError, MemoryError, StopIteration) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    nested = any(pa.types.is_nested(field.type) for field in table.schema)
    if nested or _KEY in (table.schema.metadata or {}):
        return {}
    columns = {name: table.column(i).to_pylist() for i, name in enumerate(table.column_names)}
    return {name: ["" if value is None else str(value) for value in values] for name, values in columns.items()}


def _check_size(metadata: Any, where: str) -> None:
    """Refuse what would not fit into memory: a column of one repeated value has few bytes for any number of rows."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    unpacked = sum(max(group.total_byte_size, 0) for group in groups)
    check_memory(unpacked + 8 * metadata.num_rows * metadata.num_columns, where, "its table")


def _read_table(path: Path) -> Any:
    """The table of a file; Arrow's errors as they are, but with the name of a damaged shard."""
    pa, pq = _pyarrow()
    source = io.BytesIO(read_bytes(path))
    try:
        if path.suffix.lower() != ".parquet":
            is_file = source.getbuffer()[:6] == b"ARROW1"
            table = (pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)).read_all()
            table.validate(full=True)
            return table
        limits = {"thrift_string_size_limit": 2**26, "thrift_container_size_limit": 2**20}
        _check_size(pq.ParquetFile(source, **limits).metadata, str(path))
        return pq.read_table(source, use_threads=False, page_checksum_verification=True, **limits)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        kind = "Parquet" if path.suffix.lower() == ".parquet" else "Arrow"
        raise DataError(f"{path}: cannot be read ({reason}); the file is truncated or not {kind}") from error


def frame_columns(frame: Any, where: str) -> Columns:
    """The columns of a data frame of pandas, polars or pyarrow, of a mapping by name, or of a set of Hugging Face.

    Raises:
        DataError: it is nothing of this kind, or a column holds lists, bytes or the like.
        MissingExtraError: pyarrow is not installed.
    """
    pa, _ = _pyarrow()
    try:
        if arrow.is_hub_dataset(frame):
            return _columns(pa, arrow.hub_table(pa, frame, where), where)
        return _columns(pa, frame if isinstance(frame, pa.Table) else pa.table(frame), where)
    except (pa.ArrowException, ValueError, MemoryError, OverflowError, TypeError, KeyError) as error:
        if isinstance(error, DataError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{where}: {type(frame).__name__} is not a table of numbers and texts ({reason})") from error


def _columns(pa: Any, table: Any, where: str) -> Columns:
    table.validate(full=True)
    metadata = (table.schema.metadata or {}).get(_KEY)
    table, sequence, lists = arrow.long_table(pa, arrow.with_class_names(pa, table), where)
    times = frozenset(field.name for field in table.schema if pa.types.is_temporal(field.type))
    try:
        values = {name: _values(pa, table.column(i), name) for i, name in enumerate(table.column_names)}
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    if len(values) < table.num_columns:
        again = max(table.column_names, key=table.column_names.count)
        raise DataError(f"{where}: two columns have the name {quoted(again)}; rename one")
    if not table.num_rows:
        raise DataError(f"{where}: has no rows")
    schema, features = _own(metadata, values, where) if metadata else (None, None)
    return Columns(where, "row", range(1, table.num_rows + 1), values, schema, features, times, sequence, lists)


def table_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns of numbers, texts and None as a Parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), buffer)
    return buffer.getvalue()


def to_bytes(dataset: SequenceDataset) -> bytes:
    """The data set as a long table that reading gives back exactly: a row for each frame.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    lengths = dataset.lengths
    names = feature_columns(dataset.schema, _ROLES)
    metas = to_columns(dataset.metas, (*_ROLES, *names))
    labels = [dataset.schema.classes[y] if y >= 0 else None for y in dataset.labels]
    frames = np.concatenate([s.flatten(1).numpy() for s in dataset.sequences])

    def repeated(values: Sequence[Any], kind: Any = None) -> Any:
        array = pa.array(values, kind)
        return array.take(pa.array(np.repeat(np.arange(len(lengths)), lengths)))

    columns = {
        "sequence": repeated(range(len(lengths)), pa.int64()),
        "time": pa.array(np.concatenate([np.arange(n) for n in lengths])),
        "label": repeated(labels, pa.string()),
        **{key: repeated(values) for key, values in metas.items()},
        **{name: pa.array(frames[:, i]) for i, name in enumerate(names)},
    }
    content = {"schema": dataset.schema.to_dict(), "features": names}
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(content, ensure_ascii=False).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def feature_columns(schema: Schema, reserved: Sequence[str]) -> list[str]:
    """A column name for each feature of a frame: its own, person.joint.axis of a skeleton, or f0, f1, ..."""
    names = list(schema.features)
    if not names and schema.layout is not None:
        joints = get_layout(schema.layout).joints
        names = [f"{m}.{joint}.{axis}" for m in range(schema.shape[0]) for joint in joints for axis in schema.axes]
    if len(set(names)) != schema.size or set(names) & {*reserved, "meta"}:
        return [f"f{i}" for i in range(schema.size)]
    return names


def _values(pa: Any, column: Any, name: str) -> list[str] | np.ndarray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_duration(kind):
        column, kind = column.cast(pa.timestamp("ns") if pa.types.is_date(kind) else kind).cast(pa.int64()), pa.int64()
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.int8()), pa.int8()
    if pa.types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return column.to_numpy()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return [text or "" for text in column.to_pylist()]
    raise DataError(f"the column {name!r} holds {kind}; only numbers and texts can be read")


def _own(metadata: bytes, values: dict[str, Any], where: str) -> tuple[Schema, tuple[str, ...]]:
    try:
        content = json.loads(metadata)
        schema, features = Schema.from_dict(content["schema"]), tuple(content["features"])
        if len(features) == schema.size and all(name in values for name in features):
            return schema, features
    except (ValueError, RecursionError, TypeError, KeyError, ConfigError):
        pass
    raise DataError(f"{where}: its metadata {_KEY.decode()!r} is damaged; write the file anew, or without it")


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet files need pyarrow: pip install 'attentive-rnn[data]'") from error
    return pyarrow, pyarrow.parquet
