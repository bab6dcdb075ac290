"""HDF5 and MATLAB files: arrays that are named as in an .npz file.

    x, y, lengths, split, ...       as in :mod:`attentive_rnn.data.formats.npz`; also x_train, y_train, ...
    train/x, train/y                groups and structures: train_x, train_y
    X = {A, B, ...}                 a cell, or a dataset of a group, for each sequence, (T, D) or (D, T); also XTrain

In MATLAB files (.mat of any version) vectors are (N, 1) or (1, N), whole numbers are doubles, and sequences may be the
last axis of X.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset
from ..io.files import existing, read_bytes
from ..io.hdf5 import is_hdf5, read_hdf5
from ..io.mat import Value, read_variables
from ..options import by_name
from ..recordings import with_windows
from ..skeletons.layouts import Layout
from ..skeletons.units import with_units
from ..source import Source
from ..split import with_test_part
from ..stored.spool import concatenated
from .columns import MANY_CLASSES
from .npz import DATA, LABELS, ArrayReading, from_file, with_usual_labels
from .windows import ORDERS, check_part_words, in_order, role_in_part, time_before_features, told_order

_SUFFIXES = (".h5", ".hdf5", ".mat")
_CELLS = ("TD", "DT")
_LAST = ("TDN", "DTN")


@by_name(ArrayReading, "reading")
def read(path: str | Path, reading: ArrayReading) -> SequenceDataset:
    """Every sequence of the file, labelled or not; a split is in ``meta["split"]``.

    Args:
        path: the .h5, .hdf5 or .mat file.
        reading: as for .npz files; the order is "TD" or "DT", the axes of a sequence in a cell, or that of the axes of
            an array, such as "NTD", "TDN" or "NCTVM", where they can be read in two ways.

    Raises:
        DataError: the file is damaged, or its axes can be read in two ways.
        MissingExtraError: the file is HDF5, and h5py is not installed.
    """
    path, order = existing(path), reading.order
    known = (*ORDERS, *_LAST, *_CELLS)
    if order is not None and order not in known:
        raise ConfigError(f"{path}: order must be one of {', '.join(known)}, got {order!r}")
    matlab = path.suffix.lower() == ".mat"
    arrays = named_arrays(read_file(path), str(path), order, matlab, reading.layout)
    if matlab and reading.target is None:
        arrays |= {name: _with_gaps(arrays[name]) for name in LABELS if name in arrays}
    return from_file(arrays, path, replace(reading, order=order if order in ORDERS else None))


def read_file(path: Path) -> dict[str, Value]:
    """The content of an HDF5 or MATLAB file."""
    if path.suffix.lower() != ".mat":
        return read_hdf5(path)
    data = read_bytes(path)
    return read_hdf5(path) if is_hdf5(data[:520]) else read_variables(data, str(path))


def named_arrays(
    content: Mapping[str, Value], where: str, order: str | None, matlab: bool, layout: Layout | None
) -> dict[str, np.ndarray]:
    """Arrays as an .npz file has them.

    Args:
        content: of the file.
        where: the file in messages.
        order: as for :func:`read`.
        matlab: whether vectors have two axes, and sequences may be the last one.
        layout: joint layout, if known.

    Raises:
        DataError: the axes of the sequences can be read in two ways.
    """
    while len(content) == 1 and isinstance(inner := next(iter(content.values())), dict):
        content = inner
    arrays: dict[str, np.ndarray] = {}
    for name, value in with_usual_labels(_with_parts_joined(_flat(content), where)).items():
        if name in DATA and isinstance(value, dict):
            arrays |= _joined(list(value.values()), name, where, order) | {"name": np.array(list(value))}
        elif name in DATA and isinstance(value, list):
            arrays |= _joined(value, name, where, order)
        elif isinstance(value, list):
            if (simple := _simple(value)) is not None:
                arrays[name] = _vector(simple) if matlab else simple
        elif isinstance(value, dict):
            continue
        else:
            arrays[name] = value if name in DATA or not matlab else _vector(value)
    for name in DATA:
        if name in arrays and arrays[name].ndim == 3 and "lengths" not in arrays:
            arrays[name] = _sequences_first(arrays[name], arrays, f"{where}: {name}", order, matlab)
        elif name in arrays and "schema" not in arrays and (order in ORDERS or name != DATA[0]):
            arrays[name] = in_order(
                arrays[name], arrays, order if order in ORDERS else None, f"{where}: {name}", layout
            )
    return arrays


def _flat(content: Mapping[str, Value], before: str = "") -> dict[str, Value]:
    """The values of groups within each other, by the names of all groups above them; x itself may be a group."""
    flat: dict[str, Value] = {}
    for name, value in content.items():
        if isinstance(value, dict) and before + name not in DATA:
            flat |= _flat(value, f"{before}{name}_")
        else:
            flat[before + name] = value
    return flat


def _with_parts_joined(content: dict[str, Value], where: str) -> dict[str, Value]:
    """The content with XTrain, YTrain, XTest, ... as X, Y and split, where these are cells."""
    check_part_words(content, where)
    cells = [
        name for name, value in content.items() if role_in_part(name)[1] == "sequences" and isinstance(value, list)
    ]
    x: list[Value] = []
    y: list[Value] = []
    split: list[str] = []
    for name in cells:
        word, sequences = role_in_part(name)[0], content[name]
        others = [key for key in content if role_in_part(key) == (word, "labels")]
        found = content[others[0]] if others else None
        labels = (
            np.array_split(found.reshape(-1), found.size) if isinstance(found, np.ndarray) and found.size else found
        )
        if not isinstance(labels, list) or len(labels) != len(sequences):
            count = len(labels) if isinstance(labels, list) else "no"
            raise DataError(f"{where}: {name!r} has {len(sequences)} cells, but {count} labels")
        x, y, split = [*x, *sequences], [*y, *labels], [*split, *[word] * len(sequences)]
    return content | {"x": x, "y": y, "split": np.array(split)} if cells else content


def _joined(cells: Sequence[Value], name: str, where: str, order: str | None) -> dict[str, np.ndarray]:
    """The sequences of cells, one after the other, and their lengths."""
    full = {}
    for i, cell in enumerate(cells):
        if not isinstance(cell, np.ndarray) or cell.dtype.kind not in "iuf" or not 1 <= cell.ndim <= 4:
            raise DataError(f"{where}: cell {i + 1} of {name!r} must be an array of numbers, frames by features")
        if cell.size:
            full[i] = cell[:, None] if cell.ndim == 1 else cell
    if not full:
        raise DataError(f"{where}: {name!r} has no cells with frames")
    found = list(full.values())
    axes = {cell.ndim for cell in found}
    if len(axes) > 1:
        raise DataError(f"{where}: the cells of {name!r} have {' or '.join(map(str, sorted(axes)))} axes")
    if axes == {2} and _turned([cell.shape for cell in found], name, where, order):
        found = [cell.T for cell in found]
    shapes = {cell.shape[1:]: i for i, cell in reversed(list(zip(full, found, strict=True)))}
    if len(shapes) > 1:
        (one, first), (other, second) = sorted(shapes.items(), key=lambda item: item[1])[:2]
        raise DataError(
            f"{where}: cell {second + 1} of {name!r} has frames {other}, but cell {first + 1} has {one}; all must agree"
        )
    lengths = np.zeros(len(cells), dtype=np.int64)
    lengths[list(full)] = [len(cell) for cell in found]
    return {name: concatenated(found), "lengths": lengths}


def _turned(shapes: list[tuple[int, ...]], name: str, where: str, order: str | None) -> bool:
    """Whether sequences are (D, T): the axis in which they differ is time."""
    if order in _CELLS:
        return order == "DT"
    rows, columns = ({shape[axis] for shape in shapes} for axis in (0, 1))
    if len(columns) == 1 and (len(rows) > 1 or columns == {1}):
        return False
    if len(rows) == 1 and (len(columns) > 1 or rows == {1}):
        return True
    if len(rows) > 1:
        raise DataError(f"{where}: the cells of {name!r} differ in both axes, so that none can be the features")
    raise DataError(
        f"{where}: all cells of {name!r} are {shapes[0]}, which can be (frames, features) or (features, frames); say "
        "which with --option order=TD or order=DT"
    )


def _simple(cells: Sequence[Value]) -> np.ndarray | None:
    """Texts or numbers, one in each cell; None for anything else."""
    if not cells or not all(isinstance(cell, np.ndarray) and cell.size <= 1 for cell in cells):
        return None
    found = [cell.reshape(-1)[:1] if cell.size else np.array([""]) for cell in cells if isinstance(cell, np.ndarray)]
    return np.concatenate(found)


def _vector(values: np.ndarray) -> np.ndarray:
    """(N, 1) and (1, N) of MATLAB as (N,), and its doubles as integers where all are whole."""
    values = values.reshape(-1) if values.ndim == 2 and 1 in values.shape else values
    whole = values.dtype.kind == "f" and bool((np.abs(values) < 2**53).all()) and bool((values % 1 == 0).all())
    return values.astype(np.int64) if whole else values


def _with_gaps(labels: np.ndarray) -> np.ndarray:
    """Labels of MATLAB, which has doubles only: a few whole ones and NaN are classes, "" where there is none."""
    known = labels[np.isfinite(labels)] if labels.dtype.kind == "f" else labels[:0]
    if not len(known) or (known % 1).any() or len(np.unique(known)) > max(MANY_CLASSES, len(known) // 2):
        return labels
    return np.array([str(int(value)) if np.isfinite(value) else "" for value in labels.reshape(-1)])


def _sequences_first(
    values: np.ndarray, arrays: Mapping[str, np.ndarray], where: str, order: str | None, matlab: bool
) -> np.ndarray:
    """An array of three axes as (N, T, D)."""
    labels = next((arrays[name] for name in LABELS if name in arrays), None)
    count = None if labels is None else len(labels)
    if order in _LAST or (matlab and order is None and count == values.shape[2] != values.shape[0]):
        values = np.moveaxis(values, -1, 0)
        order = None if order is None else f"N{order[:2]}"
    return time_before_features(values, order or told_order(values.shape, arrays), where)


SOURCE = Source(
    name="hdf5",
    title="HDF5 and MATLAB files: .h5, .hdf5 or .mat with x, y, lengths, ... as in .npz, or a cell for each sequence",
    load=with_units(with_windows(with_test_part(read))),
    read=with_units(with_windows(read)),
    recognise=lambda path: path.suffix.lower() in _SUFFIXES and path.is_file(),
    check_options={"missing": "keep"},
)
