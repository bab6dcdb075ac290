"""Where people's joints are in a picture: a small interface, and MediaPipe behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from ..data import ConvertLayout, get_layout
from ..errors import ConfigError, MissingExtraError
from .tracking import Tracker


class Person(NamedTuple):
    """One person in one picture.

    Args:
        track: a number that stays with the person from picture to picture.
        joints: (V, 3) float32 in units of the picture's height: x to the right and y down from the top left corner, z
            away from the camera from the middle of the hips.
        confidence: (V,) float32, from 0 (a guess) to 1 (seen).
    """

    track: int
    joints: np.ndarray
    confidence: np.ndarray


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
        try:
            from mediapipe.python.solutions.pose import Pose
        except ImportError as error:
            raise MissingExtraError(
                "poses need MediaPipe 0.10.14, the last but few with its models inside; docs/streaming.md says how to "
                "install it beside this package"
            ) from error
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
            landmarks = follower.process(image).pose_landmarks
            if landmarks is None:
                continue
            person = _person(landmarks.landmark, *image.shape[:2])
            found.append(person)
            if i + 1 < len(self._followers):
                image = _without(image, person)
        tracks = self._tracker.assign([person.joints for person in found])
        return [person._replace(track=track) for person, track in zip(found, tracks, strict=True)]


def converted(people: list[Person], layout: str, target: str) -> list[Person]:
    """People in another joint layout, joint by joint of the same name.

    Raises:
        ConfigError: the layout lacks a joint of the target.
    """
    if layout == target:
        return people
    indices = ConvertLayout(layout, target).indices
    return [Person(p.track, p.joints[indices], p.confidence[indices]) for p in people]


def check_layout(estimator: PoseEstimator, target: str) -> None:
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
