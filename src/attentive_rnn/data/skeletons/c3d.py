"""Reader of motion capture, .c3d: the positions of markers, which are the joints of one person.

    CLASS/FILE.c3d                      the class by the folder; PART/CLASS/FILE.c3d with train, valid and test
    FILE.c3d beside a .csv              the class by a table with a column of file names: file, filename, path, ...

Markers are found by their names, in whatever order a file has them. The names of one subject, "Ann:LFHD", are taken
without it. Points without a name ("", "*7") and angles, forces, moments, powers and scalars are no markers.
"""

from __future__ import annotations

import io
import re
import warnings
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ...errors import DataError, needed_for
from ..dataset import SequenceDataset
from ..io.bad_samples import Bad, check_bad
from ..io.files import existing, quoted, read_bytes
from ..io.memory import check_memory
from ..labels.kinds import Kind, check_kind, labels_of_files
from ..labels.table import facts_of_files, files_of, holds_files, name_of
from ..schema import Schema, has_control_characters
from ..source import Source
from ..split import with_test_part
from ..stored.spool import keep
from .layouts import UNITS, JointLayout, Layout, get_layout, plain_name
from .units import unit_in, with_units

_UNNAMED = re.compile(r"\*?\d*")
_OTHERS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")  # parameters that name points which are no positions
_MOST = 1000  # markers


class Capture(NamedTuple):
    """What a file holds: ``units`` are those of a schema, or None; ``others`` counts points that are no markers."""

    names: tuple[str, ...]
    positions: np.ndarray  # (T, V, 3), zeros where a marker is absent
    rate: float
    units: str | None
    others: int


def read(
    path: str | Path,
    layout: Layout | None = None,
    label: str | None = None,
    subject: str | None = None,
    split: str | None = None,
    missing: Bad = "refuse",
    target: Kind | None = None,
) -> SequenceDataset:
    """Every file in the order of its path, labelled or not; a part is in ``meta["split"]``.

    Args:
        path: the folder, or one .c3d file.
        layout: joint layout, whose joints are the markers that are kept; without it, all markers of the first file,
            by their names.
        label, subject, split: columns of the .csv file; without them the usual names are recognised.
        missing: "refuse" or "skip", what becomes of files that cannot be read or have other markers, units or rates.
        target: "class" or "number", what a label is; None: a class, and labels with fractions are refused.

    Raises:
        DataError: a file is damaged, or unlike the first one.
        ConfigError: an option with another value, or a column that is not there.
        MissingExtraError: c3d is not installed.
    """
    path, bad = existing(path), check_bad("c3d", missing)
    files = files_of(path, ".c3d")
    facts, notes = facts_of_files(path, files, {"label": label, "subject": subject, "split": split})
    check_memory(2 * sum(file.stat().st_size for file in files), str(path))
    first: tuple[Path, Capture, JointLayout] | None = None
    sequences, kept, others = [], [], []

    def frames(file: Path) -> torch.Tensor:
        nonlocal first
        capture = read_c3d(file)
        own = {"name": "c3d", "title": f"{len(capture.names)} markers", "joints": sorted(capture.names)}
        joints = first[2] if first else get_layout(own | {"bones": []} if layout is None else layout)
        order = _order(capture.names, joints, layout is None, str(file), str(first[0] if first else file))
        first = first or (file, capture, joints)
        for what, value, wanted in (("units", capture.units, first[1].units), ("a rate", capture.rate, first[1].rate)):
            if value != wanted:
                raise DataError(f"{file}: has {what} of {value}, but {first[0]} of {wanted}; all must agree")
        if capture.others:
            others.append(file)
        return torch.from_numpy(keep(capture.positions[:, None, order]))

    for file in files:
        if (sequence := bad.read(partial(frames, file))) is not None:
            sequences.append(sequence)
            kept.append(file)
    notes += bad.notes(str(path), len(files))
    assert first is not None  # or the notes would have been refused
    if others:
        notes.append(
            f"{path}: {len(others)} of {len(kept)} files have points without a name, or angles, forces and the like, "
            f"which are left out; the first is {others[0].name}"
        )
    labels = labels_of_files([facts[file].pop("label", None) for file in kept], kept, check_kind("c3d", target))
    named = first[2] if layout is None else layout
    shape = (1, len(first[2].joints), 3)
    return SequenceDataset(
        sequences,
        labels.values,
        [{"name": name_of(file, path), **facts[file]} for file in kept],
        Schema(labels.classes, shape, layout=named, rate=first[1].rate, units=first[1].units, target=labels.kind),
        path.stem,
        notes,
    )


def read_c3d(path: Path) -> Capture:
    """The markers of a file.

    Raises:
        DataError: it is damaged or truncated, or has no markers with names of their own, or none is ever seen.
        MissingExtraError: c3d is not installed.
    """
    with needed_for(".c3d files need c3d: pip install 'attentive-rnn[data]'"):
        import c3d
    data = read_bytes(path)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of parameters that are not needed
            return _capture(c3d.Reader(io.BytesIO(data)), len(data), path)
    except DataError:
        raise
    except Exception as error:  # the parser checks little, and anything can come of a damaged file
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise DataError(f"{path}: is not a .c3d file, or damaged ({reason})") from error


def _capture(reader: Any, size: int, path: Path) -> Capture:
    points, rate = int(reader.point_used), float(reader.point_rate)
    if not 0 < rate < 1e6:
        raise DataError(f"{path}: has a rate (POINT:RATE) of {rate} frames per second")
    count = _frame_count(reader)
    word = 4 if reader.point_scale < 0 else 2
    needed = count * word * (4 * points + int(reader.analog_used) * reader.analog_per_frame)
    if count < 1 or points < 1:
        raise DataError(f"{path}: holds no frames of markers")
    if (reader.header.data_block - 1) * 512 + needed > size:
        raise DataError(f"{path}: is truncated: it should hold {count} frames of {points} points")
    labels = _words(reader, "LABELS")[:points]
    apart = {name for key in _OTHERS for name in _words(reader, key)} - {""}
    places = [i for i, name in enumerate(labels) if not _UNNAMED.fullmatch(name) and name not in apart]
    names = [labels[i] for i in places]
    if len({name.partition(":")[0] for name in names if ":" in name}) == 1 and all(":" in name for name in names):
        names = [name.partition(":")[2] for name in names]
    strange = next((n for i, n in enumerate(names) if n in names[:i] or not n or has_control_characters(n)), None)
    if strange is not None:
        raise DataError(f"{path}: two markers are called {quoted(strange)}, or a name is none (POINT:LABELS)")
    if not 2 <= len(names) <= _MOST:
        raise DataError(f"{path}: has {len(names)} markers with a name (POINT:LABELS); 2 to {_MOST} can be read")
    positions = np.zeros((count, len(places), 3), np.float32)
    for t, (_, values, _) in enumerate(islice(reader.read_frames(copy=False), count)):
        chosen = values[places]
        positions[t] = np.where(chosen[:, 3:4] < 0, 0, chosen[:, :3])
    if not positions.any():
        raise DataError(f"{path}: no marker is seen in any of its {count} frames")
    parameter = reader.get("POINT:UNITS")
    unit = unit_in(f"x [{parameter.string_value.strip(' ' + chr(0))}]")[1] if parameter else None
    return Capture(tuple(names), positions, rate, unit if unit in UNITS else None, points - len(places))


def _frame_count(reader: Any) -> int:
    start = reader.get("TRIAL:ACTUAL_START_FIELD")  # whose upper word the package weighs by 65535, not 65536
    return int(reader.frame_count) - (0 if start is None else int(start.uint16_array[1]))


def _words(reader: Any, key: str) -> list[str]:
    """The texts of a parameter of points, and of those that go on with it: LABELS2, LABELS3, ..."""
    found: list[str] = []
    for name in (key, *(f"{key}{i}" for i in range(2, 9))):
        parameter = reader.get(f"POINT:{name}")
        if parameter is None or len(parameter.dimensions) > 2 or not parameter.bytes:
            break
        found += [str(word).strip(" \0") for word in parameter.string_array]
    return found


def _order(names: tuple[str, ...], layout: JointLayout, whole: bool, where: str, first: str) -> list[int]:
    """The places of a layout's joints among the markers; where it is ``whole``, there may be no others."""
    place = {key: i for spelt in (map(plain_name, names), names) for i, key in enumerate(spelt)}
    lacking = next((joint for joint in layout.joints if joint not in place), None)
    if lacking is not None:
        raise DataError(f"{where}: has no marker {quoted(lacking)}, which {first if whole else layout} has")
    order = [place[joint] for joint in layout.joints]
    if whole and len(names) > len(order):
        strange = next(name for i, name in enumerate(names) if i not in order)
        raise DataError(
            f"{where}: has the marker {quoted(strange)}, which {first} has not; --option layout=FILE.yaml with joints "
            "that all files have leaves out the others"
        )
    return order


SOURCE = Source(
    name="c3d",
    title="motion capture: .c3d files in a folder for each class, or with a .csv that names files and labels",
    load=with_units(with_test_part(read)),
    read=with_units(read),
    recognise=partial(holds_files, suffix=".c3d"),
    may_lack=("label", "subject", "split"),
)
