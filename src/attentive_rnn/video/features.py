"""Features of every frame of every video in a folder, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ..data.formats.features import SUFFIX, read_metadata, write_features
from ..errors import ConfigError, DataError
from .decode import Frame, find_videos, read_frames
from .extractors import Extractor
from .files import WHOLE, Progress, Shard, make_files, places_for


def extract_features(
    videos: str | Path,
    out: str | Path,
    extractor: Extractor,
    *,
    maps: bool = False,
    every: int = 1,
    batch_size: int = 16,
    shard: Shard = WHOLE,
    progress: Callable[[Progress], None] = lambda state: None,
) -> list[str]:
    """Write OUT/FOLDER/NAME.safetensors for each FOLDER/NAME.mp4 below ``videos``; see ``data/formats/features.py``.

    A file that is there, whole, from a video of the same bytes and the same extractor, is left as it is: a run that
    was interrupted goes on where it stopped, and what a changed video or another extractor made stale is made again.
    Several processes may write to one folder: each video is seen by one of them.

    Args:
        videos: a video, or a folder with videos in it or in its subfolders.
        out: the folder for the features; made if need be.
        extractor: the network.
        maps: store its maps of features too.
        every: take the first frame of so many.
        batch_size: pictures at a time.
        shard: (i, n): only every n-th video, from the i-th on.
        progress: called after each video.

    Returns:
        For each video that cannot be decoded, one line that says why; the others' features are there.

    Raises:
        DataError: no video is found.
        ConfigError: OUT cannot be written, two videos have one name, or the extractor has no maps.
    """
    if maps and extractor.map_size is None:
        raise ConfigError(f"{extractor.name}: has no maps of features, only pooled ones")
    if min(batch_size, every) < 1:
        raise ConfigError(f"batch_size and every must be 1 or more, got {batch_size} and {every}")
    root, found = find_videos(videos)

    def read(place: Path) -> dict[str, str]:
        return {"every": "1", **read_metadata(place, maps)}  # older files have every frame and do not say so

    def make(video: Path, place: Path, origin: dict[str, str]) -> int:
        return _extract(video, place, origin, extractor, maps, batch_size)

    settings = {"extractor_key": extractor.key, "every": str(every)}
    places = places_for(found, root, Path(out), SUFFIX)
    return list(make_files(places, Path(out), settings, read, make, shard, progress).values())


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
    write_features(place, arrays, {"video": video.name, "extractor": extractor.name, **origin})
    return len(rows)
