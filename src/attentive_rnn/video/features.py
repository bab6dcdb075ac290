"""Features of every frame of every video in a folder, resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..data.formats.features import SUFFIX, read_metadata, write_features
from ..data.io.locks import held, remove_leftovers
from ..errors import ConfigError, DataError
from .decode import Frame, find_videos, read_frames
from .extractors import Extractor


@dataclass(frozen=True)
class Progress:
    """The state of an extraction: ``done`` of ``total`` videos, of which the last was ``video`` with ``frames`` frames.

    ``frames`` is 0 for a video whose features were there; ``refused`` says why a video was left out.
    """

    video: Path
    done: int
    total: int
    frames: int
    refused: str | None = None


def extract_features(
    videos: str | Path,
    out: str | Path,
    extractor: Extractor,
    *,
    maps: bool = False,
    every: int = 1,
    batch_size: int = 16,
    progress: Callable[[Progress], None] = lambda state: None,
) -> list[str]:
    """Write OUT/FOLDER/NAME.safetensors for each FOLDER/NAME.mp4 below ``videos``; see ``data/formats/features.py``.

    A file that is there, whole, from a video of the same bytes and the same extractor, is left as it is: a run that
    was interrupted goes on where it stopped, and what a changed video or another extractor made stale is made again.

    Args:
        videos: a video, or a folder with videos in it or in its subfolders.
        out: the folder for the features; made if need be.
        extractor: the network.
        maps: store its maps of features too.
        every: take the first frame of so many.
        batch_size: pictures at a time.
        progress: called after each video.

    Returns:
        For each video that cannot be decoded, one line that says why; the others' features are there.

    Raises:
        DataError: no video is found.
        ConfigError: OUT cannot be written or another process uses it, two videos have one name, or the extractor has
            no maps.
    """
    if maps and extractor.map_size is None:
        raise ConfigError(f"{extractor.name}: has no maps of features, only pooled ones")
    if min(batch_size, every) < 1:
        raise ConfigError(f"batch_size and every must be 1 or more, got {batch_size} and {every}")
    root, found = find_videos(videos)
    places = {video: (Path(out) / video.relative_to(root)).with_suffix(SUFFIX) for video in found}
    if len(set(places.values())) < len(places):
        twice = next(v for i, v in enumerate(found) if places[v] in [places[w] for w in found[:i]])
        raise ConfigError(f"{twice}: another video has this name with another ending; rename one")
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be made: {error.strerror or error}") from error
    with held(Path(out)):
        remove_leftovers(Path(out))
        return _extract_all(places, extractor, maps, every, batch_size, progress)


def _extract_all(
    places: dict[Path, Path],
    extractor: Extractor,
    maps: bool,
    every: int,
    batch_size: int,
    progress: Callable[[Progress], None],
) -> list[str]:
    refused = []
    for number, (video, place) in enumerate(places.items(), 1):
        reason, frames = None, 0
        try:
            origin = {"video_sha256": _hash(video), "extractor_key": extractor.key, "every": str(every)}
            if not _is_there(place, origin, maps):
                frames = _extract(video, place, origin, extractor, maps, batch_size)
        except DataError as error:
            reason = str(error)
            refused.append(reason)
        progress(Progress(video, number, len(places), frames, reason))
    return refused


def frame_features(
    video: str | Path, extractor: Extractor, maps: bool = False, batch_size: int = 16, every: int = 1
) -> Iterator[tuple[float, np.ndarray, np.ndarray | None]]:
    """(time, features (D,), map (D, H, W) or None) of the first of every so many frames, decoded as it is consumed."""
    for frames in _batches(islice(read_frames(video, extractor.size), 0, None, every), batch_size):
        made = extractor(np.stack([frame.image for frame in frames]), maps)
        for i, frame in enumerate(frames):
            yield frame.time, made.pooled[i], None if made.maps is None else made.maps[i]


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    while batch := list(islice(frames, size)):
        yield batch


def _extract(
    video: Path, place: Path, origin: dict[str, str], extractor: Extractor, maps: bool, batch_size: int
) -> int:
    rows = [
        (time, pooled.astype(np.float16), None if found is None else found.astype(np.float16))
        for time, pooled, found in frame_features(video, extractor, maps, batch_size, int(origin["every"]))
    ]
    arrays = {"features": np.stack([row[1] for row in rows]), "times": np.array([row[0] for row in rows])}
    if maps:
        arrays["maps"] = np.stack([row[2] for row in rows if row[2] is not None])
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise DataError(f"{video}: its {name} are not finite in float16; the extractor's output is too large")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{place.parent}: cannot be made: {error.strerror or error}") from error
    write_features(place, arrays, {"video": video.name, "extractor": extractor.name, **origin})
    return len(rows)


def _is_there(place: Path, origin: dict[str, str], maps: bool) -> bool:
    if not place.is_file():
        return False
    try:
        found = read_metadata(place, maps)
    except DataError:
        return False
    return {"every": "1", **found}.items() >= origin.items()  # older files have every frame and do not say so


def _hash(video: Path) -> str:
    try:
        with open(video, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{video}: cannot be read: {error.strerror or error}") from error
