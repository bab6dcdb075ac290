"""SHREC'17 and DHG: 22 hand joints from an Intel RealSense camera, 14 gestures made with one finger or the hand.

gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt (DHG: skeleton_world.txt), a line a frame with 66 numbers,
x y z in metres of each joint; the lists train_gestures.txt and test_gestures.txt beside them have lines "gesture
finger subject trial label14 label28 frames". References: Q. De Smedt et al., "SHREC'17 track: 3D hand gesture
recognition using a depth and skeletal dataset", 3DOR 2017; "Skeleton-based dynamic hand gesture recognition", CVPR
workshops 2016.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.files import existing
from ..io.members import Member, read_member
from ..io.text import parse_rows
from ..schema import Schema
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


def load(path: str | Path, labels: int = 14, held_out: int | None = None) -> Splits:
    """The official lists of SHREC'17 (1960 to train, 840 to test), or all but one subject as in DHG.

    Args:
        path: a folder or a zip with the gesture_G folders and, unless ``held_out`` is given, the two lists.
        labels: 14 gestures, or 28 for each of them with one finger or the whole hand.
        held_out: the subject to test, all others train: the protocol of DHG, whose result is the mean over subjects.

    Raises:
        ConfigError: an option with another value.
        DataError: a file is malformed, a list names a sequence that is not there, or one part is empty.
    """
    path = existing(path)
    dataset = read(path, labels)
    if held_out is not None:
        test = dataset.groups("subject") == held_out
        if test.all() or not test.any():
            raise DataError(
                f"{path}: subject {held_out} has {'every' if test.all() else 'no'} sequence; hold out another"
            )
        return divide(dataset, ~test, path, "")
    place = {meta["name"]: i for i, meta in enumerate(dataset.metas)}
    train, test_ = (dataset.subset(_listed(path, name, place)) for name in _LISTS)
    return Splits(train, test_)


def read(path: str | Path, labels: int = 14) -> SequenceDataset:
    """Every gesture, with its label, whatever list it is on.

    Raises:
        ConfigError: labels is neither 14 nor 28.
        DataError: a file is malformed.
    """
    schema = replace(SCHEMA, classes=class_names(labels))

    def parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
        gesture, finger, subject, trial = (int(part[1:]) for part in member.key.split("_"))
        if not 1 <= gesture <= len(GESTURES) or not 1 <= finger <= len(FINGERS):
            raise DataError(f"{member.where}: its folders must have a gesture from 1 to 14 and a finger from 1 to 2")
        frames = parse_rows(member.data, member.where, columns=66).reshape(-1, 1, 22, 3)
        meta = {"name": member.key, "subject": subject, "repetition": trial, "finger": finger}
        return frames, label_of(gesture, finger, labels), meta

    what = "gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt"
    return read_members(path, _key, what, parse, schema, "shrec17")


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
    """What the sequence is called in its meta, the same for joints and depth images."""
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
        chosen.append(place[key])
    return chosen


SOURCE = skeleton_source(
    "shrec17",
    "SHREC'17 or DHG hand joints: a zip or folder of gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt",
    load,
    read,
    held_by(_key),
)
