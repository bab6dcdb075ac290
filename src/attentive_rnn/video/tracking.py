"""Tracks of people from picture to picture, by the places of their joints, the ways that they go and their sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

STEADY = 0.5  # share of the former velocity, and of the former size, in the next one
STOPPED = 0.1  # distance that is added where a person would have stopped, in place of going on
SIZE = 2.0  # weight of a change of size: half as tall again counts as 0.8 sizes away
MISSED = 0.01  # distance that is added for each picture in which a person was not seen
TINY = 1e-6  # size of joints on one spot


class Tracker:
    """Numbers of people that stay with them while they move, in whatever order a picture's people are found.

    A track is expected where its velocity, which is smoothed, has brought it since it was last seen, for as many
    pictures; or else where it was, for people stop and turn back. The distance of a person from a track is the mean
    distance of the joints from the nearer of the two, in units of the size that it had then, the longer side of the box
    around its joints. A person beyond reach of all tracks begins a new one. Of all ways to pair people with tracks that
    of the smallest sum of distances is taken, and of changes of size: the ratio, as a logarithm, of the spread of the
    joints to that which the track has had. Where two tracks fit alike, one seen lately goes before one that was missed.

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
        self._tracks: dict[int, _Track] = {}
        self._next = 0

    def assign(self, people: Sequence[np.ndarray]) -> list[int]:
        """The tracks of the next picture's people, each with joints (V, 2 or more): x, y."""
        found = [person[:, :2] for person in people]
        numbers = list(self._tracks)
        for track in self._tracks.values():
            track.lost += 1
        distances = np.array([[self._tracks[n].distance(joints) for joints in found] for n in numbers])
        changes = np.array([[self._tracks[n].change(joints) for joints in found] for n in numbers])
        tracks = {i: numbers[row] for row, i in _pairs(distances, changes, self.reach)}
        for i, joints in enumerate(found):
            if i in tracks:
                self._tracks[tracks[i]].move(joints)
            else:
                tracks[i], self._next = self._next, self._next + 1
                self._tracks[tracks[i]] = _Track(joints)
        self._tracks = {n: track for n, track in self._tracks.items() if track.lost < self.patience}
        return [tracks[i] for i in range(len(found))]


class _Track:
    """Where one person was last seen, and where to.

    Attributes:
        lost: pictures since then.
    """

    def __init__(self, joints: np.ndarray) -> None:
        self.joints, self.velocity, self.lost = joints, np.zeros(2), 0
        self.spread, self.seen = _spread(joints), 1

    def distance(self, joints: np.ndarray) -> float:
        """The mean distance of joints (V, 2) from where these are expected, in sizes of the person."""
        size = max(float(np.ptp(self.joints, axis=0).max()), TINY)
        moved = joints - self.joints
        gone_on, stopped = (
            float(np.linalg.norm(moved - way, axis=1).mean()) / size for way in (self.velocity * self.lost, 0.0)
        )
        return min(gone_on, stopped + STOPPED) + MISSED * (self.lost - 1)

    def change(self, joints: np.ndarray) -> float:
        """How much larger or smaller joints (V, 2) are than these, from 0 on."""
        return abs(math.log(_spread(joints) / self.spread))

    def move(self, joints: np.ndarray) -> None:
        """Take the joints that were found."""
        velocity = (joints - self.joints).mean(0) / self.lost
        steady = min(STEADY, 1 - 1 / self.seen)  # at first the mean of all
        self.velocity = steady * self.velocity + (1 - steady) * velocity
        self.spread = self.spread**steady * _spread(joints) ** (1 - steady)
        self.joints, self.lost, self.seen = joints, 0, self.seen + 1


def _spread(joints: np.ndarray) -> float:
    """The deviation of joints (V, 2) from their middle, which a step or a lifted arm changes little."""
    return max(float(joints.std(0).max()), TINY)


def _pairs(distances: np.ndarray, changes: np.ndarray, reach: float) -> list[tuple[int, int]]:
    """Rows and columns of tables of distances and of changes of size, each at most once, that belong together."""
    from scipy.optimize import linear_sum_assignment  # late, for it is slow to import

    if distances.size == 0:
        return []
    costs = distances + SIZE * changes
    beyond = 1 + float(costs.max())  # dearer than any pair within reach
    rows, columns = linear_sum_assignment(np.where(distances <= reach, costs, beyond))
    return [(r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if distances[r, c] <= reach]
