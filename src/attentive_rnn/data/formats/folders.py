"""A folder for each class, with a .csv, .txt, .npy or .npz file for each sequence.

    CLASS/FILE.csv                      the test part is drawn from all, or
    train/CLASS/FILE.csv, val/CLASS/FILE.csv, test/CLASS/FILE.csv

A text file has a line for each frame, with or without a line of names. An .npy file holds one array (T, ...); an .npz
file one array only, or one called sequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.arrays import Missing, check_missing, fill, read_arrays
from ..io.bad_samples import BadSamples
from ..io.cells import numbers
from ..io.files import existing, read_bytes
from ..io.text import TextTable, header_note, parse_table
from ..matching import feature_order
from ..schema import Schema
from ..skeletons.confidence import with_joint_options
from ..skeletons.layouts import Layout, asked_for_layout, frame_shape
from ..source import Source
from ..split import part_of, train_test
from .columns import counts_rows, index_note, is_index_name

_SUFFIXES = (".csv", ".tsv", ".txt", ".npy", ".npz")
Frames = tuple[np.ndarray, tuple[str, ...]]  # (T, ...) and the names of the columns


def load(
    path: str | Path,
    layout: Layout | None = None,
    subject: str | None = None,
    missing: Missing = "refuse",
    test_fraction: float = 0.25,
    seed: int = 0,
    values: int | None = None,
    header: bool | None = None,
) -> Splits[SequenceDataset]:
    """The training and test part: the folders train and test, or else a share held out for testing.

    Args:
        path: the folder.
        layout: joint layout, if the frames are skeletons.
        subject: a regular expression that finds who a file shows in its name; its first group is the subject. With
            ``subject="_s([0-9]+)_"`` the file a01_s02_e03.csv is of subject 02.
        missing: "refuse", "interpolate", "zero", "skip" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.
        test_fraction: share held out where there are no such folders: whole subjects where they are known, else
            the same share of each class.
        seed: of that draw.
        values: how many a joint has, if the frames are skeletons and can be read in two ways.
        header: whether the first line of a text file has names; None: see
            :func:`attentive_rnn.data.io.text.parse_table`.

    Raises:
        DataError: a file is malformed or unlike the others, or a part is empty.
        ConfigError: the expression is none, or has no group.
    """
    return train_test(read(path, layout, subject, missing, values, header), test_fraction, seed, missing)


def read(
    path: str | Path,
    layout: Layout | None = None,
    subject: str | None = None,
    missing: Missing = "refuse",
    values: int | None = None,
    header: bool | None = None,
) -> SequenceDataset:
    """Every sequence, in the order of its path; a part is in ``meta["split"]``. Errors as for :func:`load`."""
    check_missing(missing)
    path = existing(path)
    finder = _finder(subject)
    files, notes = _found(path)
    if not files:
        raise DataError(f"{path}: holds no folders of {', '.join(_SUFFIXES)} files")
    classes = tuple(sorted({file.parent.name for file in files}))
    cases, metas = [], []
    first: tuple[tuple[int, ...], tuple[str, ...]] | None = None
    bad = BadSamples(missing)
    tables: dict[Path, TextTable] = {}
    for file in files:
        if not _is_array(file):
            table = bad.read(partial(parse_table, read_bytes(file), str(file), header))
            tables |= {} if table is None else {file: table}
    if tables and any(table.numbered for table in tables.values()):
        # The first line counts the columns in all files, or it is a frame in all.
        if all(table.numbered for table in tables.values()):
            notes.append(header_note(f"{path}, {len(tables)} files"))
        else:
            tables |= {f: parse_table(read_bytes(f), str(f), False) for f, t in tables.items() if t.numbered}
    texts, dropped = _without_counters(path, tables, bad)
    notes.extend(dropped)

    def case(file: Path) -> np.ndarray:
        nonlocal first
        frames, names = _read_array(file) if _is_array(file) else texts[file]
        first = first or (frames.shape[1:], names)
        if names and first[1] and names != first[1] and len(names) == len(first[1]):
            order = feature_order(names, first[1], str(file), whose=str(files[0]))
            frames, names = frames if order is None else frames[:, order], first[1]
        if frames.shape[1:] != first[0] or names != first[1]:
            what = "feature names" if frames.shape[1:] == first[0] else f"frames {frames.shape[1:]}"
            raise DataError(f"{file}: has other {what} than {files[0]}; all files must agree")
        flat = frames.reshape(len(frames), -1)
        return fill(flat, missing, lambda t, d: f"{file}: frame {t}, feature {d}")

    kept = []
    for file in files:
        if _is_array(file) or file in texts:
            made = bad.read(partial(case, file))
            if made is not None:
                kept.append(file)
                cases.append(made)
                metas.append(_meta(file, path, finder))
    notes.extend(bad.notes(str(path), len(files)))
    assert first is not None
    shape = frame_shape(first[0], layout, str(path), values, first[1])
    notes += asked_for_layout(shape, str(path), first[1]) if layout is None else []
    return SequenceDataset(
        [torch.from_numpy(case).reshape(-1, *shape) for case in cases],
        [classes.index(file.parent.name) for file in kept],
        metas,
        Schema(classes, shape, features=first[1], layout=layout),
        path.name,
        notes,
    )


def _files(path: Path) -> Iterator[Path]:
    for folder in _folders(path):
        parts = _folders(folder) if part_of(folder.name) else [folder]
        for part in parts:
            for file in sorted(part.iterdir()):
                if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".") and file.is_file():
                    yield file


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
    count = f"{len(others)} file{'s are' if len(others) > 1 else ' is'}"
    return files, [
        f"{path}: {count} left out, which are not CLASS/FILE or PART/CLASS/FILE with {', '.join(_SUFFIXES)}; "
        f"the first is {others[0]}"
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


def _meta(file: Path, root: Path, finder: re.Pattern[str] | None) -> dict[str, Any]:
    folder = file.parent
    meta: dict[str, Any] = {"name": f"{folder.name}/{file.stem}"}
    if folder.parent != root:
        meta["split"] = folder.parent.name
    if finder is not None:
        match = finder.search(file.stem)
        if match is None or match[1] is None:
            raise DataError(f"{file}: subject={finder.pattern!r} finds no subject in its name")
        meta["subject"] = match[1]
    return meta


def _is_array(file: Path) -> bool:
    return file.suffix.lower() in (".npy", ".npz")


def _read_array(file: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """The frames (T, ...) of a file of arrays; it has no names."""
    arrays = read_arrays(file)
    values = next(iter(arrays.values())) if len(arrays) == 1 else arrays.get("sequence")
    if values is None:
        raise DataError(f"{file}: must hold one array, or one called sequence; it holds {', '.join(arrays)}")
    if values.dtype.kind not in "iuf" or values.ndim < 2 or 0 in values.shape:
        raise DataError(f"{file}: a sequence must be numbers (T, ...), got {values.dtype} {values.shape}")
    return values, ()


def _read_table(file: Path, table: TextTable) -> tuple[np.ndarray, tuple[str, ...]]:
    """The frames (T, D) of a text file, and the names of its columns if it has some."""
    columns = [
        numbers(column, lambda row, name=name: f"{file}, line {table.lines[row]}: {name}")  # type: ignore[misc]
        for name, column in table.columns().items()
    ]
    return np.stack(columns, axis=1), table.names or ()


def _without_counters(
    path: Path, tables: dict[Path, TextTable], bad: BadSamples
) -> tuple[dict[Path, Frames], list[str]]:
    """The frames of text files without a nameless column that counts rows, and the note on it."""
    read_or_not = {file: bad.read(partial(_read_table, file, table)) for file, table in tables.items()}
    found = {file: frames for file, frames in read_or_not.items() if frames is not None}
    if not found or len(next(iter(found.values()))[1]) < 2:
        return found, []
    names = next(iter(found.values()))[1]
    if not is_index_name(names[0]) or any(other != names for _, other in found.values()):
        return found, []
    if not all(counts_rows(frames[:, 0]) for frames, _ in found.values()):
        return found, []
    cut = {file: (frames[:, 1:], names[1:]) for file, (frames, _) in found.items()}
    return cut, [f"{path}: {index_note(names[0])}"]


SOURCE = Source(
    name="folders",
    title="a folder for each class with a .csv, .txt, .npy or .npz file for each sequence",
    load=with_joint_options(load),
    read=with_joint_options(read),
    recognise=lambda path: path.is_dir() and next(_files(path), None) is not None,
    check_options={"missing": "keep"},
)
