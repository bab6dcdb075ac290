"""The people of an NTU RGB+D .skeleton file: its text, and the choice of one or two of the bodies that a Kinect saw.

Line by line: the number of frames; for each frame the number of bodies; for each body ten values (id, clipped edges,
confidence and state of the left and the right hand, restricted, lean x and y, tracking state), the number of joints
and for each joint twelve (x y z in metres, place in the depth and the colour image, orientation w x y z, state).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from ...errors import DataError
from ..io.files import quoted
from ..io.text import text_lines
from ..options import one_of

JOINTS = 25
_BODY_VALUES, _JOINT_VALUES = 10, 12

Frame = list[tuple[str, np.ndarray]]

Bodies = Literal["tracks", "slots"]
Denoise = Literal["released", "all", "off"]

PERSONS, _SLOTS = 2, 4
_SHORTEST = 11  # frames; tracks of up to this length are noise
_SPREAD, _SPREAD_RATIO = 0.8, 0.69754
_LEAST_MOTION, _MOST_MOTION = 0.089925, 2.0


def parse_skeleton(data: bytes, where: str) -> list[Frame]:
    """The bodies of each frame, as (id, joints (25, 3) in metres), in the order of the file.

    Raises:
        DataError: the file is truncated, goes on after its last frame, has a count or a line that is not of this
            format, or a coordinate that is not a finite number; the message has the line number.

    Example:
        >>> parse_skeleton(b"2\\n0\\n0\\n", "here")
        [[], []]
    """
    lines = _Lines(text_lines(data, where), where)
    frames = []
    for _ in range(lines.count("the number of frames")):
        frame: Frame = []
        for _ in range(lines.count("the number of bodies")):
            body = lines.values(_BODY_VALUES, "a body")[0]
            joints = lines.count("the number of joints")
            if joints != JOINTS:
                raise DataError(f"{lines.place()}: a body has {joints} joints, expected {JOINTS}")
            frame.append((body, lines.joints()))
        frames.append(frame)
    lines.end()
    return frames


class _Lines:
    """The lines of a file, taken one after the other."""

    def __init__(self, lines: list[str], where: str) -> None:
        self._lines = lines
        self._where = where
        self._next = 0

    def place(self) -> str:
        """The file and the number of the line that was taken last."""
        return f"{self._where}, line {self._next}"

    def take(self, what: str) -> str:
        if self._next >= len(self._lines):
            raise DataError(f"{self._where}, line {self._next + 1}: the file ends where {what} should be")
        self._next += 1
        return self._lines[self._next - 1].strip()

    def count(self, what: str) -> int:
        text = self.take(what)
        if not text.isdecimal() or len(text) > 9:
            raise DataError(f"{self.place()}: {what} must be here, got {quoted(text)}")
        return int(text)

    def values(self, count: int, what: str) -> list[str]:
        values = self.take(what).split()
        if len(values) != count:
            raise DataError(f"{self.place()}: {what} has {len(values)} values, expected {count}")
        return values

    def joints(self) -> np.ndarray:
        first = self._next + 1
        rows = [self.values(_JOINT_VALUES, "a joint")[:3] for _ in range(JOINTS)]
        try:
            joints = np.array(rows, dtype=np.float64)
        except ValueError:
            joints = np.array([[_number(v) for v in row] for row in rows])
        bad = np.argwhere(~(np.abs(joints) <= np.finfo(np.float32).max))
        if len(bad):
            row, column = (int(i) for i in bad[0])
            raise DataError(f"{self._where}, line {first + row}: {quoted(rows[row][column])} is not a finite number")
        return joints

    def end(self) -> None:
        for i, line in enumerate(self._lines[self._next :], start=self._next + 1):
            if line.strip():
                raise DataError(f"{self._where}, line {i}: the file goes on after its last frame")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


class _Track(NamedTuple):
    frames: np.ndarray  # indices (n,)
    joints: np.ndarray  # (n, 25, 3)
    motion: float


def persons(frames: list[Frame], bodies: Bodies, denoise: Denoise) -> np.ndarray:
    """The two people that move most, float64 (T, 2, 25, 3), zeros where somebody is absent.

    "tracks": bodies with one id are a track; its motion is the sum of the variances of x, y and z over all its joints.
    After denoising, the tracks fill two persons in the order of their motion: a track becomes part of the first
    person whom it does not overlap in time. Frames without anybody are dropped.

    "slots": the i-th body of each frame is slot i, of four; the two slots with the largest sum of standard deviations
    over their non-empty frames stay, and so do empty frames.

    Source: the denoising of the View-Adaptive networks' code (Zhang et al., TPAMI 2019) and, for slots, mmaction2's.

    Args:
        frames: the bodies of each frame.
        bodies: "tracks" or "slots".
        denoise: "released", "all" or "off"; see :func:`attentive_rnn.data.skeletons.ntu.load`.

    Raises:
        ConfigError: an option with another value.
    """
    one_of("ntu-rgbd", "bodies", bodies, get_args(Bodies))
    one_of("ntu-rgbd", "denoise", denoise, get_args(Denoise))
    if bodies == "slots":
        return _by_slot(frames)
    tracks = _tracks(frames)
    if denoise != "off":
        tracks = _denoised(tracks, by_motion=denoise == "all")
    return _assembled(tracks, len(frames))


def _by_slot(frames: list[Frame]) -> np.ndarray:
    slots = np.zeros((max(len(frames), 1), _SLOTS, JOINTS, 3))
    for t, frame in enumerate(frames):
        for m, (_, joints) in enumerate(frame[:_SLOTS]):
            slots[t, m] = joints
    energy = []
    for m in range(_SLOTS):
        seen = slots[slots[:, m].any(axis=(1, 2)), m]
        energy.append(seen.std(axis=(0, 1)).sum() if len(seen) else 0.0)
    return slots[:, np.argsort(np.negative(energy), kind="stable")[:PERSONS]]


def _tracks(frames: list[Frame]) -> list[_Track]:
    places: dict[str, dict[int, np.ndarray]] = {}
    for t, frame in enumerate(frames):
        for body, joints in frame:
            places.setdefault(body, {}).setdefault(t, joints)
    tracks = []
    for seen in places.values():
        joints = np.stack(list(seen.values()))
        tracks.append(_Track(np.fromiter(seen, dtype=np.int64), joints, _motion(joints)))
    return sorted(tracks, key=lambda track: -track.motion)


def _motion(joints: np.ndarray) -> float:
    return float(joints.reshape(-1, 3).var(axis=0).sum())


def _denoised(tracks: list[_Track], *, by_motion: bool) -> list[_Track]:
    """The tracks that look like people, of the largest motion first; at least one of them stays."""
    if len(tracks) < 2:
        return tracks
    long = [t for t in tracks if len(t.frames) > _SHORTEST]
    tracks = long or [max(tracks, key=lambda track: len(track.frames))]
    kept: list[_Track] = []
    for i, track in enumerate(tracks):
        if len(kept) + len(tracks) - i == 1:  # the last one there is stays as it is
            kept.append(track)
            break
        width, height = np.ptp(track.joints[:, :, 0], axis=1), np.ptp(track.joints[:, :, 1], axis=1)
        upright = width <= _SPREAD * height
        if 1 - upright.mean() >= _SPREAD_RATIO:
            continue
        kept.append(track._replace(motion=min(track.motion, _motion(track.joints[upright]))))
    kept.sort(key=lambda track: -track.motion)
    if by_motion:
        kept = kept[:1] + [t for t in kept[1:] if _LEAST_MOTION <= t.motion <= _MOST_MOTION]
    return kept


def _assembled(tracks: list[_Track], length: int) -> np.ndarray:
    people = np.zeros((length, PERSONS, JOINTS, 3))
    taken = np.zeros((length, PERSONS), dtype=bool)
    for track in tracks:
        free = [m for m in range(PERSONS) if not taken[track.frames, m].any()]
        if free:
            people[track.frames, free[0]] = track.joints
            taken[track.frames, free[0]] = True
    return people[taken.any(axis=1)]
