"""A folder for each class, with a .csv, .txt, .npy or .npz file for each sequence.

    CLASS/FILE.csv                      the test part is drawn from all, or
    train/CLASS/FILE.csv, val/CLASS/FILE.csv, test/CLASS/FILE.csv
    FILE.csv, or train/FILE.csv, ...    the label is in a column of each file, or in a table beside: labels.csv

A text file has a line for each frame, with or without a line of names; columns are told apart as in a table. An .npy
file holds one array (T, ...); an .npz file one array only, or one called sequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError, DataError, counted
from ..dataset import SequenceDataset
from ..io.arrays import Missing, fill, read_arrays
from ..io.bad_samples import BadSamples
from ..io.cells import Decimal
from ..io.files import existing, read_bytes, unpacked
from ..io.text import TextTable, header_note, parse_table
from ..io.text_columns import TextColumn
from ..labels.kinds import Kind, Labels, labels_of_files
from ..labels.table import facts_of_table, label_table
from ..matching import feature_order
from ..schema import Schema
from ..skeletons.confidence import with_joint_options
from ..skeletons.layouts import Layout, asked_for_layout, frame_shape
from ..skeletons.units import with_units
from ..source import Source
from ..split import check_part_folders, part_of, with_test_part
from .columns import Columns
from .long.frames import Frames, Reading, gather, sorted_rows
from .long.labels import label_of_two_states, read_labels
from .long.rates import find_rate
from .long.roles import KNOWN, Left, Rows, find_roles

_TABLES, _ARRAYS = (".csv", ".tsv", ".txt"), (".npy", ".npz")
_SUFFIXES = (*_TABLES, *_ARRAYS)
_NO_CLASS = (
    "no file is in a folder named as its class, and no column is called label or class; move the files into such "
    "folders, or name the column with --option label=NAME"
)


def _check_labelled(path: Path, dataset: SequenceDataset) -> None:
    if not dataset.labelled.any():
        raise DataError(f"{path}: {_NO_CLASS}")


def read(
    path: str | Path,
    layout: Layout | None = None,
    subject: str | None = None,
    missing: Missing = "refuse",
    values: int | None = None,
    header: bool | None = None,
    time: str | None = None,
    label: str | None = None,
    features: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    target: Kind | None = None,
    decimal: Decimal | None = None,
) -> SequenceDataset:
    """Every sequence, in the order of its path; a part is in ``meta["split"]``.

    Args:
        path: the folder.
        layout: joint layout, if the frames are skeletons.
        subject: a regular expression that finds who a file shows in its name; its first group is the subject. With
            ``subject="_s([0-9]+)_"`` the file a01_s02_e03.csv is of subject 02. None: a column of a usual name.
        missing: "refuse", "interpolate", "zero", "skip" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.
        values: how many a joint has, if the frames are skeletons and can be read in two ways.
        header: whether the first line of a text file has names; None: see
            :func:`attentive_rnn.data.io.text.parse_table`.
        time: the column by which the frames of a text file are ordered; None: the one of a usual name.
        label: the column with the class of a file, or the number to predict; None: the folder names the class.
        features, keep, target, decimal: of text files, as for tables; see
            :func:`attentive_rnn.data.formats.tables.read`.

    Raises:
        DataError: a file is malformed or unlike the others.
        ConfigError: the expression is none, or has no group, or the files have no column of a given name.
    """
    reading = Reading({"time": time, "label": label}, features, keep, layout, missing, values, target, decimal)
    reading.check("folders")
    path = existing(path)
    finder = _finder(subject)
    files, notes = _found(path)
    of_table: dict[Path, dict[str, Any]] | None = None
    if flat := not files:
        files, notes = _flat(path), []
        if not files:
            raise DataError(f"{path}: holds no folders of {', '.join(_SUFFIXES)} files")
        if beside := label_table(files):
            files.remove(beside)
            of_table, notes = facts_of_table(beside, files, {"label": label})
            reading = replace(reading, given={"time": time})
    bad = BadSamples(missing)
    table, texts, more = _joined(path, [file for file in files if not _is_array(file)], header, reading, bad)
    notes += more
    found, labels, rate = None, None, None
    if table is not None:
        found, labels, rate = _text_frames(table, texts, reading, bad, finder is None, flat and of_table is None)
    named = found is not None and table is not None and not table.is_nameless(found.frame[0])
    names = tuple(found.frame) if found and named else ()
    of_texts = dict(zip(texts, found.cases, strict=True)) if found else {}
    first: tuple[Path, tuple[int, ...], tuple[str, ...]] | None = None
    kept, cases = [], []
    for file in files:
        case = bad.read(partial(_array_case, file, missing)) if _is_array(file) else of_texts.get(file)
        if case is None:
            continue
        own = () if _is_array(file) else names
        first = first or (file, case.shape[1:], own)
        if (case.shape[1:], own) != first[1:]:
            what = "feature names" if case.shape[1:] == first[1] else f"frames {case.shape[1:]}"
            raise DataError(f"{file}: has other {what} than {first[0]}; all files must agree")
        kept.append(file)
        cases.append(case)
    notes.extend([*bad.notes(str(path), len(files)), *(found.notes if found else ())])
    assert first is not None
    if labels is None:
        of_files = [(of_table or {}).get(file, {}).pop("label", None) if flat else file.parent.name for file in kept]
        labels = labels_of_files(of_files, kept, target, decimal)
        if flat and not any(name is not None for name in of_files):
            notes.append(f"{path}: {_NO_CLASS}")
    elif arrays := [file for file in kept if _is_array(file)]:
        raise DataError(f"{arrays[0]}: has no column for label={label}")
    else:
        labels = replace(labels, values=[labels.values[texts.index(file)] for file in kept])
    shape = frame_shape(first[1], layout, str(path), values, first[2])
    notes += asked_for_layout(shape, str(path), first[2]) if layout is None else []
    facts = {file: {key: v[i] for key, v in found.facts.items()} for i, file in enumerate(texts)} if found else {}
    dataset = SequenceDataset(
        [torch.from_numpy(case).reshape(-1, *shape) for case in cases],
        labels.values,
        [facts.get(file, {}) | _meta(file, path, finder, flat) | (of_table or {}).get(file, {}) for file in kept],
        Schema(labels.classes, shape, features=first[2], layout=layout, rate=rate, target=labels.kind),
        path.name,
        notes,
    )
    dataset.columns = found.uses if found and named else ()
    return dataset


def _joined(
    path: Path, files: list[Path], header: bool | None, reading: Reading, bad: BadSamples
) -> tuple[Columns | None, list[Path], list[str]]:
    """The rows of text files one after the other, None where there are none; the files that were read; and notes."""
    tables: dict[Path, TextTable] = {}
    for file in files:
        table = bad.read(partial(parse_table, read_bytes(file), str(file), header))
        tables |= {} if table is None else {file: table}
    if not tables:
        return None, [], []
    notes = list(dict.fromkeys(note for table in tables.values() for note in table.notes))
    notes = notes[:1] + ([f"{path}: so it is in {len(notes)} files"] if len(notes) > 1 else [])
    # The first line has names in all files, or it is a frame in all; if it is the same in all, one of them tells.
    same = len({table.names or tuple(table.rows[0]) for table in tables.values()}) == 1
    every = any if same and len(tables) > 1 else all
    numbered = every(table.numbered for table in tables.values())
    if not numbered and every(table.unclear for table in tables.values()):
        raise DataError(next(table.unclear for table in tables.values() if table.unclear))
    if numbered:
        notes.append(header_note(f"{path}, {counted(len(tables), 'file')}"))
    others = [file for file, table in tables.items() if table.numbered != numbered and header is None]
    if any(table.numbered for table in tables.values()):
        tables |= {file: parse_table(read_bytes(file), str(file), numbered) for file in others}
    first = next(iter(tables))
    fitting = {}
    for file in list(tables):
        columns = bad.read(partial(_columns_as, tables[file], file, tables[first], first))
        if columns is not None:
            fitting[file] = (columns, tables[file].lines)
    counts = [len(lines) for _, lines in fitting.values()]
    values: dict[str, list[str] | TextColumn | np.ndarray] = {}
    for name in tables[first].columns():
        values[name] = [text for columns, _ in fitting.values() for text in columns.pop(name)]
    joined = Columns(
        str(path if len(fitting) > 1 else first),
        "line",
        [line for _, lines in fitting.values() for line in lines],
        values,
        decimal=reading.decimal,
        files=tuple(map(str, fitting)),
        starts=tuple(np.cumsum([0, *counts[:-1]]).tolist()),
    )
    return joined, list(fitting), notes


def _columns_as(table: TextTable, file: Path, wanted: TextTable, first: Path) -> dict[str, list[str]]:
    """The columns of a file, named as those of the first file, or the error that they are others."""
    columns = table.columns()
    if len(columns) != len(wanted.rows[0]):
        raise DataError(
            f"{file}: has {counted(len(columns), 'column')}, but {first} has {len(wanted.rows[0])}; all files must "
            "agree"
        )
    if (table.names is None) != (wanted.names is None):
        raise DataError(f"{file}: has {'no ' if table.names is None else ''}names of columns, unlike {first}")
    if table.names and wanted.names:
        order = feature_order(table.names, wanted.names, str(file), whose=str(first))
        if order is not None:
            return {name: columns[table.names[i]] for name, i in zip(wanted.names, order, strict=True)}
    return columns


def _text_frames(
    table: Columns, files: list[Path], reading: Reading, bad: BadSamples, subjects: bool, flat: bool
) -> tuple[Frames, Labels | None, float | None]:
    """The frames of the files of a joined table; their labels, where a column has them; and frames per second.

    In a flat folder, this is a column of a usual name that is the same throughout each file, if it is the only one.
    """
    sequence = np.repeat(np.arange(len(files)), np.diff([*table.starts, len(table.lines)]))
    rows = sorted_rows(table, sequence, None)
    roles = find_roles(table, reading.given, ())
    free = [name for name in table.values if name not in (*roles.values(), *reading.keep, *(reading.features or ()))]

    def usual(role: str) -> list[str]:
        return [name for name in free if name.strip().lower() in KNOWN[role]]

    for name in usual("time")[: 0 if "time" in roles else None]:
        if _orders(table, name, rows):
            roles["time"] = name
            break
    fixed = [name for name in usual("subject") if table.is_constant(name, rows.order, rows.starts)]
    if subjects and len(fixed) == 1:
        roles["subject"] = fixed[0]
    for name in usual("sequence"):
        ids = table.texts(name)
        if not table.is_constant(name, rows.order, rows.starts) and len(set(ids)) < len(ids) / 2:
            raise DataError(
                f"{table.where}: the column {name} has several values in a file, as if it held several sequences; "
                "write all rows into one .csv, whose rows it tells apart, or delete the column"
            )
    likely = [name for name in usual("label") if table.is_constant(name, rows.order, rows.starts)]
    if flat and "label" not in roles and len(likely) == 1:
        roles["label"] = likely[0]
    rows = sorted_rows(table, sequence, roles.get("time"))
    told: list[str] = []
    if flat:
        state, told = label_of_two_states(table, roles, rows, [*reading.keep, *(reading.features or ())])
        roles |= {"label": state} if state else {}
    labels = read_labels(table, roles["label"], rows, reading.target) if "label" in roles else None
    named = {name for name in usual("label") if name.strip().lower() in ("label", "class")}
    named |= set(likely)
    left = {name: Left("is a label beside the class that the folder names", "label") for name in named}
    rate, several = find_rate(table, roles, rows, of="files")
    found = gather(table, roles, rows, reading, bad, {} if labels else left)
    return replace(found, notes=told + several + found.notes), labels, rate


def _orders(table: Columns, name: str, rows: Rows) -> bool:
    """Whether a column has another time for each frame of a file."""
    values, faults = table.parsed(name)
    if faults or not np.isfinite(values).all():
        return False
    order = np.lexsort((values, np.repeat(np.arange(len(rows.starts)), np.diff([*rows.starts, len(rows.order)]))))
    return bool((np.diff(values[order])[rows.within] > 0).all())


def _array_case(file: Path, missing: Missing) -> np.ndarray:
    """The frames of a file of arrays, float32 (T, ...)."""
    values = _read_array(file)
    flat = fill(values.reshape(len(values), -1), missing, lambda t, d: f"{file}: frame {t}, feature {d}")
    return flat.reshape(values.shape)


def _files(path: Path) -> Iterator[Path]:
    for folder in _folders(path):
        parts = _folders(folder) if part_of(folder.name) else [folder]
        for part in parts:
            for file in sorted(part.iterdir()):
                if _is_sequence(file) and not file.name.startswith(".") and file.is_file():
                    yield file


def _flat(path: Path) -> list[Path]:
    """The tables of a folder without folders of classes, or of its parts.

    Raises:
        DataError: they are parts themselves.
    """
    files = []
    for folder in [path, *(folder for folder in _folders(path) if part_of(folder.name))]:
        found = [file for file in sorted(folder.iterdir()) if unpacked(file).suffix.lower() in (".csv", ".tsv")]
        files += [file for file in found if not file.name.startswith(".") and file.is_file()]
    parts = [file.name for file in files if part_of(unpacked(file).stem)]
    if len(parts) > 1:
        raise DataError(
            f"{path}: {' and '.join(parts)} are tables of parts: join them into one .csv with a column split, or put "
            "each sequence into a file of its own, PART/CLASS/FILE.csv"
        )
    return files if len(files) > 1 else []


def _found(path: Path) -> tuple[list[Path], list[str]]:
    """The files of the sequences, and a note on the others below the folder."""
    files = list(_files(path))
    taken = set(files)
    others = [
        file.relative_to(path)
        for folder in _folders(path)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file not in taken and not any(p.startswith(".") for p in file.relative_to(path).parts)
    ]
    if not others:
        return files, []
    readable = [file for file in others if _is_sequence(file)]
    check_part_folders(
        [file.relative_to(path).parts[:-1] for file in files] + [f.parts[:-1] for f in readable], str(path)
    )
    are = "are" if len(others) > 1 else "is"
    return files, [
        f"{path}: {counted(len(others), 'file')} {are} left out, which {are} not CLASS/FILE or PART/CLASS/FILE with "
        f"{', '.join(_SUFFIXES)}; the first is {others[0]}"
    ]


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith((".", "__MACOSX")))


def _finder(subject: str | None) -> re.Pattern[str] | None:
    if subject is None:
        return None
    try:
        finder = re.compile(subject)
    except re.error as error:
        raise ConfigError(f"subject={subject!r} is not a regular expression: {error}") from error
    if finder.groups < 1:
        raise ConfigError(f"subject={subject!r} has no group: put what names the subject in parentheses")
    return finder


def _meta(file: Path, root: Path, finder: re.Pattern[str] | None, flat: bool) -> dict[str, Any]:
    folder, file = file.parent, unpacked(file)
    meta: dict[str, Any] = {"name": file.stem if flat else f"{folder.name}/{file.stem}"}
    part = folder if flat else folder.parent
    if part != root:
        meta["split"] = part.name
    if finder is not None:
        match = finder.search(file.stem)
        if match is None or match[1] is None:
            raise DataError(f"{file}: subject={finder.pattern!r} finds no subject in its name")
        meta["subject"] = match[1]
    return meta


def _is_array(file: Path) -> bool:
    return file.suffix.lower() in _ARRAYS


def _is_sequence(file: Path) -> bool:
    """Whether a file has the name of one that is read; a table may be packed."""
    return _is_array(file) or unpacked(file).suffix.lower() in _TABLES


def _read_array(file: Path) -> np.ndarray:
    """The frames (T, ...) of a file of arrays."""
    arrays = read_arrays(file)
    values = next(iter(arrays.values())) if len(arrays) == 1 else arrays.get("sequence")
    if values is None:
        raise DataError(f"{file}: must hold one array, or one called sequence; it holds {', '.join(arrays)}")
    if values.dtype.kind not in "iuf" or values.ndim < 2 or 0 in values.shape:
        raise DataError(f"{file}: a sequence must be numbers (T, ...), got {values.dtype} {values.shape}")
    return values


SOURCE = Source(
    name="folders",
    title="a folder for each class with a .csv, .txt, .npy or .npz file for each sequence",
    load=with_units(with_joint_options(with_test_part(read, _check_labelled))),
    read=with_units(with_joint_options(read)),
    recognise=lambda path: path.is_dir() and (next(_files(path), None) is not None or bool(_flat(path))),
    check_options={"missing": "keep"},
)
