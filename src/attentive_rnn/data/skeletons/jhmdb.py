"""JHMDB from its pictures: features or poses of every frame of the clips of 21 actions, with the three official splits.

Reference: H. Jhuang, J. Gall, S. Zuffi, C. Schmid, M. Black, "Towards understanding action recognition", ICCV 2013.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..formats import frame_features, npz
from ..io.files import existing
from ..source import Source
from . import jhmdb_splits


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
    return jhmdb_splits.apply(read(path, maps), path, split, splits)


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
    dataset = frame_features.read(folder, maps) if folder.is_dir() else npz.read(folder)
    for number, meta in enumerate(dataset.metas):
        action, _, clip = meta.get("name", "").partition("/")
        if not clip:
            raise DataError(
                f"{path}: sequence {number} is not named CLASS/CLIP; run attentive pose on the clips' folders"
            )
        meta["subject"] = clip.split(f"_{action}_")[0]
    dataset.name = "jhmdb"
    return dataset


SOURCE = Source(
    name="jhmdb",
    title="JHMDB frame features or poses: CLASS/CLIP.safetensors or an .npz, and splits.zip",
    load=load,
    read=read,
)
