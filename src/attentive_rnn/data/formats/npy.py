"""NumPy arrays in files of their own, .npy, with the labels beside them in a .pkl or .npy file.

    train_data.npy, train_label.pkl, val_data.npy, val_label.pkl        of ST-GCN: (N, C, T, V, M), and (names, labels)
    train_data_joint.npy, train_label.pkl, ...                          of 2s-AGCN and MS-G3D
    X.npy, y.npy                                                        or X_train.npy, y_train.npy, X_test.npy, ...

See :mod:`attentive_rnn.data.formats.windows` for the axes. Nothing in a pickle is run.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import DataError
from ..dataset import SequenceDataset
from ..io.arrays import open_array, read_arrays
from ..io.files import existing, read_bytes
from ..io.pickle import PickledArray, load_plain
from ..options import by_name
from ..skeletons.ntu import ACTIONS, meta_of, number_of_classes
from ..skeletons.units import with_units
from ..source import Source
from ..split import part_of, with_test_part
from .npz import ArrayReading, from_parts
from .windows import Part

_LABELS = ("y", "label", "labels", "target", "targets")
_DATA = ("x", "data", "sequences")
_STORES = (".npy", ".npz", ".pkl", ".pickle", ".h5", ".hdf5", ".mat", ".csv", ".parquet")  # which may hold data
_PARTS = "train|test|valid|val"
_JOINED = re.compile(rf"(?P<role>x|data|y|labels?)(?P<part>{_PARTS})|(?P<first>{_PARTS})(?P<last>x|y)")


@by_name(ArrayReading, "reading", without=("windows",))
def read(path: str | Path, reading: ArrayReading) -> SequenceDataset:
    """Every sequence of a file or folder, labelled or not; a part is in ``meta["split"]``.

    Args:
        path: a folder for all parts that are in it, or one .npy file.
        reading: as for .npz files; without a layout, it is told by the count of joints.

    Raises:
        DataError: a file is malformed, or its axes can be read in two ways.
        ConfigError: an option with another value.
    """
    path = existing(path)
    files = _files(path if path.is_dir() else path.parent)
    notes = []
    if path.is_dir():
        chosen = _of_folder(path, [file for file in files if file.data])
        used = {*chosen.values(), *(_labels_of(file, files) for file in chosen.values())}
        names = [p.name for p in sorted(path.iterdir()) if p.suffix.lower() in _STORES and p not in used]
        if names := [name for name in names if not name.startswith(".")]:
            notes.append(f"{path}: {', '.join(names)} {'is' if len(names) == 1 else 'are'} there too, and not read")
    else:
        chosen = {"": path}
        own = _named(path)
        others = [f.path.name for f in files if f.data and f.rest == own.rest and f.part not in (None, own.part)]
        if own.part and others:
            notes.append(f"{path}: {', '.join(others)} beside it is not read; the path of the folder gives all parts")
    parts = {name: _part(file, files) for name, file in chosen.items()}
    dataset = from_parts(parts, path.stem, reading)
    dataset.notes = (*notes, *dataset.notes)
    return _of_ntu(dataset)


def recognise(path: Path) -> bool:
    """Whether a path is an .npy file of three or more axes, or a folder with such a file and labels beside it."""
    if path.is_dir():
        files = _files(path)
        return any(f.data and _axes(f.path) >= 3 and _labels_of(f.path, files) for f in files)
    return path.suffix.lower() == ".npy" and path.is_file() and _axes(path) >= 3


class _File(NamedTuple):
    path: Path
    part: str | None
    data: bool  # or labels
    rest: tuple[str, ...]  # the other words of its name


def _named(path: Path) -> _File:
    """What the words in the name of a file say."""
    words = re.split(r"[_\-. ]+", path.stem.lower())
    joined = _JOINED.fullmatch(words[0])
    if joined:
        words[:1] = [joined["role"] or joined["last"], joined["part"] or joined["first"]]
    part = next((word for word in words if part_of(word)), None)
    labels = any(word in _LABELS for word in words)
    rest = tuple(word for word in words if word != part and word not in (*_LABELS, *_DATA))
    return _File(path, part, path.suffix.lower() == ".npy" and not labels, rest)


def _files(folder: Path) -> list[_File]:
    found = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in (".npy", ".pkl", ".pickle") and p.is_file()]
    return [_named(p) for p in found if not p.name.startswith(".")]


def _axes(path: Path) -> int:
    try:
        return open_array(path).ndim
    except DataError:
        return 0


def _of_folder(path: Path, files: list[_File]) -> dict[str, Path]:
    """The file of each part in a folder."""
    groups: dict[tuple[str, ...], dict[str, Path]] = {}
    for file in files:
        parts = groups.setdefault(file.rest, {})
        if (file.part or "") in parts:
            raise DataError(f"{path}: {parts[file.part or ''].name} and {file.path.name} are the same part")
        parts[file.part or ""] = file.path
    if len(groups) != 1:
        names = ", ".join(file.path.name for file in files) or "none"
        raise DataError(f"{path}: holds not one set of arrays, but {names}; give the path of a file, or move some away")
    (parts,) = groups.values()
    if "" in parts and len(parts) > 1:
        raise DataError(f"{path}: {parts[''].name} names no part, and others do; give the path of a file")
    return {"": next(iter(parts.values()))} if len(parts) == 1 else parts


def _labels_of(path: Path, files: list[_File]) -> Path | None:
    own = _named(path)
    fitting = [f for f in files if not f.data and f.part == own.part and f.rest in (own.rest, ())]
    fitting.sort(key=lambda f: f.rest != own.rest)
    return fitting[0].path if fitting else None


def _part(path: Path, files: list[_File]) -> Part:
    labels = _labels_of(path, files)
    values = open_array(path)
    if labels is None:
        return Part(str(path), values)
    if labels.suffix.lower() == ".npy":
        return Part(str(path), values, read_arrays(labels)[""])
    names, found = _pickled(load_plain(read_bytes(labels), str(labels)), str(labels))
    if len(found) != len(values):
        raise DataError(f"{labels}: has {len(found)} labels, but {path.name} has {len(values)} sequences")
    return Part(str(path), values, found, names)


def _pickled(content: Any, where: str) -> tuple[list[str] | None, np.ndarray]:
    """Names and labels of a pickle, (names, labels) or labels alone."""
    names = None
    if isinstance(content, list | tuple) and len(content) == 2 and isinstance(content[0], list | tuple):
        names, content = list(content[0]), content[1]
    labels = content.values if isinstance(content, PickledArray) else content
    if isinstance(labels, list | tuple) and all(type(v) is int and -1 <= v < 2**31 for v in labels):
        labels = np.array(labels, dtype=np.int64)
    if not isinstance(labels, np.ndarray) or not labels.size or not labels.ndim:
        raise DataError(f"{where}: must hold (names, labels) or labels, class indices from 0")
    if names is not None and (len(names) != len(labels) or not all(isinstance(name, str) for name in names)):
        raise DataError(f"{where}: has {len(names)} names and {len(labels)} labels; names must be texts, one for each")
    return names, labels


def _of_ntu(dataset: SequenceDataset) -> SequenceDataset:
    """The data set with the classes and the metas of NTU RGB+D, where all names are of that set and fit the labels."""
    if dataset.schema.target != "class" or not all("name" in meta for meta in dataset.metas):
        return dataset
    known = [meta_of(str(meta["name"]).removesuffix(".skeleton")) for meta in dataset.metas]
    names = dataset.schema.classes
    if any(label < 0 or names[label] != str(action) for (action, _), label in zip(known, dataset.labels, strict=True)):
        return dataset
    actions = np.array([action for action, _ in known])
    count = number_of_classes(actions, np.array([meta["setup"] for _, meta in known]))
    dataset.labels = actions.astype(np.int64)
    dataset.metas = [old | meta for old, (_, meta) in zip(dataset.metas, known, strict=True)]
    dataset.schema = replace(dataset.schema, classes=ACTIONS[:count])
    return dataset


SOURCE = Source(
    name="npy",
    title="NumPy arrays: .npy of (N, C, T, V, M) or (N, T, D) with labels beside it, train_label.pkl or y_train.npy",
    load=with_units(with_test_part(read)),
    read=with_units(read),
    recognise=recognise,
    check_options={"missing": "keep"},
)
