"""HDF5 and MATLAB files: arrays that are named as in an .npz file.

    x, y, lengths, split, ...       as in :mod:`attentive_rnn.data.formats.npz`; also x_train, y_train, ...
    train/x, train/y                groups and structures: train_x, train_y
    X = {A, B, ...}                 a cell, or a dataset of a group, for each sequence, (T, D) or (D, T); also XTrain
    trial1/x, trial1/label, ...     a group for each sequence, all with the same names

In MATLAB files (.mat of any version) vectors are (N, 1) or (1, N), whole numbers are doubles, and sequences may be the
last axis of X.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import ConfigError
from ..dataset import SequenceDataset
from ..io.files import existing, read_bytes
from ..io.hdf5 import is_hdf5, read_hdf5
from ..io.mat import Value, read_variables
from ..io.ragged import CELLS, joined
from ..labels.kinds import too_many
from ..options import by_name
from ..recordings import with_windows
from ..skeletons.layouts import Layout
from ..skeletons.units import with_units
from ..source import Source
from ..split import part_of, with_test_part
from .npz import ArrayReading, from_file
from .windows import (
    DATA,
    LABELS,
    ORDERS,
    in_order,
    time_before_features,
    told_order,
    with_parts_joined,
    with_usual_data,
    with_usual_labels,
)

_SUFFIXES = (".h5", ".hdf5", ".mat")
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
    known = (*ORDERS, *_LAST, *CELLS)
    if order is not None and order not in known:
        raise ConfigError(f"{path}: order must be one of {', '.join(known)}, got {order!r}")
    matlab = path.suffix.lower() == ".mat"
    content, notes, own = with_usual_data(_of_trials(_inner(read_file(path))), str(path))
    arrays = named_arrays(content, str(path), order, matlab, reading.layout, own)
    if matlab and reading.target is None:
        arrays |= {name: _with_gaps(arrays[name]) for name in LABELS if name in arrays}
    dataset = from_file(arrays, path, replace(reading, order=order if order in ORDERS else None))
    dataset.notes = (*notes, *dataset.notes)
    return dataset


def read_file(path: Path) -> dict[str, Value]:
    """The content of an HDF5 or MATLAB file."""
    if path.suffix.lower() != ".mat":
        return read_hdf5(path)
    data = read_bytes(path)
    return read_hdf5(path) if is_hdf5(data[:520]) else read_variables(data, str(path))


def named_arrays(
    content: Mapping[str, Value],
    where: str,
    order: str | None,
    matlab: bool,
    layout: Layout | None,
    own: str | None = None,
) -> dict[str, np.ndarray]:
    """Arrays as an .npz file has them.

    Args:
        content: of the file.
        where: the file in messages.
        order: as for :func:`read`.
        matlab: whether vectors have two axes, and sequences may be the last one.
        layout: joint layout, if known.
        own: the name that the array of the sequences has in the file, if it is another one.

    Raises:
        DataError: the axes of the sequences can be read in two ways.
    """
    content = _inner(content)
    arrays: dict[str, np.ndarray] = {}
    for name, value in with_usual_labels(with_parts_joined(_flat(content), where)).items():
        if name in DATA and isinstance(value, dict):
            arrays |= joined(list(value.values()), name, where, order, own) | {"name": np.array(list(value))}
        elif name in DATA and isinstance(value, list):
            arrays |= joined(value, name, where, order, own)
        elif isinstance(value, list):
            if (simple := _simple(value)) is not None:
                arrays[name] = _vector(simple) if matlab else simple
        elif isinstance(value, dict):
            continue
        else:
            arrays[name] = value if name in DATA or not matlab else _vector(value)
    for name in DATA:
        if name in arrays and arrays[name].ndim == 3 and "lengths" not in arrays:
            arrays[name] = _sequences_first(arrays[name], arrays, f"{where}: {own or name}", order, matlab)
        elif name in arrays and "schema" not in arrays and (order in ORDERS or name != DATA[0]):
            arrays[name] = in_order(
                arrays[name], arrays, order if order in ORDERS else None, f"{where}: {own or name}", layout
            )
    return arrays


def _inner(content: Mapping[str, Value]) -> Mapping[str, Value]:
    """The content of a file, or of the only group in it."""
    while len(content) == 1 and isinstance(inner := next(iter(content.values())), dict):
        content = inner
    return content


def _of_trials(content: Mapping[str, Value]) -> Mapping[str, Value]:
    """The content of a file with a group for each trial, alike in what they hold, as cells by what they hold.

    The sequences are the only array of numbers in each that has two or more axes, or has one of the usual names.
    """
    groups = {name: value for name, value in content.items() if isinstance(value, dict)}
    names = [set(group) for group in groups.values()]
    if len(groups) < 2 or len(groups) < len(content) or any(map(part_of, groups)) or any(n != names[0] for n in names):
        return content
    first = next(iter(groups.values()))
    long = [name for name in first if all(_may_be_sequence(group[name]) for group in groups.values())]
    long = [name for name in long if name in DATA] or long
    if len(long) != 1:
        return content
    trials: Value = {name: group[long[0]] for name, group in groups.items()}
    return {"x": trials, **{name: [group[name] for group in groups.values()] for name in first if name != long[0]}}


def _may_be_sequence(value: Value) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim > 1 and value.size > 1


def _flat(content: Mapping[str, Value], before: str = "") -> dict[str, Value]:
    """The values of groups within each other, by the names of all groups above them; x itself may be a group."""
    flat: dict[str, Value] = {}
    for name, value in content.items():
        if isinstance(value, dict) and before + name not in DATA:
            flat |= _flat(value, f"{before}{name}_")
        else:
            flat[before + name] = value
    return flat


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
    if not len(known) or (known % 1).any() or too_many(known):
        return labels
    return np.array([str(int(value)) if np.isfinite(value) else "" for value in labels.reshape(-1)])


def _sequences_first(
    values: np.ndarray, arrays: Mapping[str, np.ndarray], where: str, order: str | None, matlab: bool
) -> np.ndarray:
    """An array of three axes as (N, T, D)."""
    labels = next((arrays[name] for name in LABELS if name in arrays), None)
    count = None if labels is None else len(labels)
    if order in _LAST or (matlab and count == values.shape[2] != values.shape[0]):
        values = np.moveaxis(values, -1, 0)
        order = f"N{order[:2]}" if order in _LAST else order  # that of what the message showed, the sequences first
    return time_before_features(values, order or told_order(values.shape, arrays), where)


SOURCE = Source(
    name="hdf5",
    title="HDF5 and MATLAB files: .h5, .hdf5 or .mat with x, y, lengths, ... as in .npz, or a cell for each sequence",
    load=with_units(with_windows(with_test_part(read))),
    read=with_units(with_windows(read)),
    recognise=lambda path: path.suffix.lower() in _SUFFIXES and path.is_file(),
    check_options={"missing": "keep"},
)
