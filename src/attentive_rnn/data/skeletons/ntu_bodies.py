"""Which of the bodies that a Kinect saw are the one or two people of a sequence."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from ...errors import ConfigError
from .ntu_skeleton import JOINTS, Frame

Bodies = Literal["tracks", "slots"]
Denoise = Literal["released", "all", "off"]

PERSONS, _SLOTS = 2, 4
_SHORTEST = 11  # frames; tracks of up to this length are noise
_SPREAD, _SPREAD_RATIO = 0.8, 0.69754
_LEAST_MOTION, _MOST_MOTION = 0.089925, 2.0


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
    for key, value, known in (("bodies", bodies, get_args(Bodies)), ("denoise", denoise, get_args(Denoise))):
        if value not in known:
            raise ConfigError(f"ntu-rgbd: {key} must be one of {', '.join(known)}, got {value!r}")
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
