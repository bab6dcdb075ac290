"""Tracks of people from picture to picture, by the places of their joints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Tracker:
    """Numbers of people that stay with them while they move, in whatever order a picture's people are found.

    The distance of a person from a track is the mean way of the joints since the track was last seen, in units of the
    size that it had then, the longer side of the box around its joints. The nearest pair of a track and a person comes
    first; a person whom no free track reaches begins a new one.

    Args:
        patience: pictures without the person after which a track ends.
        reach: the largest distance.

    Example:
        >>> import numpy as np
        >>> tracker, ann, bob = Tracker(), np.random.rand(33, 3), np.random.rand(33, 3) + [2, 0, 0]
        >>> tracker.assign([ann, bob]), tracker.assign([bob + 0.1]), tracker.assign([bob, ann])
        ([0, 1], [1], [1, 0])
    """

    def __init__(self, patience: int = 10, reach: float = 0.5) -> None:
        self.patience, self.reach = patience, reach
        self.reset()

    def reset(self) -> None:
        """Forget everybody; numbers begin at 0 again."""
        self._places: dict[int, np.ndarray] = {}
        self._lost: dict[int, int] = {}
        self._next = 0

    def assign(self, people: Sequence[np.ndarray]) -> list[int]:
        """The tracks of the next picture's people, each with joints (V, 2 or more): x, y."""
        found = [person[:, :2] for person in people]
        pairs = sorted(
            (distance, track, i)
            for track, place in self._places.items()
            for i, joints in enumerate(found)
            if (distance := _distance(place, joints)) <= self.reach
        )
        tracks: dict[int, int] = {}
        for _, track, i in pairs:
            if i not in tracks and track not in tracks.values():
                tracks[i] = track
        for i in range(len(found)):
            if i not in tracks:
                tracks[i], self._next = self._next, self._next + 1
        for track in list(self._places):
            self._lost[track] += 1
            if self._lost[track] >= self.patience and track not in tracks.values():
                del self._places[track], self._lost[track]
        for i, track in tracks.items():
            self._places[track], self._lost[track] = found[i], 0
        return [tracks[i] for i in range(len(found))]


def _distance(before: np.ndarray, after: np.ndarray) -> float:
    size = max(float(np.ptp(before, axis=0).max()), 1e-6)
    return float(np.linalg.norm(after - before, axis=1).mean()) / size
