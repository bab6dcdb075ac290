"""Features of the frames of videos, as `attentive features` writes them: CLASS/CLIP.safetensors, or train/CLASS/..."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..errors import DataError
from .dataset import SequenceDataset, Splits
from .feature_files import SUFFIX, Stored, read_features
from .files import existing
from .schema import Schema
from .source import Source
from .split import train_test


def load(path: str | Path, test_fraction: float = 0.25, seed: int = 0) -> Splits:
    """The training and test part: the folders train and test, or else a share held out for testing.

    Args:
        path: the folder.
        test_fraction: share of each class held out where there are no such folders.
        seed: of that draw.

    Raises:
        DataError: a file is damaged or unlike the others, or a part is empty.
    """
    return train_test(read(path), test_fraction, seed)


def read(path: str | Path) -> SequenceDataset:
    """Every video in a folder of folders, or one video; the classes are the names of the files' folders.

    Raises:
        DataError: a file is damaged, or made by another network than the others.
    """
    path = existing(path)
    files = [path] if path.is_file() else sorted(_files(path))
    if not files:
        raise DataError(f"{path}: holds no {SUFFIX} files in folders; attentive features makes them")
    stored = [read_features(file) for file in files]
    first = stored[0].metadata.get("extractor_key")
    for file, one in zip(files, stored, strict=True):
        if one.metadata.get("extractor_key") != first or one.features.shape[1] != stored[0].features.shape[1]:
            raise DataError(f"{file}: was made by another network than {files[0]}; make all with one")
    labelled = path.is_dir()
    classes = tuple(sorted({file.parent.name for file in files})) if labelled else ()
    return SequenceDataset(
        [torch.from_numpy(one.features.astype(np.float32)) for one in stored],
        [classes.index(file.parent.name) if labelled else -1 for file in files],
        [_meta(file, path, labelled) for file in files],
        Schema(classes, (stored[0].features.shape[1],), rate=_rate(stored)),
        path.stem,
    )


def recognise(path: Path) -> bool:
    """Whether the path is a folder of folders with .safetensors files, or such a file."""
    return path.suffix.lower() == SUFFIX if path.is_file() else next(iter(_files(path)), None) is not None


def _files(path: Path) -> list[Path]:
    found = [*path.glob(f"*/*{SUFFIX}"), *(p for part in ("train", "test") for p in path.glob(f"{part}/*/*{SUFFIX}"))]
    return [p for p in found if not p.name.startswith(".")]


def _meta(file: Path, root: Path, labelled: bool) -> dict[str, str]:
    meta = {"name": f"{file.parent.name}/{file.stem}" if labelled else file.stem}
    if labelled and file.parent.parent != root:
        meta["split"] = file.parent.parent.name
    return meta


def _rate(stored: list[Stored]) -> float | None:
    """The frames a second that all videos have, to a percent; None where they differ."""
    rates = [(len(one.times) - 1) / one.times[-1] for one in stored if len(one.times) > 1 and one.times[-1] > 0]
    if not rates or max(rates) > 1.01 * min(rates):
        return None
    return round(float(np.median(rates)), 3)


SOURCE = Source(
    name="frame-features",
    title=f"features of videos' frames: a folder for each class with {SUFFIX} files of attentive features",
    load=load,
    read=read,
    recognise=recognise,
)
