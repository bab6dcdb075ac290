"""Skeleton arrays of ST-GCN and its successors: PART_data.npy, (N, C, T, V, M), with PART_label.pkl beside it.

The pickle holds (names, labels). Sequences are padded with zeros at their end, which are taken off; people who are not
there are zeros. Reference: S. Yan, Y. Xiong, D. Lin, "Spatial temporal graph convolutional networks for skeleton-based
action recognition", AAAI 2018.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset, Splits, concatenate
from ..io.arrays import read_arrays
from ..io.bad_samples import Bad, check_bad
from ..io.files import existing, read_bytes
from ..io.pickle import PickledArray, load_plain
from ..schema import Schema
from ..source import Source
from ..split import part_of, train_test
from .pyskl import meaning

_FILE = re.compile(r"(?P<part>.+?)_data(?P<kind>.*)\.npy", re.IGNORECASE | re.DOTALL)
_LAYOUTS = {25: "ntu-25", 20: "kinect-20", 18: "openpose-18", 17: "coco-17", 15: "jhmdb-15", 33: "mediapipe-33"}


def load(
    path: str | Path, missing: Bad = "refuse", test_fraction: float = 0.25, seed: int = 0
) -> Splits[SequenceDataset]:
    """The parts that the files are named after, train, val and test, or else a share held out for testing.

    Args:
        path: one of the files PART_data.npy, or their folder.
        missing: "skip" leaves out sequences that cannot be used, with a note; "refuse" names the first.
        test_fraction: share of each class held out where there is one file only.
        seed: of that draw.

    Raises:
        DataError: a file is damaged, files do not belong together, or a sequence has nobody in it.
    """
    path = existing(path)
    files = _files(path.parent if path.is_file() else path)
    if path.is_file():
        kind = _kind(path)
        files = [file for file in files if _kind(file) == kind]
    named = {file: _part(file) for file in files}
    if len(set(named.values()) - {None}) > 1:
        parts = []
        for file, part in named.items():
            if part is not None:
                parts.append(_read(file, missing))
                for meta in parts[-1].metas:
                    meta["split"] = part
        return train_test(_together(parts), test_fraction, seed, missing)
    return train_test(read(path, missing), test_fraction, seed, missing)


def read(path: str | Path, missing: Bad = "refuse") -> SequenceDataset:
    """Every sequence of a file, or of all such files in a folder. Errors as for :func:`load`."""
    path = existing(path)
    files = [path] if path.is_file() else _files(path)
    if not files:
        raise DataError(f"{path}: holds no PART_data.npy")
    return _together([_read(file, missing) for file in files])


def recognise(path: Path) -> bool:
    """Whether the path is a file PART_data.npy or a folder with some."""
    return bool(_files(path)) if path.is_dir() else _FILE.fullmatch(path.name) is not None


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and _FILE.fullmatch(file.name))


def _kind(file: Path) -> str:
    match = _FILE.fullmatch(file.name)
    return match["kind"].lower() if match else ""


def _part(file: Path) -> str | None:
    match = _FILE.fullmatch(file.name)
    word = re.split(r"[_-]", match["part"])[-1] if match else ""
    return word if part_of(word) else None


def _together(parts: list[SequenceDataset]) -> SequenceDataset:
    """Files of one set, of which one may name more classes than another."""
    most = max((part.schema.classes for part in parts), key=len)
    for part in parts:
        if part.schema.classes == most[: len(part.schema.classes)]:
            part.schema = Schema(most, part.schema.shape, layout=part.schema.layout)
    return concatenate(parts)


def _labels(file: Path, count: int) -> tuple[list[str], list[int]]:
    """The names and labels beside an array; numbered and without labels where there are none."""
    match = _FILE.fullmatch(file.name)
    stem = match["part"] if match else ""
    beside = next(
        (p for p in (file.with_name(f"{stem}_label{end}") for end in (".pkl", ".pickle")) if p.exists()), None
    )
    if beside is None:
        return [f"{file.stem}/{i}" for i in range(count)], [-1] * count
    content = load_plain(read_bytes(beside), str(beside))
    pair = [_plain(part) for part in content[:2]] if isinstance(content, tuple | list) and len(content) >= 2 else []
    if len(pair) != 2 or not all(isinstance(part, list) and len(part) == count for part in pair):
        raise DataError(f"{beside}: must be (names, labels) with {count} entries each, as {file.name} has sequences")
    names, labels = pair
    if not all(type(label) is int and -1 <= label < 10_000 for label in labels):
        raise DataError(f"{beside}: labels must be whole numbers from 0, or -1 for none")
    return [str(name).removesuffix(".skeleton") for name in names], labels


def _plain(values: Any) -> Any:
    return values.values.tolist() if isinstance(values, PickledArray) and values.values is not None else values


def _read(file: Path, missing: Bad) -> SequenceDataset:
    bad = check_bad("skeleton-arrays", missing)
    (array,) = read_arrays(file).values()
    if array.ndim != 5 or array.dtype.kind not in "iuf" or array.shape[1] not in (2, 3) or 0 in array.shape:
        raise DataError(
            f"{file}: must be numbers (N, C, T, V, M) with C of 2 or 3, for N sequences of T frames of M people with V "
            f"joints; got {array.dtype} {array.shape}"
        )
    names, labels = _labels(file, len(array))
    cases = [bad.read(partial(_case, file, names[i], array[i])) for i in range(len(array))]
    kept = [i for i, case in enumerate(cases) if case is not None]
    notes = bad.notes(str(file), len(array))
    classes, metas = meaning(file, np.asarray([labels[i] for i in kept]), [names[i] for i in kept])
    coordinates, _, joints, persons = array.shape[1:]
    return SequenceDataset(
        [torch.from_numpy(case) for case in cases if case is not None],
        [labels[i] for i in kept],
        metas,
        Schema(classes, (persons, joints, coordinates), layout=_LAYOUTS.get(joints)),
        file.stem,
        notes,
    )


def _case(file: Path, name: str, values: np.ndarray) -> np.ndarray:
    """One sequence (C, T, V, M) as (T, M, V, C) without the zeros at its end."""
    frames = np.ascontiguousarray(values.transpose(1, 3, 2, 0), dtype=np.float32)
    if not np.isfinite(frames).all():
        raise DataError(f"{file}: the sequence {name} has a value that is NaN, infinite or too large")
    present = np.flatnonzero(frames.any(axis=(1, 2, 3)))
    if not len(present):
        raise DataError(f"{file}: the sequence {name} has nobody in any frame")
    return frames[: present[-1] + 1]


SOURCE = Source(
    name="skeleton-arrays",
    title="skeleton arrays of ST-GCN: PART_data.npy, (N, C, T, V, M), with PART_label.pkl",
    load=load,
    read=read,
    recognise=recognise,
)
