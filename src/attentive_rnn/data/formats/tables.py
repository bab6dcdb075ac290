"""Long tables, .csv or .parquet: a row for each frame, with columns for the sequence, the time, features and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.arrays import Missing, check_missing, fill
from ..io.files import existing, read_bytes
from ..io.text import parse_table
from ..schema import Schema
from ..skeletons.confidence import with_joint_options
from ..skeletons.layouts import frame_shape
from ..source import Source
from ..split import train_test
from . import parquet
from .columns import META, Columns, from_columns

_KNOWN = {
    "sequence": (
        "sequence",
        "sequence_id",
        "seq",
        "seq_id",
        "series",
        "series_id",
        "case",
        "case_id",
        "sample_id",
        "id",
    ),
    "time": ("time", "timestamp", "t", "frame", "frame_id", "step", "time_step"),
    "label": ("label", "class", "target", "action", "activity", "gesture"),
    "subject": ("subject", "subject_id", "person", "participant", "user"),
    "split": ("split", "part"),
    "name": ("name",),
    "view": ("view", "camera"),
    "setup": ("setup",),
    "repetition": ("repetition",),
}
_UNLABELLED = ("", "?", "nan")
_SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".tsv", ".parquet")


def load(
    path: str | Path,
    sequence: str | None = None,
    time: str | None = None,
    label: str | None = None,
    subject: str | None = None,
    split: str | None = None,
    features: Sequence[str] | None = None,
    layout: str | None = None,
    missing: Missing = "refuse",
    test_fraction: float = 0.25,
    seed: int = 0,
) -> Splits[SequenceDataset]:
    """The training and test part: those of the column of the split, or else a share held out for testing.

    Args:
        path: the .csv (also .gz, .xz), .tsv or .parquet file.
        sequence, time, label, subject, split: names of the columns; without them the usual names are recognised
            ("id", "frame", "class", ...), whatever their case. Rows of a sequence are sorted by time.
        features: the columns of the frame, in order; else all other columns of numbers.
        layout: joint layout, if the features are those of skeletons: person by person, joint by joint.
        missing: "refuse", "interpolate", "zero" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.
        test_fraction: share held out where there is no split: whole subjects where they are known, else the same
            share of each class.
        seed: of that draw.

    Raises:
        DataError: the file is malformed, a label changes within a sequence or is not there, or a part is empty.
        ConfigError: the file has no column of a given name.
    """
    dataset = read(path, sequence, time, label, subject, split, features, layout, missing)
    if len(dataset) == 1:
        raise DataError(
            f"{path}: holds one sequence; say which column tells the sequences apart, as sequence=NAME "
            f"(features found: {', '.join(dataset.schema.features[:8]) or dataset.schema.size})"
        )
    return train_test(dataset, test_fraction, seed)


def read(
    path: str | Path,
    sequence: str | None = None,
    time: str | None = None,
    label: str | None = None,
    subject: str | None = None,
    split: str | None = None,
    features: Sequence[str] | None = None,
    layout: str | None = None,
    missing: Missing = "refuse",
) -> SequenceDataset:
    """Every sequence, labelled or not, in the order of their first rows; without a sequence column it is one.

    Errors as for :func:`load`.
    """
    check_missing(missing)
    path = existing(path)
    table = _columns(path)
    roles = _roles(table, {"sequence": sequence, "time": time, "label": label, "subject": subject, "split": split})
    frame = _frame(table, roles, features)
    order, starts = _order(table, roles)
    names = table.texts(roles["label"]) if "label" in roles else [""] * len(order)
    if "label" in roles:
        table.constants(roles["label"], order, starts)
    schema = table.schema or _schema(table, [names[order[start]] for start in starts], frame, layout)
    values = np.stack([table.numbers(name)[order] for name in frame], axis=1)
    ends = [*starts[1:], len(order)]
    cases = [
        _case(table, frame, values[start:end], order[start:end], missing)
        for start, end in zip(starts, ends, strict=True)
    ]
    return SequenceDataset(
        [torch.from_numpy(case).reshape(-1, *schema.shape) for case in cases],
        [_label(table, schema, names, order[start]) for start in starts],
        from_columns(_metas(table, roles, frame, order, starts), len(starts), str(path)),
        schema,
        path.name.split(".")[0],
    )


def _columns(path: Path) -> Columns:
    if path.suffix.lower() == ".parquet":
        return parquet.read_columns(path)
    table = parse_table(read_bytes(path), str(path))
    names = table.names or tuple(f"column {i}" for i in range(1, len(table.rows[0]) + 1))
    values = [list(column) for column in zip(*table.rows, strict=True)]
    return Columns(str(path), "line", table.lines, dict(zip(names, values, strict=True)))


def _roles(table: Columns, given: Mapping[str, str | None]) -> dict[str, str]:
    """The column of each role: the given one, or the only one with one of the usual names."""
    roles = {}
    taken = set(table.features or ())
    for role, name in given.items():
        if name is not None:
            roles[role] = table.called(name, role)
            taken.add(name)
    for role, usual in _KNOWN.items():
        if role in roles:
            continue
        found = [name for name in table.values if name not in taken and name.strip().lower() in usual]
        if table.schema is not None:
            found = [name for name in found if name == role]
        if len(found) > 1:
            raise ConfigError(
                f"{table.where}: the columns {found[0]!r} and {found[1]!r} could both be the {role}; "
                + (f"say which, as {role}=NAME" if role in given else "delete or rename one")
            )
        if found:
            roles[role] = found[0]
            taken.add(found[0])
    return roles


def _frame(table: Columns, roles: Mapping[str, str], features: Sequence[str] | None) -> list[str]:
    """The columns of a frame."""
    if features is not None:
        return [table.called(name, "features") for name in features]
    if table.features is not None:
        return list(table.features)
    frame = [name for name in table.values if name not in roles.values() and table.are_numbers(name)]
    if not frame:
        there = ", ".join(table.values)
        raise DataError(f"{table.where}: no column of numbers is left for the features; there are {there}")
    return frame


def _order(table: Columns, roles: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """The rows, sequence after sequence in order of time, and where in them each sequence starts."""
    count = len(table.lines)
    sequence = np.zeros(count, dtype=np.int64)
    if "sequence" in roles:
        ids = table.texts(roles["sequence"])
        number = {text: i for i, text in enumerate(dict.fromkeys(ids))}
        sequence = np.array([number[text] for text in ids])
        if "" in number:
            raise DataError(f"{table.place(ids.index(''))}: {roles['sequence']} is empty")
    time = np.arange(count, dtype=np.float64)
    if "time" in roles:
        time = table.numbers(roles["time"])
        if np.isnan(time).any():
            raise DataError(f"{table.place(int(np.isnan(time).argmax()))}: {roles['time']} is missing")
    order = np.lexsort((time, sequence))
    same = (sequence[order][1:] == sequence[order][:-1]) & (time[order][1:] == time[order][:-1])
    if same.any():
        row = int(same.argmax())
        raise DataError(
            f"{table.place(order[row + 1])}: {roles['time']} {time[order[row]]:g} is there twice in one sequence, "
            f"first in {table.unit} {table.lines[order[row]]}"
        )
    return order, np.flatnonzero(np.diff(sequence[order], prepend=-1))


def _metas(
    table: Columns, roles: Mapping[str, str], frame: list[str], order: np.ndarray, starts: np.ndarray
) -> dict[str, list[Any]]:
    """The metas of the sequences: the columns with a role, and all other columns of texts."""
    metas = {}
    role_of = {column: role for role, column in roles.items()}
    for name in table.values:
        key = role_of.get(name, name)
        if name in frame or key in ("sequence", "time", "label"):
            continue
        if name in role_of or name == META or table.schema is not None or not table.are_numbers(name):
            metas[key] = table.constants(name, order, starts)
    if "sequence" in roles and "name" not in metas and table.schema is None:
        metas["name"] = [str(value) for value in table.constants(roles["sequence"], order, starts)]
    return metas


def _schema(table: Columns, labels: list[str], frame: list[str], layout: str | None) -> Schema:
    shape = frame_shape((len(frame),), layout, table.where)
    names = sorted({label for label in labels if label not in _UNLABELLED}, key=_by_number)
    return Schema(tuple(names), shape, features=tuple(frame), layout=layout)


def _by_number(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name


def _label(table: Columns, schema: Schema, names: list[str], row: int) -> int:
    name = names[row]
    if name in schema.classes:
        return schema.classes.index(name)
    if name in _UNLABELLED:
        return -1
    raise DataError(f"{table.place(row)}: the label {name!r} is not among the classes of the file's schema")


def _case(table: Columns, frame: list[str], values: np.ndarray, rows: np.ndarray, missing: Missing) -> np.ndarray:
    return fill(values, missing, lambda t, d: f"{table.place(rows[t])}: {frame[d]}")


SOURCE = Source(
    name="table",
    title="a long table: a .csv, .tsv or .parquet file with columns for sequence, time, features and label",
    load=with_joint_options(load),
    read=with_joint_options(read),
    recognise=lambda path: path.name.lower().endswith(_SUFFIXES) and path.is_file(),
    may_lack=("sequence", "time", "label", "subject", "split"),
    check_options={"missing": "keep"},
)
