"""JHMDB: annotated joints of people in video clips of 21 actions, CLASS/CLIP/joint_positions.mat.

The arrays ``pos_img`` (pixels) and ``pos_world`` (relative to the frame and the person's size) are (2, 15 joints,
frames). The official splits are text files CLASS_test_splitK.txt with lines "CLIP.avi 1" (train) or "2" (test).
Reference: H. Jhuang, J. Gall, S. Zuffi, C. Schmid, M. Black, "Towards understanding action recognition", ICCV 2013.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.files import existing
from ..io.mat import read_mat
from ..io.members import holds, members
from ..schema import Schema
from ..source import Source
from . import jhmdb_splits

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
    return jhmdb_splits.apply(read(path, positions), path, split, splits)


def read(path: str | Path, positions: Positions = "world") -> SequenceDataset:
    """Every clip of a file, a folder or a zip; the classes are the names of the folders, sorted.

    Raises:
        ConfigError: positions is neither "world" nor "image".
        DataError: a file is malformed.
    """
    if positions not in _VARIABLES:
        raise ConfigError(f"jhmdb-joints: positions must be one of {', '.join(_VARIABLES)}, got {positions!r}")
    sequences, labels, metas = [], [], []
    for member in members(existing(path), _key, "CLASS/CLIP/joint_positions.mat"):
        sequences.append(_frames(member.data, member.where, _VARIABLES[positions]))
        labels.append(member.key.split("/")[0])
        metas.append({"name": member.key})
    classes = tuple(sorted(set(labels)))
    targets = [classes.index(label) for label in labels]
    return SequenceDataset(sequences, targets, metas, replace(SCHEMA, classes=classes), "jhmdb-joints")


def recognise(path: Path) -> bool:
    """Whether the path is a joint_positions.mat, or a folder or zip with some."""
    return holds(path, _key)


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return f"{match[1]}/{match[2]}" if match else None


def _frames(data: bytes, where: str, variable: str) -> torch.Tensor:
    values = read_mat(data, where, variable)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[:2] != (2, 15) or values.shape[2] == 0:
        raise DataError(f"{where}: {variable} is {values.shape}, expected (2, 15, frames)")
    return torch.from_numpy(values.transpose(2, 1, 0)[:, None].astype(np.float32))


SOURCE = Source(
    name="jhmdb-joints",
    title="JHMDB joints: a zip or folder of CLASS/CLIP/joint_positions.mat",
    load=load,
    recognise=recognise,
    read=read,
    preprocessing=({"name": "origin_at_body_centre", "joint": 1},),
)
