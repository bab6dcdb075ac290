"""Long tables, .csv or .parquet: a row for each frame, with columns for the sequence, the time, features and label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset
from ..io import arrow
from ..io.arrays import Missing
from ..io.bad_samples import BadSamples
from ..io.cells import Decimal
from ..io.files import decompress, existing, read_bytes, unpacked
from ..io.text import header_note, parse_table
from ..io.text_columns import TextColumn, plain_table
from ..labels.kinds import Kind
from ..recordings import RateUnknownError, Windows, changes, with_windows
from ..schema import Schema
from ..skeletons.confidence import with_joint_options
from ..skeletons.layouts import Layout, asked_for_layout, frame_shape
from ..skeletons.units import with_units
from ..source import Source
from ..split import with_test_part
from ..stored.spool import is_on_disk
from . import parquet
from .columns import Columns, from_columns
from .long import pieces
from .long.frames import Reading, gather, sorted_rows
from .long.labels import label_of_two_states, read_labels
from .long.rates import find_rate
from .long.roles import KNOWN, Rows, find_roles, likely_sequence, option_sequence, with_part_of_flags
from .long.wide import OPTION, long

_FEW_ROWS = 10  # in more, sequences of one frame each are worth a note
_FLOAT = re.compile(r"[+-]?\d+\.0*").fullmatch  # a class that is written as a float
_SUFFIXES = (".csv", ".tsv", *arrow.SUFFIXES)


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
    keep: Sequence[str] = (),
    decimal: Decimal | None = None,
    wide: bool = False,
    windows: Windows | None = None,
) -> SequenceDataset:
    """Every sequence, labelled or not, in the order of their first rows; without a sequence column it is one.

    Args:
        path: the .csv (also .gz, .xz), .tsv or .parquet file.
        sequence, time, label, subject, split: names of the columns; without them the usual names are recognised
            ("id", "frame", "class", ...), whatever their case. Rows of a sequence are sorted by time.
        features: the columns of the frame, in order; else all other columns of numbers.
        layout: joint layout, if the features are those of skeletons: person by person, joint by joint.
        missing: "refuse", "interpolate", "zero", "skip" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.
        values: how many a joint has, if the frames are skeletons and can be read in two ways.
        header: whether the first line of a text file has names; None: see
            :func:`attentive_rnn.data.io.text.parse_table`.
        target: "class" or "number", what a label is; None: a class, and labels with fractions are refused.
        keep: columns that are features although they look like a number of a row or sequence, or a time.
        decimal: "comma" or "point", how numbers are written where a column does not tell, as 1,234.
        wide: whether a row is a whole sequence, with a column for each frame; see
            :func:`attentive_rnn.data.formats.long.wide.long`.
        windows: how sequences whose label changes are cut, each of one subject and part.

    Raises:
        DataError: the file is malformed, or a label changes within a sequence or is not there.
        ConfigError: the file has no column of a given name.
    """
    path = existing(path)
    given = {"sequence": sequence, "time": time, "label": label, "subject": subject, "split": split}
    reading = Reading(given, features, keep, layout, missing, values, target, decimal)
    if is_on_disk() and not wide and (dataset := _in_pieces(path, header, reading, windows)) is not None:
        return dataset
    table, notes = _columns(path, header, decimal)
    if wide:
        usual = {name for name in table.values if any(name.strip().lower() in known for known in KNOWN.values())}
        table = long(table, frozenset(usual | {name for name in given.values() if name is not None}))
    return _dataset(table, notes, path.name.split(".")[0], reading, windows)


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
    keep: Sequence[str] = (),
    decimal: Decimal | None = None,
) -> SequenceDataset:
    """The sequences of a long table in memory, read as one in a file is.

    Args:
        frame: a DataFrame of pandas or polars, a Table of pyarrow, a mapping of columns by name, or a Dataset or
            DatasetDict of Hugging Face: a row for each frame, or for each sequence with columns of lists. The labels of
            the rows of a pandas DataFrame are columns where they have names.
        sequence, time, label, subject, split, features, layout, missing, values, target, keep, decimal: as for
            :func:`read`.
        name: of the data set in messages.

    Returns:
        Every sequence, labelled or not; a part is in ``meta["split"]``. :func:`validation_split` divides it.

    Raises:
        DataError, ConfigError: as for :func:`read`; messages name rows, counted from 1.
        MissingExtraError: pyarrow is not installed.

    Example:
        >>> table = {"id": [1, 1, 2], "label": ["up", "up", "down"], "x": [0.5, 1.5, 2.5]}
        >>> data = from_frame(table)
        >>> data.schema.classes, data.schema.features, data.lengths.tolist()
        (('down', 'up'), ('x',), [2, 1])
    """
    given = {"sequence": sequence, "time": time, "label": label, "subject": subject, "split": split}
    reading = Reading(given, features, keep, layout, missing, values, target, decimal)
    return _dataset(replace(parquet.frame_columns(frame, name), decimal=decimal), [], name, reading)


def _check_several(path: Path, dataset: SequenceDataset) -> None:
    if len(dataset) == 1:
        if asked := next((note for note in dataset.notes if "--option sequence=" in note), None):
            raise DataError(asked)
        raise DataError(
            f"{path}: holds one sequence; say which column tells the sequences apart with --option sequence=NAME "
            f"(features found: {', '.join(dataset.schema.features[:8]) or dataset.schema.size})"
        )


def _dataset(
    table: Columns, notes: list[str], name: str, reading: Reading, windows: Windows | None = None
) -> SequenceDataset:
    reading.check("table")
    table, given, told = with_part_of_flags(table, reading.given, [*reading.keep, *(reading.features or ())])
    notes += told
    roles = find_roles(table, given)
    rows = _rows(table, roles)
    if windows is not None:
        rows = _recordings(table, roles, rows)
    asked = [*reading.keep, *(reading.features or ())]
    state, told = label_of_two_states(table, roles, rows, asked, of_frames=windows is not None)
    roles, notes = roles | ({"label": state} if state else {}), notes + told
    labels = read_labels(table, roles.get("label"), rows, reading.target, of_frames=windows is not None)
    if "sequence" in roles and reading.given["sequence"] is None and len(rows.starts) == len(rows.order) > _FEW_ROWS:
        notes.append(
            f"{table.where}: by the column {roles['sequence']!r} each of the {len(rows.order)} rows is a sequence "
            f"of its own; --option sequence=NAME names another column, {OPTION}"
        )
    if "sequence" not in roles and table.sequence is None and (likely := likely_sequence(table, roles)) is not None:
        notes.append(
            f"{table.where}: all {len(rows.order)} rows are one sequence: no column that tells them apart was named; "
            f"is it {likely!r}? --option sequence={likely}"
        )
    if reading.target is None and labels.kind == "class" and any(map(_FLOAT, labels.classes)):
        notes.append(
            f"{table.where}: the labels are numbers such as {labels.classes[0]} and were taken as "
            f"{len(labels.classes)} classes; --option target=number predicts them as numbers"
        )
    bad = BadSamples(reading.missing)
    found = gather(table, roles, rows, reading, bad)
    schema, told = table.schema, []
    if schema is None:
        shape = frame_shape((len(found.frame),), reading.layout, table.where, reading.values, found.frame)
        schema = Schema(labels.classes, shape, tuple(found.frame), reading.layout, target=labels.kind)
        notes += asked_for_layout(shape, table.where, schema.features) if reading.layout is None else []
    if schema.rate is None and table.schema is None:
        rate, told = find_rate(table, roles, rows, even=windows is None)
        schema, notes = replace(schema, rate=rate), notes + told
    kept = [i for i, case in enumerate(found.cases) if case is not None]
    dataset = SequenceDataset(
        [torch.from_numpy(case).reshape(-1, *schema.shape) for case in found.cases if case is not None],
        [labels.values[i] if windows is None else -1 for i in kept],
        from_columns({key: [values[i] for i in kept] for key, values in found.facts.items()}, len(kept), table.where),
        schema,
        name,
        [*notes, *bad.notes(table.where, len(found.cases)), *found.notes],
    )
    if windows is not None:
        of_frames = np.split(np.array(labels.values, dtype=np.int64), rows.starts[1:])
        try:
            dataset = windows.cut(dataset, table.where, [of_frames[i] for i in kept])
        except RateUnknownError as error:
            raise RateUnknownError(told[0] if told else str(error)) from error
    dataset.columns = found.uses
    return dataset


def _columns(path: Path, header: bool | None, decimal: Decimal | None) -> tuple[Columns, list[str]]:
    """The columns of a file, and notes on how it was taken."""
    if path.is_dir() or path.suffix.lower() in arrow.SUFFIXES:
        return replace(parquet.read_columns(path), decimal=decimal), []
    return _text_columns(decompress(read_bytes(path), str(path)), path, header, decimal)


def _text_columns(data: bytes, path: Path, header: bool | None, decimal: Decimal | None) -> tuple[Columns, list[str]]:
    if (plain := plain_table(data, str(path), header)) is not None:
        return Columns(str(path), "line", plain.lines, dict(plain.columns), decimal=decimal), []
    table = parse_table(data, str(path), header, packed=False)
    if table.unclear:
        raise DataError(table.unclear)
    columns: dict[str, list[str] | TextColumn | np.ndarray] = {**table.columns()}
    notes = [*table.notes, *([header_note(str(path))] if table.numbered else [])]
    return Columns(str(path), "line", table.lines, columns, decimal=decimal), notes


def _in_pieces(path: Path, header: bool | None, reading: Reading, windows: Windows | None) -> SequenceDataset | None:
    """The data set of a file that is larger than a piece; None of another, or where no column tells the sequences."""
    name, arrow_file = path.name.lower(), path.suffix.lower() == ".parquet"
    if path.is_dir() or not name.endswith((".csv", ".tsv", ".parquet")) or path.stat().st_size <= pieces.PIECE:
        return None

    def last(table: Columns) -> int:
        roles = find_roles(table, reading.given)
        if "sequence" not in roles:
            raise _OneSequenceError
        return int(changes(table.codes(roles["sequence"])[0])[-1])

    def columns(source: Any) -> Columns:
        if arrow_file:
            return replace(parquet.table_columns(source, str(path)), decimal=reading.decimal)
        table, _ = _text_columns(source, path, header, reading.decimal)
        if all(map(table.is_nameless, table.values)):
            raise _OneSequenceError
        return table

    if header is False:
        return None
    tables = (
        pieces.of_batches(parquet.batches(path), columns, last) if arrow_file else pieces.of_text(path, columns, last)
    )
    try:
        made = [_dataset(table, [], path.name.split(".")[0], reading, windows) for table in tables]
    except _OneSequenceError:
        return None
    return pieces.joined(made, str(path))


class _OneSequenceError(Exception):
    """All rows of a file are of one sequence, so that it cannot be read in pieces."""


def _rows(table: Columns, roles: Mapping[str, str]) -> Rows:
    """The rows, sequence after sequence in order of time."""
    sequence = np.zeros(len(table.lines), dtype=np.int64)
    if table.sequence is None:
        arrow.check_shards(table.texts(roles["sequence"]) if "sequence" in roles else None, table.shards, table.where)
    if "sequence" in roles:
        sequence, names = table.codes(roles["sequence"])
        if "" in names:
            raise DataError(f"{table.place(int((sequence == names.index('')).argmax()))}: {roles['sequence']} is empty")
    try:
        return sorted_rows(table, sequence, roles.get("time"))
    except DataError as error:
        if "sequence" in roles:
            raise
        raise DataError(f"{error}; which column tells the sequences apart? {option_sequence(table, roles)}") from error


def _recordings(table: Columns, roles: Mapping[str, str], rows: Rows) -> Rows:
    """The rows with the recordings for sequences: the parts of a sequence with the same subject and split."""
    columns = [np.array(table.texts(roles[role]))[rows.order] for role in ("subject", "split") if role in roles]
    return Rows(rows.order, np.union1d(rows.starts, changes(*columns))) if columns else rows


SOURCE = Source(
    name="table",
    title="a long table: a .csv, .tsv or .parquet file with columns for sequence, time, features and label",
    load=with_units(with_windows(with_joint_options(with_test_part(read, _check_several)))),
    read=with_units(with_windows(with_joint_options(read))),
    recognise=lambda path: bool(arrow.shards(path)) if path.is_dir() else unpacked(path).suffix.lower() in _SUFFIXES,
    may_lack=("sequence", "time", "label", "subject", "split"),
    check_options={"missing": "keep"},
)
