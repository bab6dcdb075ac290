"""JHMDB: annotated joints of people in video clips of 21 actions, CLASS/CLIP/joint_positions.mat.

The arrays ``pos_img`` (pixels) and ``pos_world`` (relative to the frame and the person's size) are (2, 15 joints,
frames). The official splits are text files CLASS_test_splitK.txt with lines "CLIP.avi 1" (train) or "2" (test).
Reference: H. Jhuang, J. Gall, S. Zuffi, C. Schmid, M. Black, "Towards understanding action recognition", ICCV 2013.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..io.files import existing
from ..io.mat import read_mat
from ..io.members import Member
from ..options import one_of
from ..schema import Schema
from ..source import Source
from .jhmdb import official_split
from .reader import held_by, read_members

Positions = Literal["image", "world"]

SCHEMA = Schema(classes=(), shape=(1, 15, 2), layout="jhmdb-15", rate=30.0)

_NAME = re.compile(r"(?:.*/)?([^/]+)/([^/]+)/joint_positions\.mat", re.DOTALL)
_VARIABLES = {"image": "pos_img", "world": "pos_world"}


def load(path: str | Path, split: int = 1, positions: Positions = "world", splits: str | Path | None = None) -> Splits:
    """One of the three official splits: 660/268, 658/270 and 663/265 clips in the full set.

    Args:
        path: a folder or a zip with CLASS/CLIP/joint_positions.mat.
        split: 1, 2 or 3.
        positions: "world" or "image" coordinates.
        splits: the folder or zip with the official split files; by default ``splits`` or ``splits.zip`` in the
            folder, or beside it.

    Raises:
        ConfigError: an option with another value.
        DataError: a file is malformed, the split files are not found, a clip is on none of them or one part is empty.
    """
    path = existing(path)
    return official_split(read(path, positions), path, split, splits)


def read(path: str | Path, positions: Positions = "world") -> SequenceDataset:
    """Every clip of a file, a folder or a zip; the classes are the names of the folders, sorted.

    Raises:
        ConfigError: positions is neither "world" nor "image".
        DataError: a file is malformed.
    """
    one_of("jhmdb-joints", "positions", positions, _VARIABLES)
    names: list[str] = []

    def parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
        names.append(member.key.split("/")[0])
        return _frames(member.data, member.where, _VARIABLES[positions]), -1, {"name": member.key}

    dataset = read_members(path, _key, "CLASS/CLIP/joint_positions.mat", parse, SCHEMA, "jhmdb-joints")
    classes = tuple(sorted(set(names)))
    dataset.schema = replace(SCHEMA, classes=classes)
    dataset.labels = np.asarray([classes.index(name) for name in names])
    return dataset


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return f"{match[1]}/{match[2]}" if match else None


def _frames(data: bytes, where: str, variable: str) -> np.ndarray:
    values = read_mat(data, where, variable)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[:2] != (2, 15) or values.shape[2] == 0:
        raise DataError(f"{where}: {variable} is {values.shape}, expected (2, 15, frames)")
    return values.transpose(2, 1, 0)[:, None]


SOURCE = Source(
    name="jhmdb-joints",
    title="JHMDB joints: a zip or folder of CLASS/CLIP/joint_positions.mat",
    load=load,
    recognise=held_by(_key),
    read=read,
    preprocessing=({"name": "origin_at_body_centre", "joint": 1},),
)
