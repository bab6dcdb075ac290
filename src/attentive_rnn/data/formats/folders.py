"""A folder for each class, with a .csv, .txt, .npy or .npz file for each sequence.

    CLASS/FILE.csv                      the test part is drawn from all, or
    train/CLASS/FILE.csv, test/CLASS/FILE.csv

A text file has a line for each frame, with or without a line of names. An .npy file holds one array (T, ...); an .npz
file one array only, or one called sequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.arrays import Missing, check_missing, fill, read_arrays
from ..io.files import existing, read_bytes
from ..io.text import numbers, parse_table
from ..schema import Schema
from ..skeletons.confidence import with_joint_options
from ..skeletons.layouts import frame_shape
from ..source import Source
from ..split import train_test

_SUFFIXES = (".csv", ".tsv", ".txt", ".npy", ".npz")
_PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}


def load(
    path: str | Path,
    layout: str | None = None,
    subject: str | None = None,
    missing: Missing = "refuse",
    test_fraction: float = 0.25,
    seed: int = 0,
) -> Splits[SequenceDataset]:
    """The training and test part: the folders train and test, or else a share held out for testing.

    Args:
        path: the folder.
        layout: joint layout, if the frames are skeletons.
        subject: a regular expression that finds who a file shows in its name; its first group is the subject. With
            ``subject="_s([0-9]+)_"`` the file a01_s02_e03.csv is of subject 02.
        missing: "refuse", "interpolate", "zero" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.
        test_fraction: share held out where there are no such folders: whole subjects where they are known, else
            the same share of each class.
        seed: of that draw.

    Raises:
        DataError: a file is malformed or unlike the others, or a part is empty.
        ConfigError: the expression is none, or has no group.
    """
    return train_test(read(path, layout, subject, missing), test_fraction, seed)


def read(
    path: str | Path, layout: str | None = None, subject: str | None = None, missing: Missing = "refuse"
) -> SequenceDataset:
    """Every sequence, in the order of its path; a part is in ``meta["split"]``. Errors as for :func:`load`."""
    check_missing(missing)
    path = existing(path)
    finder = _finder(subject)
    files = list(_files(path))
    if not files:
        raise DataError(f"{path}: holds no folders of {', '.join(_SUFFIXES)} files")
    classes = tuple(sorted({file.parent.name for file in files}))
    cases, metas = [], []
    first: tuple[tuple[int, ...], tuple[str, ...]] | None = None
    for file in files:
        frames, names = _read_file(file)
        first = first or (frames.shape[1:], names)
        if frames.shape[1:] != first[0] or names != first[1]:
            what = "feature names" if frames.shape[1:] == first[0] else f"frames {frames.shape[1:]}"
            raise DataError(f"{file}: has other {what} than {files[0]}; all files must agree")
        flat = frames.reshape(len(frames), -1)
        cases.append(fill(flat, missing, lambda t, d, file=file: f"{file}: frame {t}, feature {d}"))  # type: ignore[misc]
        metas.append(_meta(file, path, finder))
    assert first is not None
    shape = frame_shape(first[0], layout, str(path))
    return SequenceDataset(
        [torch.from_numpy(case).reshape(-1, *shape) for case in cases],
        [classes.index(file.parent.name) for file in files],
        metas,
        Schema(classes, shape, features=first[1], layout=layout),
        path.name,
    )


def _files(path: Path) -> Iterator[Path]:
    for folder in _folders(path):
        parts = _folders(folder) if folder.name.lower() in _PARTS else [folder]
        for part in parts:
            for file in sorted(part.iterdir()):
                if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".") and file.is_file():
                    yield file


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
        meta["split"] = _PARTS[folder.parent.name.lower()]
    if finder is not None:
        match = finder.search(file.stem)
        if match is None or match[1] is None:
            raise DataError(f"{file}: subject={finder.pattern!r} finds no subject in its name")
        meta["subject"] = match[1]
    return meta


def _read_file(file: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """The frames (T, ...) of a file, and the names of its columns if it has some."""
    if file.suffix.lower() in (".npy", ".npz"):
        arrays = read_arrays(file)
        values = next(iter(arrays.values())) if len(arrays) == 1 else arrays.get("sequence")
        if values is None:
            raise DataError(f"{file}: must hold one array, or one called sequence; it holds {', '.join(arrays)}")
        if values.dtype.kind not in "iuf" or values.ndim < 2 or 0 in values.shape:
            raise DataError(f"{file}: a sequence must be numbers (T, ...), got {values.dtype} {values.shape}")
        return values, ()
    table = parse_table(read_bytes(file), str(file))
    names = table.names or tuple(f"column {i}" for i in range(1, len(table.rows[0]) + 1))
    columns = [
        numbers(column, lambda row, name=name: f"{file}, line {table.lines[row]}: {name}")  # type: ignore[misc]
        for name, column in zip(names, zip(*table.rows, strict=True), strict=True)
    ]
    return np.stack(columns, axis=1), table.names or ()


SOURCE = Source(
    name="folders",
    title="a folder for each class with a .csv, .txt, .npy or .npz file for each sequence",
    load=with_joint_options(load),
    read=with_joint_options(read),
    recognise=lambda path: path.is_dir() and next(_files(path), None) is not None,
    check_options={"missing": "keep"},
)
