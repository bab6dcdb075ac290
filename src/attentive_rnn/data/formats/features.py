"""Features of the frames of one video on disk: a safetensors file, float16, read by memory map.

features    (T, D) float16
times       (T,) float64, seconds since the first frame
maps        (T, D, H, W) float16, if they were asked for
metadata    video (its name), video_sha256, every (of how many frames the first was taken), extractor (its name),
            extractor_key, format_version
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ...errors import DataError
from ..io.files import write_atomically

FORMAT_VERSION = "1"
SUFFIX = ".safetensors"


class Stored(NamedTuple):
    """What :func:`read_features` finds; ``maps`` is None where the file has none or they were not asked for."""

    features: np.ndarray
    times: np.ndarray
    maps: np.ndarray | None
    metadata: dict[str, str]


def write_features(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays and what they came from, in one step."""
    write_atomically(path, save(dict(arrays), metadata={**metadata, "format_version": FORMAT_VERSION}))


def read_metadata(path: Path, maps: bool = False) -> dict[str, str]:
    """What a file of features came from; nothing of the arrays is read.

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
    return Stored(features, times, found, metadata)
