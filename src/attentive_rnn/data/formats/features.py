"""Features of the frames of videos, CLASS/CLIP.safetensors or train/CLASS/..., as ``attentive features`` writes them.

A file has the features of one video, float16, and is read by memory map:

features    (T, D) float16
times       (T,) float64, seconds since the first frame
maps        (T, D, H, W) float16, if they were asked for
metadata    video (its name), video_sha256, every (of how many frames the first was taken), extractor (its name),
            extractor_key, format_version
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ...errors import DataError
from ..dataset import SequenceDataset
from ..io.files import existing, quoted, write_file
from ..schema import Schema, same_rate
from ..source import Source
from ..split import check_part_folders, part_of, with_test_part
from ..stored.spool import keep
from .long.rates import several_rates

FORMAT_VERSION = "1"
SUFFIX = ".safetensors"


def read(path: str | Path, maps: bool = False) -> SequenceDataset:
    """Every video in a folder of folders, or one video; the classes are the names of the files' folders.

    Args:
        path: the folder or file.
        maps: take the maps of features (D, H, W) of each frame, not the D features.

    Raises:
        DataError: a file is damaged, unlike the others or without maps.
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
        sequences.append(torch.from_numpy(keep(values[::every].astype(np.float32))))
        found.append({**meta, "every": every * int(one.metadata.get("every", "1"))} if maps else meta)
        if len(one.times) > 1 and one.times[-1] > 0:
            rates.append((len(one.times) - 1) / one.times[-1] / every)
    rate = round(float(np.median(rates)), 3) if rates and same_rate(*rates) else None
    schema = Schema(classes, tuple(sequences[0].shape[1:]), rate=rate, medium="maps" if maps else "sequence")
    return SequenceDataset(sequences, labels, found, schema, name, several_rates(rates, name, "times"))


def recognise(path: Path) -> bool:
    """Whether the path is a folder of folders with .safetensors files, or such a file."""
    return path.suffix.lower() == SUFFIX if path.is_file() else next(iter(_files(path)), None) is not None


def _files(path: Path) -> list[Path]:
    found = [p for depth in ("*", "*/*") for p in path.glob(f"{depth}/*{SUFFIX}") if not p.name.startswith(".")]
    check_part_folders([p.relative_to(path).parts[:-1] for p in found], str(path))
    return [p for p in found if p.parent.parent == path or part_of(p.parent.parent.name)]


def _meta(file: Path, root: Path, labelled: bool) -> dict[str, Any]:
    meta = {"name": f"{file.parent.name}/{file.stem}" if labelled else file.stem}
    if labelled and file.parent.parent != root:
        meta["split"] = file.parent.parent.name
    return meta


class Stored(NamedTuple):
    """The content of a file of features; ``maps`` is None where the file has none or they were not asked for."""

    features: np.ndarray
    times: np.ndarray
    maps: np.ndarray | None
    metadata: dict[str, str]


def write_features(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays and what they came from, in one step."""
    write_file(path, save(dict(arrays), metadata={**metadata, "format_version": FORMAT_VERSION}))


def read_metadata(path: Path, maps: bool = False) -> dict[str, str]:
    """The metadata of a file of features: its origin; nothing of the arrays is read.

    Raises:
        DataError: the file is damaged or of another kind, or has no maps though they are asked for.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata, names = file.metadata() or {}, set(file.keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path}: is damaged or not a safetensors file ({error}); make it again") from error
    missing = {"features", "times"} - names
    if missing or metadata.get("format_version") != FORMAT_VERSION:
        raise DataError(f"{path}: holds no frame features of this version; make it with attentive features")
    if not re.fullmatch(r"[1-9]\d{0,8}", metadata.get("every", "1")):
        raise DataError(f"{path}: every, {quoted(metadata['every'])}, must be a whole number; make the file again")
    if maps and "maps" not in names:
        raise DataError(f"{path}: has no maps; make it again with attentive features --maps")
    return metadata


def read_features(path: Path, maps: bool = False) -> Stored:
    """The features of a video, of which only what is asked for is read from the disk.

    Raises:
        DataError: the file is damaged, of another kind, or has no maps though they are asked for.
    """
    metadata = read_metadata(path, maps)
    with safe_open(path, framework="np") as file:
        features, times = file.get_tensor("features"), file.get_tensor("times")
        found = file.get_tensor("maps") if maps else None
    counts = {len(a) for a in (features, times, found) if a is not None}
    if features.ndim != 2 or 0 in features.shape or features.dtype.kind != "f" or len(counts) != 1:
        raise DataError(f"{path}: features are {features.dtype} {features.shape} for {len(times)} times")
    for name, values in (("features", features), ("times", times), ("maps", found)):
        if values is not None and not np.isfinite(values).all():
            raise DataError(f"{path}: {name} has values that are NaN or infinite; make the file again")
    return Stored(features, times, found, metadata)


SOURCE = Source(
    name="frame-features",
    title=f"features of videos' frames: a folder for each class with {SUFFIX} files of attentive features",
    load=with_test_part(read),
    read=read,
    recognise=recognise,
)
