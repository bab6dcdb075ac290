"""SHREC'17 and DHG: 14 hand gestures made with one finger or the hand, as 22 joints or as features of depth images.

Joints, from an Intel RealSense camera: gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt (DHG:
skeleton_world.txt), a line a frame with 66 numbers, x y z in metres of each joint; the lists train_gestures.txt and
test_gestures.txt next to these folders have lines "gesture finger subject trial label14 label28 frames".

Depth images: one .npz with 16 frames of each gesture. It has ``depth`` (N, 16, 50, 50) uint8, the image round the hand,
0 where nothing is near, else (millimetres - 200) // 3 + 1; ``hand`` (N, 16, 9), the mean, the least and the greatest
image row, image column and depth (millimetres) of the hand; ``rows`` (N, 7), gesture, finger, subject, trial, label of
14, label of 28 and number of frames; and ``n_train``, the number of gestures to train on, which come first.

References: Q. De Smedt et al., "SHREC'17 track: 3D hand gesture recognition using a depth and skeletal dataset", 3DOR
2017; "Skeleton-based dynamic hand gesture recognition", CVPR workshops 2016.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.arrays import read_arrays
from ..io.bad_samples import Bad
from ..io.files import existing
from ..io.members import Member, read_member
from ..io.text import parse_rows
from ..schema import Schema
from ..source import Source
from ..split import left_out
from .reader import divide, held_by, read_members, skeleton_source

GESTURES = (
    *("grab", "tap", "expand", "pinch", "rotation clockwise", "rotation counter-clockwise", "swipe right"),
    *("swipe left", "swipe up", "swipe down", "swipe X", "swipe +", "swipe V", "shake"),
)
FINGERS = ("one finger", "whole hand")
SCHEMA = Schema(classes=GESTURES, shape=(1, 22, 3), layout="shrec-22", rate=30.0)

_NAME = re.compile(
    r"(?:.*/)?gesture_(\d{1,2})/finger_(\d)/subject_(\d{1,2})/essai_(\d{1,2})/skeletons?_world\.txt",
    re.ASCII | re.DOTALL,
)
_LISTS = ("train_gestures.txt", "test_gestures.txt")
# The other files of the set, and of DHG.
_BESIDE = (*_LISTS, "_image.txt", "general_information.txt", "general_informations.txt", ".png")


_SIDE, _BANDS, _CELLS = 50, 10, 5
_HAND = tuple(f"{what} {of}" for what in ("mean", "least", "greatest") for of in ("row", "column", "depth"))
# Image rows and columns become shares of a 480 x 640 image, millimetres become metres.
_HAND_SCALE = np.tile(np.array([480, 640, 1000], dtype=np.float32), 3)
FEATURES = (
    *(f"hand {name}" for name in _HAND),
    *(f"occupied rows {i}" for i in range(_BANDS)),
    *(f"occupied columns {i}" for i in range(_BANDS)),
    *(f"depth in cell {i} {j}" for i in range(_CELLS) for j in range(_CELLS)),
)
_LARGEST = 2**30  # bytes of one array


def load(
    path: str | Path, labels: int = 14, held_out: int | None = None, missing: Bad = "refuse"
) -> Splits[SequenceDataset]:
    """The official lists of SHREC'17 (1960 to train, 840 to test), or all but one subject as in DHG.

    Args:
        path: a folder or a zip with the gesture_G folders and, unless ``held_out`` is given, the two lists.
        labels: 14 gestures, or 28 for each of them with one finger or the whole hand.
        held_out: the subject to test, all others train: the protocol of DHG, whose result is the mean over subjects.
        missing: "skip" leaves out files that cannot be used, with a note; "refuse" names the first.

    Raises:
        ConfigError: an option with another value.
        DataError: a file is malformed, a list names a sequence that is not there, or one part is empty.
    """
    path = existing(path)
    dataset = read(path, labels, missing)
    if held_out is not None:
        test = dataset.groups("subject") == held_out
        if test.all() or not test.any():
            raise DataError(
                f"{path}: subject {held_out} has {'every' if test.all() else 'no'} sequence; hold out another"
            )
        return divide(dataset, ~test, path, "")
    place = {meta["name"]: i for i, meta in enumerate(dataset.metas)}
    chosen = [_listed(path, name, place) for name in _LISTS]
    if both := set.intersection(*map(set, chosen)):
        raise DataError(f"{path}: {dataset.metas[min(both)]['name']} is on both lists, {' and '.join(_LISTS)}")
    used = np.isin(np.arange(len(dataset)), np.concatenate(chosen))
    dataset.notes = (*dataset.notes, *left_out(dataset, used, "which are on neither list"))
    train, test_ = map(dataset.subset, chosen)
    return Splits(train, test_, shares_persons=True)


def read(path: str | Path, labels: int = 14, missing: Bad = "refuse") -> SequenceDataset:
    """Every gesture, with its label, whatever list it is on. Errors as for :func:`load`."""
    schema = replace(SCHEMA, classes=class_names(labels))

    def parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
        gesture, finger, subject, trial = (int(part[1:]) for part in member.key.split("_"))
        if not 1 <= gesture <= len(GESTURES) or not 1 <= finger <= len(FINGERS):
            raise DataError(f"{member.where}: its folders must have a gesture from 1 to 14 and a finger from 1 to 2")
        frames = parse_rows(member.data, member.where, columns=66).reshape(-1, 1, 22, 3)
        meta = {"name": member.key, "subject": subject, "repetition": trial, "finger": finger}
        return frames, label_of(gesture, finger, labels), meta

    what = "gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt"
    return read_members(path, _key, what, parse, schema, "shrec17", missing, _BESIDE)


def class_names(labels: int) -> tuple[str, ...]:
    """The 14 gestures, or the 28 with the fingers.

    Raises:
        ConfigError: another number.

    Example:
        >>> class_names(28)[:2]
        ('grab, one finger', 'grab, whole hand')
    """
    if labels == 14:
        return GESTURES
    if labels == 28:
        return tuple(f"{gesture}, {finger}" for gesture in GESTURES for finger in FINGERS)
    raise ConfigError(f"shrec17: labels must be 14 or 28, got {labels!r}")


def label_of(gesture: int, finger: int, labels: int) -> int:
    """The class from 0 of a gesture 1-14 made with the fingers 1 or 2."""
    return gesture - 1 if labels == 14 else 2 * (gesture - 1) + finger - 1


def sequence_name(gesture: int, finger: int, subject: int, trial: int) -> str:
    """The name of a sequence in its meta, the same for joints and depth images."""
    return f"g{gesture:02}_f{finger}_s{subject:02}_e{trial:02}"


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return sequence_name(*(int(part) for part in match.groups())) if match else None


def _listed(path: Path, name: str, place: dict[str, int]) -> list[int]:
    member = read_member(path, f"/{name}") or read_member(path, name)
    if member is None:
        raise DataError(f"{path}: does not have one {name}; add it, or give held_out=SUBJECT")
    rows = parse_rows(member.data, member.where, columns=7)
    chosen = []
    for line, row in enumerate(rows[:, :4], start=1):
        if (row < 0).any() or (row > 99).any() or (row % 1).any():
            raise DataError(f"{member.where}, entry {line}: gesture, finger, subject and trial must be whole numbers")
        key = sequence_name(*(int(v) for v in row))
        if key not in place:
            raise DataError(
                f"{member.where}, entry {line}: the sequence {key} is not there; fetch it, or correct the list"
            )
        if place[key] in chosen:
            raise DataError(f"{member.where}, entry {line}: the sequence {key} is on the list twice; delete one")
        chosen.append(place[key])
    return chosen


def load_depth(path: str | Path, labels: int = 14) -> Splits[SequenceDataset]:
    """The official parts: the first 1960 gestures train, the other 840 test.

    Args:
        path: the .npz file.
        labels: 14 gestures, or 28 for each of them with one finger or the whole hand.

    Raises:
        ConfigError: labels is neither 14 nor 28.
        DataError: the file is malformed, or one part is empty.
    """
    path = existing(path)
    arrays = _depth_arrays(path)
    dataset = _depth_dataset(path, arrays, labels)
    count = int(arrays["n_train"])
    if not 0 < count < len(dataset):
        raise DataError(f"{path}: n_train is {count}, but there are {len(dataset)} gestures")
    return Splits(dataset.subset(range(count)), dataset.subset(range(count, len(dataset))), shares_persons=True)


def read_depth(path: str | Path, labels: int = 14) -> SequenceDataset:
    """Every gesture, with its label. Errors as for :func:`load_depth`."""
    path = existing(path)
    return _depth_dataset(path, _depth_arrays(path), labels)


def recognise_depth(path: Path) -> bool:
    """Whether the path is an .npz file named after SHREC and depth."""
    name = path.name.lower()
    return name.endswith(".npz") and "shrec" in name and "depth" in name


def depth_features(depth: np.ndarray) -> np.ndarray:
    """Occupancy and depth in the image round the hand, float32 (..., 45), each value from 0 to 1.

    With o the pixels that are not background: the share of o in each of 10 bands of rows, then of 10 bands of
    columns; then the mean of depth / 255 over o in each cell of a 5 x 5 grid, 0 where a cell is empty.

    Args:
        depth: uint8 (..., 50, 50), 0 for background.

    Example:
        >>> features = depth_features(np.full((50, 50), 255, dtype=np.uint8))
        >>> features.shape, features.min(), features.max()
        ((45,), np.float32(1.0), np.float32(1.0))
    """
    lead, band, cell = depth.shape[:-2], _SIDE // _BANDS, _SIDE // _CELLS
    occupied = depth > 0
    rows = occupied.reshape(*lead, _BANDS, band * _SIDE).mean(-1)
    columns = occupied.reshape(*lead, _SIDE, _BANDS, band).mean((-3, -1))
    grid = (*lead, _CELLS, cell, _CELLS, cell)
    total = depth.reshape(grid).sum((-3, -1), dtype=np.float64) / 255
    count = occupied.reshape(grid).sum((-3, -1))
    cells = (total / np.maximum(count, 1)).reshape(*lead, _CELLS**2)
    return np.concatenate([rows, columns, cells], axis=-1).astype(np.float32)


def _depth_arrays(path: Path) -> dict[str, np.ndarray]:
    wanted = {"depth": "u", "hand": "f", "rows": "iu", "n_train": "iu"}
    try:
        arrays = read_arrays(path, _LARGEST)
    except DataError as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}); fetch it again") from error
    missing = [key for key in wanted if key not in arrays]
    if missing:
        raise DataError(f"{path}: has no array {missing[0]!r}")
    for key, kinds in wanted.items():
        if arrays[key].dtype.kind not in kinds:
            raise DataError(f"{path}: the array {key!r} has the wrong type of values")
    return arrays


def _depth_dataset(path: Path, arrays: dict[str, np.ndarray], labels: int) -> SequenceDataset:
    depth, hand, rows = arrays["depth"], arrays["hand"], arrays["rows"]
    classes = class_names(labels)
    frames = depth.shape[1] if depth.ndim == 4 else 0
    count = len(rows) if rows.ndim else 0
    wanted = {"depth": (count, frames, _SIDE, _SIDE), "hand": (count, frames, 9), "rows": (count, 7)}
    for key, shape in {**wanted, "n_train": ()}.items():
        if arrays[key].shape != shape or frames == 0:
            raise DataError(f"{path}: the array {key!r} is {arrays[key].shape}, expected {shape}")
    if not count:
        raise DataError(f"{path}: has no gesture")
    limits = np.array([len(GESTURES), len(FINGERS)])
    bad = np.flatnonzero(((rows[:, :2] < 1) | (rows[:, :2] > limits)).any(1) | ~np.isfinite(hand).all((1, 2)))
    if len(bad):
        raise DataError(
            f"{path}: gesture {bad[0]} has an unknown gesture or finger, or a hand value that is not finite"
        )
    sequences = [
        torch.from_numpy(np.concatenate([h.astype(np.float32) / _HAND_SCALE, depth_features(d)], axis=-1))
        for h, d in zip(hand, depth, strict=True)
    ]
    metas = [
        {"name": sequence_name(g, f, s, e), "subject": s, "repetition": e, "finger": f, "frames": size}
        for g, f, s, e, _, _, size in rows.tolist()
    ]
    targets = [label_of(int(g), int(f), labels) for g, f in rows[:, :2]]
    schema = Schema(classes=classes, shape=(len(FEATURES),), features=FEATURES)
    return SequenceDataset(sequences, targets, metas, schema, "shrec17-depth")


SOURCE = skeleton_source(
    "shrec17",
    "SHREC'17 or DHG hand joints: a zip or folder of gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt",
    load,
    read,
    held_by(_key),
)

DEPTH_SOURCE = Source(
    name="shrec17-depth",
    title="SHREC'17 depth images: shrec17_depth16.npz",
    load=load_depth,
    recognise=recognise_depth,
    read=read_depth,
)
