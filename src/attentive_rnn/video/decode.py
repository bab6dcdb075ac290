"""Frames of a video file or a camera, one at a time, upright."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from ..data.io.files import existing
from ..errors import DataError, needed_for
from .stages import ahead

SUFFIXES = (".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm", ".wmv")
LARGEST_SIDE = 8192  # pixels; a header that says more is damaged or hostile


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Args:
        image: (H, W, 3) uint8, red, green and blue, upright.
        time: seconds since the first picture; strictly rising, not always evenly.
        number: pictures of the source before it, those that were dropped too.
    """

    image: np.ndarray
    time: float
    number: int


def read_frames(path: str | Path, size: tuple[int, int] | None = None, largest: int | None = None) -> Iterator[Frame]:
    """Decode a video frame by frame; memory does not grow with its length.

    What the header says about the number of frames or the rate is not believed: frames are counted by decoding, and
    each has its own time. A rotation that the file asks for is made. Only the file itself is read: a playlist that
    names other files or addresses is refused.

    Args:
        path: the file; any container and codec that FFmpeg knows.
        size: (height, width) to scale the upright picture to; None: as it is.
        largest: the longer side to scale the picture down to where it is longer, its shape kept; not with ``size``.

    Raises:
        DataError: it is no video, has no picture, or is damaged; the message says after which frame.
        MissingExtraError: PyAV is not installed.

    Example:
        >>> for frame in read_frames("clip.mp4", size=(224, 224)):  # doctest: +SKIP
        ...     print(frame.time, frame.image.shape)
        0.0 (224, 224, 3)
    """
    av = import_av()
    path = existing(path)
    if not path.is_file():
        raise DataError(f"{path}: is not a file")
    count = 0
    try:
        with open(path, "rb") as file, av.open(file, options={"protocol_whitelist": "none"}) as container:
            if not container.streams.video:
                raise DataError(f"{path}: has no pictures (it has {_kinds(container)})")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            start, last = None, -1.0
            for decoded in container.decode(stream):
                if max(decoded.width, decoded.height) > LARGEST_SIDE:
                    raise DataError(f"{path}: a picture is {decoded.width} x {decoded.height}; {LARGEST_SIDE} is most")
                time = decoded.time if decoded.time is not None else last + 1 / float(stream.average_rate or 25)
                start = time if start is None else start
                # A file whose times do not rise says nothing about time; its order is believed.
                time = max(time - start, last + 1e-6) if count else 0.0
                count, last = count + 1, time
                yield Frame(_upright(decoded, size, largest), time, count - 1)
            if count:
                _check_whole(path, container, stream, count, last)
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        after = f"is damaged after frame {count}" if count else "is damaged or not a video"
        raise DataError(f"{path}: {after} ({reason})") from error
    if count == 0:
        raise DataError(f"{path}: has no frames")


def read_camera(index: int, largest: int | None = None) -> Iterator[Frame]:
    """The newest frames of a camera, without an end: those that nobody takes in time are dropped, and counted.

    Args:
        index: which camera, from 0.
        largest: the longer side to scale the picture down to where it is longer.

    Raises:
        DataError: there is no such camera, or it stops.
        MissingExtraError: OpenCV is not installed.
    """
    return ahead(_taken(index, largest), room=1, newest=True)


def _taken(index: int, largest: int | None) -> Iterator[Frame]:
    with needed_for("cameras need OpenCV: pip install opencv-python-headless"):
        import cv2
    camera = cv2.VideoCapture(index)
    try:
        if not camera.isOpened():
            raise DataError(f"camera {index}: cannot be opened; is it there, and free?")
        start = monotonic()
        for number in itertools.count():
            taken, image = camera.read()
            if not taken:
                raise DataError(f"camera {index}: gives no more pictures")
            height, width = _within(image.shape[0], image.shape[1], largest)
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            yield Frame(image[:, :, ::-1].copy(), monotonic() - start, number)
    finally:
        camera.release()


def find_videos(path: str | Path) -> tuple[Path, list[Path]]:
    """A folder and the videos in it and its subfolders by name; of a single file, its folder and itself.

    Raises:
        DataError: there is nothing there, or no file that ends as videos do.
    """
    path = existing(path)
    if path.is_file():
        return path.parent, [path]
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file() and p.name[0] != ".")
    if not found:
        raise DataError(f"{path}: holds no videos (files that end in {', '.join(SUFFIXES)})")
    return path, found


def import_av() -> Any:
    """The module of PyAV."""
    with needed_for("videos need PyAV: pip install 'attentive-rnn[video]'"):
        import av
    return av


def _kinds(container: Any) -> str:
    return ", ".join(sorted({stream.type for stream in container.streams})) or "no streams"


def _check_whole(path: Path, container: Any, stream: Any, count: int, last: float) -> None:
    """An error if the file ends well before its header says: it was cut off."""
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / 1e6
    # Headers are often wrong by a frame or two, and some writers round the duration up.
    if last + 1.0 < 0.9 * seconds and (not stream.frames or count < 0.9 * stream.frames):
        raise DataError(
            f"{path}: is truncated: its header says {seconds:.1f} s, it ends at {last:.1f} s; fetch it again"
        )


def _upright(decoded: Any, size: tuple[int, int] | None, largest: int | None) -> np.ndarray:
    """The picture as an array, turned as the file asks and scaled."""
    turns = round(decoded.rotation / 90) % 4
    height, width = decoded.height, decoded.width
    if size is not None:
        height, width = size if turns % 2 == 0 else size[::-1]
    else:
        height, width = _within(height, width, largest)
    image = decoded.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _within(height: int, width: int, largest: int | None) -> tuple[int, int]:
    """The size of a picture whose longer side is scaled down to the largest."""
    scale = 1.0 if largest is None else min(1.0, largest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
