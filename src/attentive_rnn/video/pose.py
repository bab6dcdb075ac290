"""Poses of people in pictures and videos: an interface for estimators, MediaPipe, and data sets of poses."""

from __future__ import annotations

import io
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ..data import ConvertLayout, Schema, get_layout, known_layout
from ..data.io.files import check_writable, write_atomically
from ..data.skeletons.layouts import Layout
from ..data.transforms.presence import unmark
from ..errors import ConfigError, DataError, needed_for
from .decode import find_videos, read_frames
from .features import Progress
from .tracking import Tracker

PICTURE_UP = "-y"  # of the joints of a person in a picture
LARGEST = 640  # pixels of the longer side of a picture; the networks take fewer


class Person(NamedTuple):
    """One person in one picture.

    Args:
        track: a number that stays with the person from picture to picture.
        joints: (V, 3) float32 in units of the picture's height: x to the right and y down from the top left corner, z
            away from the camera from the middle of the hips.
        confidence: (V,) float32, from 0 (a guess) to 1 (seen).
        world: (V, 3) float32, the joints in metres from the middle of the hips, in the same directions; None where the
            estimator does not tell.
    """

    track: int
    joints: np.ndarray
    confidence: np.ndarray
    world: np.ndarray | None = None


class PoseEstimator(ABC):
    """Something that finds people in one picture after the other.

    Attributes:
        name: what it is, in words.
        layout: name of the joint layout of what it finds.
    """

    name: str
    layout: str

    @abstractmethod
    def __call__(self, image: np.ndarray) -> list[Person]:
        """The people in the next picture (H, W, 3) uint8, red, green and blue."""

    @abstractmethod
    def reset(self) -> None:
        """Forget the tracks: the next picture is of another video."""


class MediaPipePose(PoseEstimator):
    """MediaPipe's pose landmarks, 33 joints a person, by the models inside its package: nothing is downloaded.

    The network follows one person. For more, the people found so far are painted over and it looks again, each with a
    follower of its own. A follower that loses its person may go on with another one, so that tracks are told by where
    people are; see :class:`Tracker`.

    Args:
        people: the most to look for; each costs the time of one.
        patience: pictures without the person after which a track ends.
        complexity: 0 (fast), 1 or 2 (precise); only 1 is sure to be in the package.

    Raises:
        MissingExtraError: MediaPipe is not installed. ConfigError: no people to look for.

    Source: Bazarevsky et al., "BlazePose", 2020.
    """

    name = "mediapipe"
    layout = "mediapipe-33"

    def __init__(self, people: int = 1, patience: int = 10, complexity: int = 1) -> None:
        if people < 1:
            raise ConfigError(f"people must be 1 or more, got {people}")
        with needed_for(
            "poses need MediaPipe 0.10.14, one of the last versions with its models inside; docs/streaming.md says "
            "how to install it beside this package"
        ):
            from mediapipe.python.solutions.pose import Pose
        self._make = lambda: Pose(model_complexity=complexity)
        self.people, self._tracker = people, Tracker(patience)
        self._followers: list[Any] = []
        self.reset()

    def reset(self) -> None:
        for follower in self._followers:
            follower.close()
        self._followers = [self._make() for _ in range(self.people)]
        self._tracker.reset()

    def __call__(self, image: np.ndarray) -> list[Person]:
        found: list[Person] = []
        for i, follower in enumerate(self._followers):
            result = follower.process(image)
            if result.pose_landmarks is None:
                continue
            person = _person(result.pose_landmarks.landmark, *image.shape[:2])
            if result.pose_world_landmarks is not None:
                places = [(mark.x, mark.y, mark.z) for mark in result.pose_world_landmarks.landmark]
                person = person._replace(world=np.array(places, np.float32))
            found.append(person)
            if i + 1 < len(self._followers):
                image = _without(image, person)
        tracks = self._tracker.assign([person.joints for person in found])
        return [person._replace(track=track) for person, track in zip(found, tracks, strict=True)]


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


def check_layout(estimator: PoseEstimator, target: Layout) -> None:
    """Raise ConfigError unless the estimator has every joint of a layout."""
    get_layout(target)
    converted([], estimator.layout, target)


def _person(landmarks: Any, height: int, width: int) -> Person:
    values = np.array([(mark.x, mark.y, mark.z, mark.visibility) for mark in landmarks], np.float32)
    # x and z are in units of the width.
    joints = values[:, :3] * np.array([width / height, 1, width / height], np.float32)
    return Person(0, joints, values[:, 3].clip(0, 1))


def _without(image: np.ndarray, person: Person) -> np.ndarray:
    """The picture with a person painted over in its mean colour."""
    height, width = image.shape[:2]
    low, high = person.joints[:, :2].min(0) * height, person.joints[:, :2].max(0) * height
    margin = 0.05 * (high - low)
    left, top = np.clip((low - margin).astype(int), 0, (width, height))
    right, bottom = np.clip((high + margin).astype(int), 0, (width, height))
    painted = image.copy()
    painted[top:bottom, left:right] = image.mean((0, 1)).astype(np.uint8)
    return painted


def extract_poses(
    videos: str | Path,
    out: str | Path,
    estimator: PoseEstimator,
    *,
    layout: Layout | None = None,
    people: int = 1,
    overwrite: bool = False,
    progress: Callable[[Progress], None] = lambda state: None,
) -> list[str]:
    """Write the poses of one video, or of all in a folder, as one .npz of skeleton sequences.

    The classes are the names of the videos' folders. Frames in which nobody is found are zeros. Beside what every such
    file has, ``confidence`` is (sum T, people, V) float16.

    Args:
        videos: a video, or a folder with videos in it or in its subfolders.
        out: a path that ends in .npz.
        estimator: finds the people.
        layout: the joint layout to convert to; None: the estimator's.
        people: places for persons in a frame, filled in the order in which they are found.
        overwrite: whether a file at ``out`` may be replaced.
        progress: called after each video.

    Returns:
        For each video that is left out, one line that says why: it cannot be decoded, or nobody is in it.

    Raises:
        DataError: no video is found, or there is nobody in any.
        ConfigError: OUT cannot be written, or the estimator lacks a joint of the layout.
    """
    out = check_writable(out, (".npz",), overwrite)
    layout = known_layout(layout) or estimator.layout
    check_layout(estimator, layout)
    root, found = find_videos(videos)
    joints, confidence, names, folders, rates, refused = [], [], [], [], [], []
    for number, video in enumerate(found, 1):
        reason, frames = None, 0
        try:
            place, sure, rate = _poses(video, estimator, layout, people)
            frames = len(place)
            joints.append(place)
            confidence.append(sure)
            rates.append(rate)
            folders.append(video.relative_to(root).parent.as_posix())
            names.append(video.relative_to(root).with_suffix("").as_posix())
        except DataError as error:
            reason = str(error)
            refused.append(reason)
        progress(Progress(video, number, len(found), frames, reason))
    if not joints:
        raise DataError(f"{videos}: nobody was found in any of {len(found)} videos: {refused[0]}")
    classes = sorted(set(folders) - {"."})
    steady = max(rates) <= 1.01 * min(rates)
    schema = Schema(
        tuple(classes),
        joints[0].shape[1:],
        layout=layout,
        rate=round(rates[0], 3) if steady else None,
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
        name=np.array(names),
        schema=np.array(json.dumps(schema.to_dict())),
    )
    write_atomically(out, buffer.getvalue())
    return refused


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
    for frame in read_frames(video, largest=LARGEST):
        found = converted(estimator(frame.image), estimator.layout, layout)
        rows.append(place_people(found, places, people, count))
        times.append(frame.time)
    joints, confidence = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
    if not joints.any():
        raise DataError(f"{video}: nobody is found in its {len(rows)} frames")
    return joints, confidence, (len(times) - 1) / times[-1] if times[-1] > 0 else 25.0
