"""A file for each video of a folder, made once among any number of processes, and made again where it is stale.

Input: the videos, the settings, and what makes the file of one video. Output: the files, and why videos were left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..data.io.files import check_folder
from ..data.io.locks import check_free, each_once, held, remove_leftovers
from ..errors import ConfigError, DataError

Shard = tuple[int, int]  # which part, from 1, of how many
WHOLE: Shard = (1, 1)


@dataclass(frozen=True)
class Progress:
    """The state of an extraction: ``done`` of ``total`` videos, of which the last was ``video`` with ``frames`` frames.

    ``frames`` is 0 for a video whose file was there; ``refused`` says why a video was left out.
    """

    video: Path
    done: int
    total: int
    frames: int
    refused: str | None = None


def shard_of(text: str) -> Shard:
    """A part of the videos, such as 2/8.

    Raises:
        ConfigError: it is none.

    Example:
        >>> shard_of("2/8")
        (2, 8)
    """
    part, slash, count = text.partition("/")
    if not (slash and part.isdecimal() and count.isdecimal() and 1 <= int(part) <= int(count)):
        raise ConfigError(f"--shard must be a part and their number, from 1/8 to 8/8 say, got {text!r}")
    return int(part), int(count)


def places_for(videos: list[Path], root: Path, folder: Path, suffix: str) -> dict[Path, Path]:
    """The file of each video below a folder, where the video is below the root.

    Raises:
        ConfigError: two videos have one name.
    """
    places: dict[Path, Path] = {}
    taken: set[Path] = set()
    for video in videos:
        place = (folder / video.relative_to(root)).with_suffix(suffix)
        if place in taken:
            raise ConfigError(f"{video}: another video has this name with another ending; rename one")
        taken.add(place)
        places[video] = place
    return places


def make_files(
    places: Mapping[Path, Path],
    folder: Path,
    settings: Mapping[str, str],
    read: Callable[[Path], Mapping[str, str]],
    make: Callable[[Path, Path, dict[str, str]], int],
    shard: Shard = WHOLE,
    progress: Callable[[Progress], None] = lambda state: None,
) -> dict[Path, str]:
    """Make the files that are not there, whole, of the same bytes of the video and with the same settings.

    Several processes may do so at once, on machines that share the folder: a video is held while its file is made, and
    that of a process that was killed is made by another.

    Args:
        places: the file of each video.
        folder: that they are in.
        settings: what decides the content of a file beside the video.
        read: gives the video's digest and the settings that a file was made with; DataError where it is damaged.
        make: writes the file of a video, in one step, with these; returns the number of frames.
        shard: only each n-th video, from the i-th.
        progress: called after each video.

    Returns:
        The videos that cannot be used, and one line that says why; the others' files are there.

    Raises:
        ConfigError: a folder cannot be written.
    """
    check_folder(folder)
    remove_leftovers(folder)
    part, count = shard
    videos = list(places)[part - 1 :: count]
    origins: dict[Path, dict[str, str]] = {}

    def there(video: Path) -> bool:
        try:
            return places[video].is_file() and read(places[video]).items() >= origins[video].items()
        except DataError:
            return False

    def work(video: Path) -> tuple[int, str | None]:
        place = places[video]
        check_free(place)
        try:
            if video not in origins:
                origins[video] = {"video_sha256": _digest(video), **settings}
            if there(video):
                return 0, None
            _make_folder(place.parent)
            with held(place):
                return (0 if there(video) else make(video, place, origins[video])), None
        except DataError as error:
            return 0, str(error)

    refused = {}
    for done, (video, (frames, reason)) in enumerate(each_once(videos, work), 1):
        if reason is not None:
            refused[video] = reason
        progress(Progress(video, done, len(videos), frames, reason))
    return refused


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made: {error.strerror or error}") from error


def _digest(video: Path) -> str:
    try:
        with open(video, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{video}: cannot be read: {error.strerror or error}") from error
