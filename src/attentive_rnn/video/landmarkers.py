"""MediaPipe's landmarkers of people and of hands, with the networks that come with this package or the user's own."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ..data.io.files import existing
from ..errors import ConfigError, DataError, needed_for
from .pose import Person, PoseEstimator, key_of
from .tracking import Tracker

NETWORKS = Path(__file__).parent / "networks"
MILLISECONDS = 33  # between two pictures, as MediaPipe is told; its smoothing is made for this rate
_LOG = re.compile(rb"(INFO: |WARNING: |[IWEF]\d{4} \d\d:)[^\n]*\n")  # a line that its libraries write
_one_at_a_time = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log of MediaPipe's libraries off the standard error; there is no option for it.

    They write past Python, so that the descriptor itself is moved. What others write meanwhile is written afterwards.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as written:
        try:
            kept = os.dup(2)
        except OSError:  # closed
            yield
            return
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            os.write(2, _LOG.sub(b"", written.read()))


def _close(landmarker: Any) -> None:
    with _quiet():
        landmarker.close()


class MediaPipe(PoseEstimator):
    """What a landmarker of MediaPipe's finds in one picture after the other, followed by :class:`Tracker`.

    Args:
        people: the most to look for: people, or hands.
        patience: pictures without the person after which a track ends.
        model: a bundle of networks, a .task file; None: that of this package.

    Raises:
        MissingExtraError: MediaPipe is not installed.
        ConfigError: nobody to look for.
        DataError: the file is missing, or no bundle that MediaPipe can use.
    """

    name = "mediapipe"
    _bundle: str
    _said = False  # whether all networks have been used in this process

    def __init__(self, people: int = 1, patience: int = 10, model: str | Path | None = None) -> None:
        if people < 1:
            raise ConfigError(f"people must be 1 or more, got {people}")
        with needed_for("poses need MediaPipe: pip install 'attentive-rnn[pose]'"):
            import mediapipe
        self._mediapipe = mediapipe
        self._model = NETWORKS / self._bundle if model is None else existing(model)
        self.people, self._tracker, self._time = people, Tracker(patience), 0
        self.key = key_of(self._model, self.layout, people, patience)
        self._landmarker: Any = self._made()

    def reset(self) -> None:
        if self._landmarker is not None:
            self._end()
        self._landmarker, self._time = None, 0
        self._tracker.reset()

    def __call__(self, image: np.ndarray) -> list[Person]:
        if self._landmarker is None:
            self._landmarker = self._made()
        kind = self._mediapipe.ImageFormat.SRGB
        picture = self._mediapipe.Image(image_format=kind, data=np.ascontiguousarray(image))
        self._time += MILLISECONDS
        with nullcontext() if self._said else _quiet():  # each network writes once, when it is first used
            result = self._landmarker.detect_for_video(picture, self._time)
        found = self._people(result, *image.shape[:2])
        type(self)._said |= bool(found)
        tracks = self._tracker.assign([person.joints for person in found])
        return [person._replace(track=track) for person, track in zip(found, tracks, strict=True)]

    def _made(self) -> Any:
        vision = self._mediapipe.tasks.vision
        base = self._mediapipe.tasks.BaseOptions(model_asset_path=str(self._model))
        try:
            with _quiet():
                made = self._make(vision, {"base_options": base, "running_mode": vision.RunningMode.VIDEO})
        except (OSError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise DataError(f"{self._model}: is no bundle (.task) of {self.layout} for MediaPipe: {reason}") from error
        self._end = weakref.finalize(self, _close, made)
        return made

    def _make(self, vision: Any, options: dict[str, Any]) -> Any:
        """The landmarker."""
        raise NotImplementedError

    def _people(self, result: Any, height: int, width: int) -> list[Person]:
        """What a landmarker has found in a picture."""
        raise NotImplementedError


class MediaPipePose(MediaPipe):
    """MediaPipe's pose landmarks, 33 joints a person: nothing is downloaded.

    Args:
        people: the most to look for.
        patience: pictures without the person after which a track ends.
        model: a bundle of networks, a .task file, such as MediaPipe's pose_landmarker_heavy; None: the full one, which
            comes with this package.

    Raises:
        MissingExtraError: MediaPipe is not installed.
        ConfigError: no people to look for.
        DataError: the file is missing, or no bundle that MediaPipe can use.

    Source: Bazarevsky et al., "BlazePose", 2020.

    Example:
        >>> import numpy as np
        >>> MediaPipePose(people=2)(np.zeros((48, 64, 3), np.uint8))
        []
    """

    layout = "mediapipe-33"
    _bundle = "pose_landmarker_full.task"

    def _make(self, vision: Any, options: dict[str, Any]) -> Any:
        return vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(**options, num_poses=self.people))

    def _people(self, result: Any, height: int, width: int) -> list[Person]:
        return [
            _person(marks, world, [mark.visibility for mark in marks], height, width)
            for marks, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
        ]


class MediaPipeHands(MediaPipe):
    """MediaPipe's hand landmarks, 21 joints a hand; each hand is a person of its own.

    The network gives no confidence of a joint: all those of a hand have that of the hand.

    Args:
        people: the most hands to look for.
        patience: pictures without the hand after which a track ends.
        model: a bundle of networks, a .task file; None: that of this package.

    Raises:
        MissingExtraError: MediaPipe is not installed.
        ConfigError: no hands to look for.
        DataError: the file is missing, or no bundle that MediaPipe can use.

    Source: Zhang et al., "MediaPipe Hands", 2020.
    """

    layout = "hand-21"
    _bundle = "hand_landmarker_full.task"

    def _make(self, vision: Any, options: dict[str, Any]) -> Any:
        return vision.HandLandmarker.create_from_options(vision.HandLandmarkerOptions(**options, num_hands=self.people))

    def _people(self, result: Any, height: int, width: int) -> list[Person]:
        found = zip(result.hand_landmarks, result.hand_world_landmarks, result.handedness, strict=True)
        return [_person(marks, world, [side[0].score] * len(marks), height, width) for marks, world, side in found]


def _person(marks: Any, world: Any, confidence: Sequence[float], height: int, width: int) -> Person:
    # x and z are in units of the width.
    joints = np.array([(mark.x, mark.y, mark.z) for mark in marks], np.float32)
    joints *= np.array([width / height, 1, width / height], np.float32)
    metres = np.array([(mark.x, mark.y, mark.z) for mark in world], np.float32)
    return Person(0, joints, np.array(confidence, np.float32).clip(0, 1), metres)
