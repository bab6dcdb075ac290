"""SYSU 3D human-object interaction: Kinect skeletons of forty people doing twelve actions with six objects.

PERSON/videoN/sklWorld.mat, N the action from 1 to 12, with the array ``SW`` (20 joints, 3 coordinates in metres,
frames). Reference: J.-F. Hu, W.-S. Zheng, J. Lai, J. Zhang, "Jointly learning heterogeneous features for RGB-D
activity recognition", CVPR 2015.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad
from ..io.files import existing, quoted, read_bytes
from ..io.mat import joints_by_time
from ..io.members import Member
from ..io.text import decode
from ..schema import Schema
from .reader import divide, held_by, read_members, skeleton_source

Protocol = Literal["CS", "SS"]

ACTIONS = (
    *("drinking", "pouring", "calling phone", "playing phone", "wearing backpacks", "packing backpacks"),
    *("sitting chair", "moving chair", "taking out wallet", "taking from wallet", "mopping", "sweeping"),
)
SCHEMA = Schema(classes=ACTIONS, shape=(1, 20, 3), layout="kinect-20", rate=30.0)
FOLDS = 30

_NAME = re.compile(r"(?:.*/)?([^/]+)/video(\d{1,2})/sklWorld\.mat", re.ASCII | re.DOTALL | re.IGNORECASE)


def load(
    path: str | Path,
    protocol: Protocol = "CS",
    fold: int = 0,
    train_list: str | Path | None = None,
    missing: Bad = "refuse",
) -> Splits[SequenceDataset]:
    """One of the 30 random folds of a protocol; published figures are the mean over 30 folds.

    Cross-subject (CS): half of the people train, the other half test. Same-subject (SS): half of the sequences of
    each person train. The halves of fold k are drawn by ``numpy.random.default_rng(k)`` from the sorted names: they
    are not those of the data set's authors, whose lists ``train_list`` takes.

    Args:
        path: a folder or a zip with PERSON/videoN/sklWorld.mat.
        protocol: "CS" or "SS".
        fold: from 0 to 29.
        train_list: a text file with the sequences PERSON/videoN to train on, one a line, instead of a random fold.
        missing: "skip" leaves out files that cannot be used, with a note; "refuse" names the first.

    Raises:
        ConfigError: an option that is out of range.
        DataError: a file is malformed, the list names a sequence that is not there, or one part is empty.
    """
    if protocol not in get_args(Protocol):
        raise ConfigError(f"sysu: protocol must be CS or SS, got {protocol!r}")
    if type(fold) is not int or not 0 <= fold < FOLDS:
        raise ConfigError(f"sysu: fold must be from 0 to {FOLDS - 1}, got {fold!r}")
    dataset = read(path, missing)
    if train_list is None:
        train = _random_half(dataset.groups("subject"), protocol, np.random.default_rng(fold))
    else:
        train = _listed(existing(train_list), [meta["name"] for meta in dataset.metas])
    return divide(dataset, train, path, " in this fold", shares_persons=protocol == "SS")


def read(path: str | Path, missing: Bad = "refuse") -> SequenceDataset:
    """Every sequence of a file, a folder or a zip, with its label. Errors as for :func:`load`."""
    return read_members(path, _key, "PERSON/videoN/sklWorld.mat", _parse, SCHEMA, "sysu", missing)


def _parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
    person, video = member.key.rsplit("/video", 1)
    if not 1 <= int(video) <= len(ACTIONS):
        raise DataError(f"{member.where}: the action in its folder is not from 1 to {len(ACTIONS)}")
    frames = joints_by_time(member.data, member.where, "SW", joints=20, coordinates=3)
    return frames, int(video) - 1, {"name": f"{person}/video{int(video)}", "subject": person}


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return f"{match[1]}/video{int(match[2]):02}" if match else None


def _random_half(subjects: np.ndarray, protocol: Protocol, rng: np.random.Generator) -> np.ndarray:
    people = np.unique(subjects)
    if protocol == "CS":
        return np.isin(subjects, rng.permutation(people)[: (len(people) + 1) // 2])
    train = np.zeros(len(subjects), dtype=bool)
    for person in people:
        own = rng.permutation(np.flatnonzero(subjects == person))
        train[own[: (len(own) + 1) // 2]] = True
    return train


def _listed(path: Path, names: list[str]) -> np.ndarray:
    lines = decode(read_bytes(path), str(path)).splitlines()
    place = {name: i for i, name in enumerate(names)}
    train = np.zeros(len(names), dtype=bool)
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if name and name not in place:
            raise DataError(f"{path}, line {number}: there is no sequence {quoted(name)}; lines are PERSON/videoN")
        if name:
            train[place[name]] = True
    return train


SOURCE = skeleton_source(
    "sysu", "SYSU 3D HOI skeletons: a zip or folder of PERSON/videoN/sklWorld.mat", load, read, held_by(_key)
)
