"""JHMDB from its pictures: features or poses of every frame of the clips of 21 actions, with the three official splits.

A split is text files CLASS_test_splitK.txt with lines "CLIP.avi 1" (train) or "2" (test).
Reference: H. Jhuang, J. Gall, S. Zuffi, C. Schmid, M. Black, "Towards understanding action recognition", ICCV 2013.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..formats import features, npz
from ..io.files import existing, quoted
from ..io.members import members
from ..source import Source

_SPLIT = re.compile(r"(?:.*/)?([^/]+)_test_split([123])\.txt", re.DOTALL)


def load(path: str | Path, split: int = 1, splits: str | Path | None = None, maps: bool = False) -> Splits:
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

    Raises:
        DataError: there are no features, or a file is malformed.
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


def official_split(dataset: SequenceDataset, path: Path, split: int, splits: str | Path | None) -> Splits:
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


SOURCE = Source(
    name="jhmdb",
    title="JHMDB frame features or poses: CLASS/CLIP.safetensors or an .npz, and splits.zip",
    load=load,
    read=read,
)
