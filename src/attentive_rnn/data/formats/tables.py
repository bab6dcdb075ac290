"""Long tables, .csv or .parquet: a row for each frame, with columns for the sequence, the time, features and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io import arrow
from ..io.arrays import Missing, check_missing, fill
from ..io.bad_samples import BadSamples
from ..io.cells import absent, is_value, numbers
from ..io.files import existing, read_bytes
from ..io.text import header_note, parse_table
from ..options import one_of
from ..recordings import REMEDY, Windows, changes, with_windows
from ..schema import Schema
from ..skeletons.confidence import with_joint_options
from ..skeletons.layouts import Layout, asked_for_layout, frame_shape
from ..source import Source
from ..split import train_test
from . import parquet
from .columns import COUNTERS, MANY_CLASSES, META, Columns, Kind, counts_rows, from_columns, index_note, is_index_name

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
    "time": ("time", "timestamp", "datetime", "t", "frame", "frame_id", "step", "time_step"),
    "label": ("label", "class", "target", "action", "activity", "gesture"),
    "subject": ("subject", "subject_id", "person", "participant", "user"),
    "split": ("split", "part"),
    "name": ("name",),
    "view": ("view", "camera"),
    "setup": ("setup",),
    "repetition": ("repetition",),
}
_SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".tsv", *arrow.SUFFIXES)


def load(
    path: str | Path,
    sequence: str | None = None,
    time: str | None = None,
    label: str | None = None,
    subject: str | None = None,
    split: str | None = None,
    features: Sequence[str] | None = None,
    layout: Layout | None = None,
    missing: Missing = "refuse",
    test_fraction: float = 0.25,
    seed: int = 0,
    values: int | None = None,
    header: bool | None = None,
    target: Kind | None = None,
    windows: Windows | None = None,
) -> Splits[SequenceDataset]:
    """The training and test part: those of the column of the split, or else a share held out for testing.

    Args:
        path: the .csv (also .gz, .xz), .tsv or .parquet file.
        sequence, time, label, subject, split: names of the columns; without them the usual names are recognised
            ("id", "frame", "class", ...), whatever their case. Rows of a sequence are sorted by time.
        features: the columns of the frame, in order; else all other columns of numbers.
        layout: joint layout, if the features are those of skeletons: person by person, joint by joint.
        missing: "refuse", "interpolate", "zero", "skip" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.
        test_fraction: share held out where there is no split: whole subjects where they are known, else the same
            share of each class.
        seed: of that draw.
        values: how many a joint has, if the frames are skeletons and can be read in two ways.
        header: whether the first line of a text file has names; None: see
            :func:`attentive_rnn.data.io.text.parse_table`.
        target: "class" or "number", what a label is; None: a class, and labels with fractions are refused.
        windows: how sequences whose label changes are cut, each of one subject and part.

    Raises:
        DataError: the file is malformed, a label changes within a sequence or is not there, or a part is empty.
        ConfigError: the file has no column of a given name.
    """
    names = (sequence, time, label, subject, split)
    dataset = read(path, *names, features, layout, missing, values, header, target, windows)
    if windows is not None:
        dataset = windows.usable(dataset)
    elif len(dataset) == 1:
        raise DataError(
            f"{path}: holds one sequence; say which column tells the sequences apart, as sequence=NAME "
            f"(features found: {', '.join(dataset.schema.features[:8]) or dataset.schema.size})"
        )
    return train_test(dataset, test_fraction, seed, missing)


def read(
    path: str | Path,
    sequence: str | None = None,
    time: str | None = None,
    label: str | None = None,
    subject: str | None = None,
    split: str | None = None,
    features: Sequence[str] | None = None,
    layout: Layout | None = None,
    missing: Missing = "refuse",
    values: int | None = None,
    header: bool | None = None,
    target: Kind | None = None,
    windows: Windows | None = None,
) -> SequenceDataset:
    """Every sequence, labelled or not, in the order of their first rows; without a sequence column it is one.

    Errors as for :func:`load`.
    """
    path = existing(path)
    table, notes = _columns(path, header)
    given = {"sequence": sequence, "time": time, "label": label, "subject": subject, "split": split}
    return _dataset(table, notes, path.name.split(".")[0], given, features, layout, missing, values, target, windows)


@with_joint_options
def from_frame(
    frame: Any,
    sequence: str | None = None,
    time: str | None = None,
    label: str | None = None,
    subject: str | None = None,
    split: str | None = None,
    features: Sequence[str] | None = None,
    layout: Layout | None = None,
    missing: Missing = "refuse",
    values: int | None = None,
    target: Kind | None = None,
    name: str = "frame",
) -> SequenceDataset:
    """The sequences of a long table in memory, read as one in a file is.

    Args:
        frame: a DataFrame of pandas or polars, a Table of pyarrow, a mapping of columns by name, or a Dataset or
            DatasetDict of Hugging Face: a row for each frame, or for each sequence with columns of lists. The labels of
            the rows of a pandas DataFrame are columns where they have names.
        sequence, time, label, subject, split, features, layout, missing, values, target: as for :func:`load`.
        name: of the data set in messages.

    Returns:
        Every sequence, labelled or not; a part is in ``meta["split"]``. :func:`validation_split` divides it.

    Raises:
        DataError, ConfigError: as for :func:`load`; messages name rows, counted from 1.
        MissingExtraError: pyarrow is not installed.

    Example:
        >>> table = {"id": [1, 1, 2], "label": ["up", "up", "down"], "x": [0.5, 1.5, 2.5]}
        >>> data = from_frame(table)
        >>> data.schema.classes, data.schema.features, data.lengths.tolist()
        (('down', 'up'), ('x',), [2, 1])
    """
    table = parquet.frame_columns(frame, name)
    given = {"sequence": sequence, "time": time, "label": label, "subject": subject, "split": split}
    return _dataset(table, [], name, given, features, layout, missing, values, target)


def _dataset(
    table: Columns,
    notes: list[str],
    name: str,
    given: Mapping[str, str | None],
    features: Sequence[str] | None,
    layout: Layout | None,
    missing: Missing,
    values: int | None,
    target: Kind | None,
    windows: Windows | None = None,
) -> SequenceDataset:
    check_missing(missing)
    if target is not None:
        one_of("table", "target", target, get_args(Kind))
    roles = _roles(table, given)
    order, starts = _order(table, roles)
    if windows is not None:
        starts = _recordings(table, roles, order, starts)
    frame, dropped = _frame(table, roles, features, order, starts)
    names = table.texts(roles["label"]) if "label" in roles else [""] * len(order)
    if "label" in roles and windows is None:
        table.constants(roles["label"], order, starts, f"give each part a sequence of its own, or {REMEDY}")
    labelled = order if windows is not None else order[starts]
    labels = [names[row] for row in labelled]
    kind = target or _kind(table, labels, labelled)
    if windows is not None and kind == "number":
        raise DataError(
            f"{table.where}: windows have classes, not numbers to predict: leave out window or target=number"
        )
    schema = table.schema or _schema(table, labels, frame, (layout, values), kind)
    if schema.layout is None:
        notes = [*notes, *asked_for_layout(schema.shape, table.where, schema.features)]
    cells = np.stack([table.numbers(name)[order] for name in frame], axis=1)
    ends = [*starts[1:], len(order)]
    bad = BadSamples(missing)
    cases = [
        bad.read(partial(_case, table, frame, cells[start:end], order[start:end], missing))
        for start, end in zip(starts, ends, strict=True)
    ]
    metas = _metas(table, roles, [*frame, *dropped], order, starts)
    kept = [i for i, case in enumerate(cases) if case is not None]
    notes = [*notes, *bad.notes(table.where, len(cases))]
    if windows is not None:
        schema = replace(schema, rate=schema.rate or _rate(table, roles, order, starts))
    dataset = SequenceDataset(
        [torch.from_numpy(case).reshape(-1, *schema.shape) for case in cases if case is not None],
        [_label(table, schema, names, order[starts[i]]) for i in kept],
        from_columns({key: [values[i] for i in kept] for key, values in metas.items()}, len(kept), table.where),
        schema,
        name,
        [*notes, *(f"{table.where}: {why}; features=[...] names those to take" for why in dropped.values())],
    )
    if windows is None:
        return dataset
    rows = {text: row for row, text in enumerate(names)}
    index = {text: _label(table, schema, names, row) for text, row in rows.items()}
    found = np.array([index[names[row]] for row in order], dtype=np.int64)
    return windows.cut(dataset, table.where, [found[starts[i] : ends[i]] for i in kept])


def _columns(path: Path, header: bool | None) -> tuple[Columns, list[str]]:
    """The columns of a file, and the note on a header of numbers."""
    if path.is_dir() or path.suffix.lower() in arrow.SUFFIXES:
        return parquet.read_columns(path), []
    table = parse_table(read_bytes(path), str(path), header)
    columns: dict[str, list[str] | np.ndarray] = {**table.columns()}
    return Columns(str(path), "line", table.lines, columns), [header_note(str(path))] if table.numbered else []


def _roles(table: Columns, given: Mapping[str, str | None]) -> dict[str, str]:
    """The column of each role: the given one, or the only one with one of the usual names."""
    roles = {}
    taken = set(table.features or ())
    for role, name in given.items():
        if name is not None:
            roles[role] = table.called(name, role)
            taken.add(name)
    if table.sequence is not None:
        roles.setdefault("sequence", table.sequence)
    for role, usual in _KNOWN.items():
        if role in roles:
            continue
        found = [name for name in table.values if name not in taken and name.strip().lower() in usual]
        if table.schema is not None:
            found = [name for name in found if name == role]
        if table.lists and role == "time":
            found = [name for name in found if name in table.lists]
        if len(found) > 1:
            raise ConfigError(
                f"{table.where}: the columns {found[0]!r} and {found[1]!r} could both be the {role}; "
                + (f"say which, as {role}=NAME" if role in given else "delete or rename one")
            )
        if found:
            roles[role] = found[0]
            taken.add(found[0])
    return roles


def _frame(
    table: Columns,
    roles: Mapping[str, str],
    features: Sequence[str] | None,
    order: np.ndarray,
    starts: np.ndarray,
) -> tuple[list[str], dict[str, str]]:
    """The columns of a frame; and those left out, with the reason."""
    if table.features is not None and features is None:
        return list(table.features), {}
    rest = [name for name in table.values if name not in roles.values()]
    if table.lists and features is None:
        rest = [name for name in rest if name in table.lists]
    if features is not None:
        frame = [table.called(name, "features") for name in features]
        changing = [name for name in rest if name not in frame and not table.is_constant(name, order, starts)]
        return frame, {name: f"the column {name!r} is not among the features and was left out" for name in changing}
    dropped = {name: index_note(name) for name in rest if _numbers_rows(table, name, len(starts) > 1)}
    for name in rest:
        if table.are_times(name) and not table.is_constant(name, order, starts):
            dropped[name] = (
                f"the column {name!r} holds times and was left out of the features; time={name} orders the frames by it"
            )
    frame = [name for name in rest if name not in dropped and table.are_numbers(name) and not table.are_times(name)]
    if not frame:
        frame = [name for name in dropped if not is_index_name(name) and not table.are_times(name)]
        dropped = {name: why for name, why in dropped.items() if name not in frame}
    if not frame:
        there = ", ".join(table.values)
        raise DataError(f"{table.where}: no column of numbers is left for the features; there are {there}")
    return frame, dropped


def _numbers_rows(table: Columns, name: str, several: bool) -> bool:
    """Whether a column only labels the rows; of a single sequence a column with a name of its own may be a feature."""
    if not table.are_numbers(name):
        return is_index_name(name) and len(set(table.texts(name))) == len(table.lines)
    return (several or name.strip().lower() in COUNTERS or is_index_name(name)) and counts_rows(
        table.numbers(name), name
    )


def _order(table: Columns, roles: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """The rows, sequence after sequence in order of time, and where in them each sequence starts."""
    count = len(table.lines)
    sequence = np.zeros(count, dtype=np.int64)
    if table.sequence is None:
        arrow.check_shards(table.texts(roles["sequence"]) if "sequence" in roles else None, table.files, table.where)
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


def _recordings(table: Columns, roles: Mapping[str, str], order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Where the recordings start: sequences, and the parts of one in which the subject and the split stay the same."""
    columns = [np.array(table.texts(roles[role]))[order] for role in ("subject", "split") if role in roles]
    return np.union1d(starts, changes(*columns)) if columns else starts


def _rate(table: Columns, roles: Mapping[str, str], order: np.ndarray, starts: np.ndarray) -> float | None:
    """The frames per second of a column of times written out; of numbers the unit is not known."""
    if "time" not in roles or not isinstance(table.values[roles["time"]], list) or not table.are_times(roles["time"]):
        return None
    steps = np.diff(table.numbers(roles["time"])[order])
    within = np.delete(steps, starts[1:] - 1)
    middle = float(np.median(within)) if len(within) else 0.0
    return float(f"{1 / middle:.5g}") if middle > 0 else None


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
        if name in role_of or name == META or table.schema is not None:
            metas[key] = table.constants(name, order, starts)
        elif not table.are_numbers(name) or table.are_times(name):
            if not table.is_constant(name, order, starts) and _mostly_values(table.texts(name)):
                table.numbers(name)  # one cell is at fault, and this error names it
            metas[key] = table.constants(name, order, starts)
    if "sequence" in roles and "name" not in metas and table.schema is None:
        metas["name"] = [str(value) for value in table.constants(roles["sequence"], order, starts)]
    return metas


def _kind(table: Columns, labels: list[str], rows: np.ndarray) -> Kind:
    """What the labels are, unless they look like numbers to be predicted: these are refused, for both can be meant."""
    values = [_by_number(label)[0] for label in labels if not absent(label)]
    if not values or not np.isfinite(values).all():
        return "class"
    fraction = next((i for i, text in enumerate(labels) if not absent(text) and float(text) % 1), None)
    many = len(set(values)) > max(MANY_CLASSES, len(values) // 2)
    if fraction is None and not many:
        return "class"
    shown = labels[fraction or 0]
    raise DataError(
        f"{table.place(rows[fraction or 0])}: the label {shown!r}"
        + (" is no whole number" if fraction is not None else f" is one of {len(set(values))} different numbers")
        + "; target=number predicts labels as numbers, target=class takes each as a class"
    )


def _mostly_values(texts: list[str]) -> bool:
    known = [text for text in texts if not absent(text)]
    return 2 * sum(map(is_value, known)) > len(known)


def _schema(
    table: Columns, labels: list[str], frame: list[str], layout: tuple[Layout | None, int | None], kind: Kind
) -> Schema:
    shape = frame_shape((len(frame),), layout[0], table.where, layout[1], frame)
    names = sorted({label for label in labels if not absent(label)}, key=_by_number) if kind == "class" else []
    return Schema(tuple(names), shape, features=tuple(frame), layout=layout[0], target=kind)


def _by_number(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name


def _label(table: Columns, schema: Schema, names: list[str], row: int) -> float:
    name = names[row]
    if schema.target == "number":
        return float(numbers([name], lambda _: f"{table.place(row)}: the label")[0])
    if name in schema.classes:
        return schema.classes.index(name)
    if absent(name):
        return -1
    raise DataError(f"{table.place(row)}: the label {name!r} is not among the classes of the file's schema")


def _case(table: Columns, frame: list[str], values: np.ndarray, rows: np.ndarray, missing: Missing) -> np.ndarray:
    return fill(values, missing, lambda t, d: f"{table.place(rows[t])}: {frame[d]}")


SOURCE = Source(
    name="table",
    title="a long table: a .csv, .tsv or .parquet file with columns for sequence, time, features and label",
    load=with_windows(with_joint_options(load)),
    read=with_windows(with_joint_options(read)),
    recognise=lambda path: bool(arrow.shards(path)) if path.is_dir() else path.name.lower().endswith(_SUFFIXES),
    may_lack=("sequence", "time", "label", "subject", "split"),
    check_options={"missing": "keep"},
)
