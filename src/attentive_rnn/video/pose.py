"""Poses of people in pictures and videos: an interface for estimators, other joint layouts, and data sets of poses."""

from __future__ import annotations

import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..data import ConvertLayout, Schema, get_layout, known_layout
from ..data.io.files import check_writable, read_bytes, write_file
from ..data.schema import same_rate
from ..data.skeletons.layouts import Layout
from ..data.transforms.presence import unmark
from ..errors import DataError
from .decode import find_videos, read_frames
from .files import WHOLE, Progress, Shard, make_files, places_for
from .stages import ahead

PICTURE_UP = "-y"  # of the joints of a person in a picture
LARGEST = 640  # pixels of the longer side of a picture; the networks take fewer


class Person(NamedTuple):
    """One person in one picture.

    Args:
        track: a number that stays with the person from picture to picture.
        joints: (V, 3) float32 in units of the picture's height: x to the right and y down from the top left corner, z
            away from the camera from the middle of the hips (of a hand: from its wrist), or 0 where it is not known.
        confidence: (V,) float32, from 0 (a guess) to 1 (seen).
        world: (V, 3) float32, the joints in metres from the middle of the hips (of a hand: from its own middle), in the
            same directions; None where the estimator does not tell.
    """

    track: int
    joints: np.ndarray
    confidence: np.ndarray
    world: np.ndarray | None = None


class PoseEstimator(ABC):
    """Something that finds people in one picture after the other.

    Attributes:
        name: what it is, in words.
        key: a hash of everything that decides what it finds; without one the name says it.
        layout: name of the joint layout of what it finds.
        depth: whether z means something; without it, poses are written without it and models of three coordinates
            refuse them.
    """

    name: str
    key: str = ""
    layout: str
    depth: bool = True

    @abstractmethod
    def __call__(self, image: np.ndarray) -> list[Person]:
        """The people in the next picture (H, W, 3) uint8, red, green and blue."""

    @abstractmethod
    def reset(self) -> None:
        """Forget the tracks: the next picture is of another video."""


def converted(people: list[Person], layout: Layout, target: Layout) -> list[Person]:
    """People in another joint layout: joints by name, or as the middle of others with the lowest of their confidences.

    Raises:
        ConfigError: the layout lacks a joint of the target.
    """
    if layout == target:
        return people
    made = ConvertLayout(layout, target).map

    def convert(person: Person) -> Person:
        gone = (person.joints == 0).all(1)

        def change(joints: np.ndarray) -> np.ndarray:
            values = torch.from_numpy(np.concatenate([joints, person.confidence[:, None]], axis=1))
            values[gone] = torch.nan  # so that a joint is absent where one of those that it is made of is
            changed: np.ndarray = unmark(made(values, (values.shape[1] - 1, values.shape[1]))).numpy()
            return changed

        joints, world = change(person.joints), None if person.world is None else change(person.world)[:, :-1]
        return Person(person.track, joints[:, :-1], joints[:, -1], world)

    return [convert(person) for person in people]


def key_of(model: Path, *settings: object) -> str:
    """The key of an estimator: a hash of its network's file and of its settings."""
    return hashlib.sha256(repr(settings).encode() + read_bytes(model)).hexdigest()


def check_layout(estimator: PoseEstimator, target: Layout) -> None:
    """Raise ConfigError unless the estimator has every joint of a layout."""
    get_layout(target)
    converted([], estimator.layout, target)


def extract_poses(
    videos: str | Path,
    out: str | Path,
    estimator: PoseEstimator,
    *,
    layout: Layout | None = None,
    people: int = 1,
    overwrite: bool = False,
    shard: Shard | None = None,
    progress: Callable[[Progress], None] = lambda state: None,
) -> list[str]:
    """Write the poses of one video, or of all in a folder, as one .npz of skeleton sequences.

    The classes are the names of the videos' folders. Frames in which nobody is found are zeros. Beside what every such
    file has, ``confidence`` is (sum T, people, V) float16.

    The poses of each video are first a file in the folder NAME.parts beside NAME.npz. A file that is there, of the same
    bytes of the video, the same estimator and settings, is left as it is, so that a call that was interrupted goes on
    where it stopped. Several processes may call it at once: each video is seen by one of them.

    Args:
        videos: a video, or a folder with videos in it or in its subfolders.
        out: a path that ends in .npz.
        estimator: finds the people.
        layout: the joint layout to convert to; None: the estimator's.
        people: places for persons in a frame, filled in the order in which they are found.
        overwrite: whether a file at ``out`` may be replaced.
        shard: (i, n): only the files of every n-th video, from the i-th on; a call without it then writes ``out``.
        progress: called after each video.

    Returns:
        For each video that is left out, one line that says why: it cannot be decoded, or nobody is in it.

    Raises:
        DataError: no video is found, or there is nobody in any.
        ConfigError: OUT cannot be written, two videos have one name, or the estimator lacks a joint of the layout.
    """
    out = check_writable(out, (".npz",), overwrite or shard is not None)
    layout = known_layout(layout) or estimator.layout
    check_layout(estimator, layout)
    root, found = find_videos(videos)

    def make(video: Path, place: Path, origin: dict[str, str]) -> int:
        joints, confidence, rate = _poses(video, estimator, layout, people)
        arrays = {"joints": joints, "confidence": confidence}
        write_file(place, save(arrays, metadata={"video": video.name, "rate": repr(rate), **origin}))
        return len(joints)

    named = layout if isinstance(layout, str) else " ".join(get_layout(layout).joints)
    settings = {"estimator_key": estimator.key or estimator.name, "layout": named, "people": str(people)}
    folder = out.with_suffix(".parts")
    places = places_for(found, root, folder, ".safetensors")
    refused = make_files(places, folder, settings, _origin, make, shard or WHOLE, progress)
    if shard is None:
        there = {video: place for video, place in places.items() if video not in refused}
        if not there:
            reason = refused[found[0]]
            raise DataError(f"{videos}: nobody was found in any of {len(found)} videos: {reason}")
        write_file(out, _joined(there, root, layout))
    return list(refused.values())


def _origin(place: Path) -> dict[str, str]:
    """The metadata of a file of poses."""
    try:
        with safe_open(place, framework="np") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{place}: is damaged or not a safetensors file ({error})") from error


def _joined(places: Mapping[Path, Path], root: Path, layout: Layout) -> bytes:
    """The .npz of the poses in files, by their videos."""
    joints, confidence, rates = [], [], []
    for place in places.values():
        with safe_open(place, framework="np") as file:
            joints.append(file.get_tensor("joints"))
            confidence.append(file.get_tensor("confidence"))
            rates.append(float(file.metadata()["rate"]))
    below = [video.relative_to(root) for video in places]
    folders = [video.parent.as_posix() for video in below]
    classes = sorted(set(folders) - {"."})
    schema = Schema(
        tuple(classes),
        joints[0].shape[1:],
        layout=layout,
        rate=round(rates[0], 3) if same_rate(*rates) else None,
        up=PICTURE_UP,
        units="picture heights",
    )
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        sequences=np.concatenate(joints),
        confidence=np.concatenate(confidence),
        lengths=np.array([len(j) for j in joints]),
        labels=np.array([classes.index(folder) if folder != "." else -1 for folder in folders]),
        name=np.array([video.with_suffix("").as_posix() for video in below]),
        schema=np.array(json.dumps(schema.to_dict())),
    )
    return buffer.getvalue()


def place_people(found: list[Person], places: list[int], people: int, joints: int) -> tuple[np.ndarray, np.ndarray]:
    """The people of one picture in fixed places, (people, V, 3) and (people, V); a new track takes a free place.

    Args:
        found: the people.
        places: the track of each place so far, changed in place; a place is free again once it is needed.
        people: the number of places.
        joints: V.
    """
    skeletons = np.zeros((people, joints, 3), np.float32)
    confidence = np.zeros((people, joints), np.float16)
    here = {person.track for person in found}
    for person in found:
        if person.track not in places:
            if len(places) < people:
                places.append(person.track)
            else:
                free = [i for i, track in enumerate(places) if track not in here]
                if not free:
                    continue
                places[free[0]] = person.track
        place = places.index(person.track)
        skeletons[place], confidence[place] = person.joints, person.confidence
    return skeletons, confidence


def _poses(video: Path, estimator: PoseEstimator, layout: Layout, people: int) -> tuple[np.ndarray, np.ndarray, float]:
    estimator.reset()
    places: list[int] = []
    count = len(get_layout(layout).joints)
    rows, times = [], []
    for frame in ahead(read_frames(video, largest=LARGEST)):
        found = converted(estimator(frame.image), estimator.layout, layout)
        rows.append(place_people(found, places, people, count))
        times.append(frame.time)
    coordinates = 3 if estimator.depth else 2
    joints = np.stack([row[0][..., :coordinates] for row in rows])
    confidence = np.stack([row[1] for row in rows])
    if not joints.any():
        raise DataError(f"{video}: nobody is found in its {len(rows)} frames")
    return joints, confidence, (len(times) - 1) / times[-1] if times[-1] > 0 else 25.0
