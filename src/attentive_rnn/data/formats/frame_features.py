"""Features of the frames of videos, as `attentive features` writes them: CLASS/CLIP.safetensors, or train/CLASS/..."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..io.files import existing
from ..schema import Schema
from ..source import Source
from ..split import train_test
from .features import SUFFIX, read_features


def load(path: str | Path, test_fraction: float = 0.25, seed: int = 0, maps: bool = False) -> Splits:
    """The training and test part: the folders train and test, or else a share held out for testing.

    Args:
        path: the folder.
        test_fraction: share of each class held out where there are no such folders.
        seed: of that draw.
        maps: take the maps of features (D, H, W) of each frame, not the D features.

    Raises:
        DataError: a file is damaged, unlike the others or without maps, or a part is empty.
    """
    return train_test(read(path, maps), test_fraction, seed)


def read(path: str | Path, maps: bool = False) -> SequenceDataset:
    """Every video in a folder of folders, or one video; the classes are the names of the files' folders.

    Raises:
        DataError: a file is damaged, made by another network than the others, or without maps though they are wanted.
    """
    path = existing(path)
    files = [path] if path.is_file() else sorted(_files(path))
    if not files:
        raise DataError(f"{path}: holds no {SUFFIX} files in folders; attentive features makes them")
    labelled = path.is_dir()
    classes = tuple(sorted({file.parent.name for file in files})) if labelled else ()
    return stored_sequences(
        files,
        [classes.index(file.parent.name) if labelled else -1 for file in files],
        [_meta(file, path, labelled) for file in files],
        classes,
        path.stem,
        maps=maps,
    )


def stored_sequences(
    files: Sequence[Path],
    labels: Sequence[int],
    metas: Sequence[dict[str, Any]],
    classes: tuple[str, ...],
    name: str,
    every: int = 1,
    maps: bool = False,
) -> SequenceDataset:
    """The features in files as a data set, all of one network.

    Args:
        files: at least one.
        labels, metas: one for each file.
        classes: of the labels.
        name: of the data set.
        every: keep each of so many frames, from the first.
        maps: take the maps of features, not the features; ``meta["every"]`` then says of how many frames of the video
            the first was taken.

    Raises:
        DataError: a file is damaged, made by another network than the others, or without maps though they are wanted.
    """
    sequences, found, rates, first = [], [], [], None
    for file, meta in zip(files, metas, strict=True):
        one = read_features(file, maps)
        values = one.features if one.maps is None else one.maps
        network = one.metadata.get("extractor_key"), values.shape[1:]
        first = network if first is None else first
        if network != first:
            raise DataError(f"{file}: was made by another network than {files[0]}; make all with one")
        sequences.append(torch.from_numpy(values[::every].astype(np.float32)))
        found.append({**meta, "every": every * int(one.metadata.get("every", "1"))} if maps else meta)
        if len(one.times) > 1 and one.times[-1] > 0:
            rates.append((len(one.times) - 1) / one.times[-1] / every)
    steady = bool(rates) and max(rates) <= 1.01 * min(rates)
    rate = round(float(np.median(rates)), 3) if steady else None
    schema = Schema(classes, tuple(sequences[0].shape[1:]), rate=rate, medium="maps" if maps else "sequence")
    return SequenceDataset(sequences, labels, found, schema, name)


def recognise(path: Path) -> bool:
    """Whether the path is a folder of folders with .safetensors files, or such a file."""
    return path.suffix.lower() == SUFFIX if path.is_file() else next(iter(_files(path)), None) is not None


def _files(path: Path) -> list[Path]:
    found = [*path.glob(f"*/*{SUFFIX}"), *(p for part in ("train", "test") for p in path.glob(f"{part}/*/*{SUFFIX}"))]
    return [p for p in found if not p.name.startswith(".")]


def _meta(file: Path, root: Path, labelled: bool) -> dict[str, Any]:
    meta = {"name": f"{file.parent.name}/{file.stem}" if labelled else file.stem}
    if labelled and file.parent.parent != root:
        meta["split"] = file.parent.parent.name
    return meta


SOURCE = Source(
    name="frame-features",
    title=f"features of videos' frames: a folder for each class with {SUFFIX} files of attentive features",
    load=load,
    read=read,
    recognise=recognise,
)
