"""People of the frames of a video put in places that stay theirs: from lists in any order to one array."""

from __future__ import annotations

import numpy as np

from .content import Person

_PATIENCE = 30  # frames without a person after which somebody else may be meant
_REACH = 1.0  # the mean way of a person's joints between two frames, at most, in sizes of the person


def settle(frames: list[list[Person]], persons: int) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Arrays of the people of a video.

    People are followed by their numbers where everybody has one, else from frame to frame by the places of their
    joints. The surest come first, and two who are never seen together may share a place.

    Args:
        frames: those of each frame; all with the same joints.
        persons: how many places there are at most.

    Returns:
        joints (T, M, V, C), zeros where nobody is; confidences (T, M, V) or None; how many appearances of a person in a
        frame had no place. M is 1 or more, and 0 where nobody is seen at all.
    """
    first = next((person for people in frames for person in people), None)
    if first is None:
        return np.zeros((len(frames), 0, 0, 0)), None, 0
    tracks = _tracks(frames)
    ranked = sorted(tracks, key=lambda track: (-sum(_surety(person) for _, person in track), track[0][0]))
    taken: list[set[int]] = []
    placed: list[tuple[int, list[tuple[int, Person]]]] = []
    lost = 0
    for track in ranked:
        times = {t for t, _ in track}
        place = next((m for m, busy in enumerate(taken) if not busy & times), len(taken))
        if place == persons:
            lost += len(track)
            continue
        if place == len(taken):
            taken.append(set())
        taken[place] |= times
        placed.append((place, track))
    joints = np.zeros((len(frames), len(taken), *first.joints.shape))
    confidence = None if first.confidence is None else np.zeros(joints.shape[:3])
    for place, track in placed:
        for t, person in track:
            joints[t, place] = person.joints
            if confidence is not None:
                confidence[t, place] = person.confidence
    return joints, confidence, lost


def _tracks(frames: list[list[Person]]) -> list[list[tuple[int, Person]]]:
    """The appearances (frame, person) of each person."""
    numbers = [[person.track for person in people] for people in frames]
    if all(None not in some and len(set(some)) == len(some) for some in numbers):
        by_number: dict[int | None, list[tuple[int, Person]]] = {}
        for t, people in enumerate(frames):
            for person in people:
                by_number.setdefault(person.track, []).append((t, person))
        return list(by_number.values())
    tracks: list[list[tuple[int, Person]]] = []
    open_tracks: list[int] = []
    for t, people in enumerate(frames):
        open_tracks = [i for i in open_tracks if t - tracks[i][-1][0] <= _PATIENCE]
        pairs = sorted(
            (way, i, k)
            for i in open_tracks
            for k, person in enumerate(people)
            if (way := _way(tracks[i][-1][1], person)) <= _REACH
        )
        used: dict[int, int] = {}
        for _, i, k in pairs:
            if k not in used and i not in used.values():
                used[k] = i
        for k, person in enumerate(people):
            if k in used:
                tracks[used[k]].append((t, person))
            else:
                open_tracks.append(len(tracks))
                tracks.append([(t, person)])
    return tracks


def seen(person: Person) -> np.ndarray:
    """Which joints of a person are seen, bool (V,)."""
    there = person.joints.any(axis=1)
    return np.asarray(there if person.confidence is None else there & (person.confidence > 0))


def _surety(person: Person) -> float:
    return float(seen(person).sum() if person.confidence is None else person.confidence.sum())


def _way(before: Person, after: Person) -> float:
    shared = seen(before) & seen(after)
    if not shared.any():
        return float("inf")
    size = max(float(np.ptp(before.joints[seen(before)], axis=0).max()), 1e-6)
    return float(np.linalg.norm(after.joints[shared] - before.joints[shared], axis=1).mean()) / size
