"""JHMDB: clips of 21 actions, as features or poses of their frames or as annotated joints, with three official splits.

The joints of a clip are in CLASS/CLIP/joint_positions.mat: the arrays ``pos_img`` (pixels) and ``pos_world`` (relative
to the frame and the person's size), (2, 15 joints, frames). A split is text files CLASS_test_splitK.txt with lines
"CLIP.avi 1" (train) or "2" (test). Reference: H. Jhuang, J. Gall, S. Zuffi, C. Schmid, M. Black, "Towards understanding
action recognition", ICCV 2013.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..formats import features, npz
from ..io.files import existing, quoted
from ..io.mat import read_mat
from ..io.members import Member, members
from ..options import one_of
from ..schema import Schema
from ..source import Source
from ..split import left_out
from .reader import held_by, read_members

Positions = Literal["image", "world"]

SCHEMA = Schema(classes=(), shape=(1, 15, 2), layout="jhmdb-15", rate=30.0)

_NAME = re.compile(r"(?:.*/)?([^/]+)/([^/]+)/joint_positions\.mat", re.DOTALL)
_VARIABLES = {"image": "pos_img", "world": "pos_world"}
_SPLIT = re.compile(r"(?:.*/)?([^/]+)_test_split([123])\.txt", re.DOTALL)


def load(
    path: str | Path, split: int = 1, splits: str | Path | None = None, maps: bool = False
) -> Splits[SequenceDataset]:
    """One of the three official splits: 660/268, 658/270 and 663/265 clips.

    Args:
        path: the folder that ``attentive features`` made of the clips, CLASS/CLIP.safetensors; or a folder with it in
            ``features``; or the .npz that ``attentive pose`` made of them.
        split: 1, 2 or 3.
        splits: the folder or zip with the official split files; by default ``splits`` or ``splits.zip`` in the path's
            folder, or beside it.
        maps: take the maps of features (D, H, W) of each frame, not the D features.

    Raises:
        ConfigError: split is another number.
        DataError: there are no features, a file is malformed, or the split files are not found.
    """
    path = existing(path)
    return official_split(read(path, maps), path, split, splits)


def read(path: str | Path, maps: bool = False) -> SequenceDataset:
    """Every clip; ``meta["subject"]`` is the film that it was cut from, so that validation holds out whole films.

    Errors as for :func:`load`.
    """
    path = existing(path)
    folder = path / "features" if (path / "features").is_dir() else path
    if (folder / "videos").is_dir():
        raise DataError(f"{path}: holds videos and no features; run attentive features {path / 'videos'} OUT, give OUT")
    if maps and not folder.is_dir():
        raise DataError(f"{path}: holds no maps of features; run attentive features --maps on the clips")
    dataset = features.read(folder, maps) if folder.is_dir() else npz.read(folder)
    for number, meta in enumerate(dataset.metas):
        action, _, clip = meta.get("name", "").partition("/")
        if not clip:
            raise DataError(
                f"{path}: sequence {number} is not named CLASS/CLIP; run attentive pose on the clips' folders"
            )
        meta["subject"] = clip.split(f"_{action}_")[0]
    dataset.name = "jhmdb"
    return dataset


def official_split(
    dataset: SequenceDataset, path: Path, split: int, splits: str | Path | None
) -> Splits[SequenceDataset]:
    """The clips of a data set, named CLASS/CLIP in their metas, as one of the three official splits.

    Args:
        dataset: every clip.
        path: where it is, for the search and for messages.
        split: 1, 2 or 3.
        splits: the folder or zip with the official files; by default ``splits`` or ``splits.zip`` in the path's folder,
            or beside it.

    Raises:
        ConfigError: another number.
        DataError: the files are not found or malformed, a clip is on none of them, or one part is empty.
    """
    if split not in (1, 2, 3):
        raise ConfigError(f"{dataset.name}: split must be 1, 2 or 3, got {split!r}")
    part_of = _parts(existing(splits) if splits is not None else _beside(path), split)
    unknown = [m["name"] for m in dataset.metas if m["name"] not in part_of]
    if unknown:
        raise DataError(f"{path}: the clip {unknown[0]} is not in the split files of split {split}")
    parts = np.array([part_of[m["name"]] for m in dataset.metas])
    for part, title in ((1, "train"), (2, "test")):
        if not (parts == part).any():
            raise DataError(f"{path}: has no clip to {title} in split {split}")
    dataset.notes = (*dataset.notes, *left_out(dataset, parts > 0, f"which split {split} does not use"))
    return Splits(dataset.subset(np.flatnonzero(parts == 1)), dataset.subset(np.flatnonzero(parts == 2)))


def _beside(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    for place in (folder / "splits", folder / "splits.zip", folder.parent / "splits", folder.parent / "splits.zip"):
        if place.exists():
            return place
    raise DataError(
        f"{path}: the official splits are not beside it; give their folder or zip with splits=PATH "
        "(--data.options.splits PATH)"
    )


def _parts(path: Path, split: int) -> dict[str, int]:
    """1 (train), 2 (test) or 0 (neither) for each clip CLASS/CLIP of a split."""

    def key(name: str) -> str | None:
        match = _SPLIT.fullmatch(name)
        return match[1] if match and int(match[2]) == split else None

    parts = {}
    for member in members(path, key, f"CLASS_test_split{split}.txt"):
        lines = member.data.decode("utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            fields = line.rsplit(maxsplit=1)
            if not fields:
                continue
            if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
                raise DataError(f"{member.where}, line {number}: must be CLIP.avi and 0, 1 or 2, got {quoted(line)}")
            parts[f"{member.key}/{fields[0].removesuffix('.avi')}"] = int(fields[1])
    return parts


def load_joints(
    path: str | Path, split: int = 1, positions: Positions = "world", splits: str | Path | None = None
) -> Splits[SequenceDataset]:
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
    return official_split(read_joints(path, positions), path, split, splits)


def read_joints(path: str | Path, positions: Positions = "world") -> SequenceDataset:
    """Every clip of a file, a folder or a zip; the classes are the names of the folders, sorted.

    Errors as for :func:`load_joints`.
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
    name="jhmdb",
    title="JHMDB frame features or poses: CLASS/CLIP.safetensors or an .npz, and splits.zip",
    load=load,
    read=read,
)

JOINTS_SOURCE = Source(
    name="jhmdb-joints",
    title="JHMDB joints: a zip or folder of CLASS/CLIP/joint_positions.mat",
    load=load_joints,
    recognise=held_by(_key),
    read=read_joints,
    preprocessing=({"name": "origin_at_body_centre", "joint": 1},),
)
