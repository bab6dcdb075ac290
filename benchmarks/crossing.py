"""Two people who cross: how often a tracker takes one for the other.

    python -m benchmarks.crossing [--seeds 0 1 2 3] [--alike]

Walkers of 17 joints at 20 speeds, whose joints are found with noise, in any order, and not in every picture: one in ten
is missed, and of a person behind the other 7 of 10. They cross head on, one overtakes the other, they meet and turn
back, or each goes to and fro as it comes, with stops. They are 0.45 to 0.6 picture heights tall, or all 0.5. Beside the
package's tracker, those of norfair and supervision are measured where they are installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np

from attentive_rnn.video.tracking import Tracker

SPEEDS = np.linspace(0.005, 0.1, 20)  # of each walker, in heights of the picture and picture
NOISE = 0.005  # deviation of a joint, in heights of the picture
MISSED, HIDDEN = 0.1, 0.7  # chances of being missed, in the open and behind somebody
NEAR = 0.12  # distance at which one hides the other
WALKS = ("cross", "overtake", "meet", "wander")
TALL = (0.45, 0.6)  # heights of people, in heights of the picture
Found = tuple[int, np.ndarray]
Assign = Callable[[list[np.ndarray]], list[int]]  # the tracks of the joints (V, 2) of a picture's people


def walker(x: float, phase: float, tall: float) -> np.ndarray:
    """The joints (17, 2) of a person at x in a phase of the step, feet on the ground at y = 0.9."""
    swing = 0.12 * tall * np.sin(phase)
    heights = np.array(
        [1, 0.98, 0.98, 0.96, 0.96, 0.84, 0.84, 0.66, 0.66, 0.52, 0.52, 0.5, 0.5, 0.27, 0.27, 0.02, 0.02]
    )
    side = np.array(
        [0] + [0.02, -0.02, 0.04, -0.04, 0.1, -0.1, 0.12, -0.12, 0.12, -0.12, 0.07, -0.07] + [0.07, -0.07] * 2
    )
    forth = np.array([0, 0, 0, 0, 0, 0, 0, -0.4, 0.4, -1, 1, 0, 0, 0.5, -0.5, 1, -1])
    return np.stack([x + 0.5 * side * tall + swing * forth, 0.9 - heights * tall], 1)


def places(walk: str, speed: float, rng: np.random.Generator) -> np.ndarray:
    """Where the two are in each picture, (T, 2)."""
    way = speed * np.arange(int(np.ceil(1.2 / speed)))
    if walk == "cross":
        return np.stack([0.2 + way, 1.4 - way], 1)
    if walk == "overtake":
        return np.stack([0.2 + way, 0.5 + 0.5 * way], 1)
    if walk == "meet":
        turn = 0.54  # so far each goes; the two are then 0.12 apart
        there = np.minimum(way, 2 * turn - way)
        return np.stack([0.2 + there, 1.4 - there], 1)
    return np.stack([_wandered(start, speed, 2 * len(way), rng) for start in (0.2, 1.4)], 1)


def _wandered(place: float, speed: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """The places (T,) of somebody who goes from one spot to another, and in one of four cases stops there."""
    found = [place]
    while len(found) < count:
        goal = rng.uniform(0.2, 1.4)
        steps = int(np.ceil(abs(goal - found[-1]) / (speed * rng.uniform(0.5, 1.5))))
        found += [*np.linspace(found[-1], goal, steps + 1)[1:]]
        if rng.random() < 0.25:
            found += [goal] * int(rng.integers(5, 20))
    return np.array(found[:count])


def pictures(walk: str, speed: float, seed: int, tall: tuple[float, float] = TALL) -> Iterator[list[Found]]:
    """For each picture its people, in any order: who it is, 0 or 1, and the joints (17, 2) that were found."""
    rng = np.random.default_rng([seed, round(1000 * speed), WALKS.index(walk)])
    heights, phases = rng.uniform(*tall, 2), rng.uniform(0, 2 * np.pi, 2)
    front = int(rng.integers(2))
    way = np.zeros(2)
    before = None
    for t, at in enumerate(places(walk, speed, rng)):
        way += 0 if before is None else np.abs(at - before)
        before = at
        near = abs(at[0] - at[1]) < NEAR
        found = []
        for who in rng.permutation(2):
            chance = HIDDEN if near and who != front else MISSED
            joints = walker(at[who], phases[who] + 20 * way[who], heights[who])
            if t == 0 or rng.random() >= chance:
                found.append((int(who), joints + rng.normal(0, NOISE, joints.shape)))
        yield found


def switches(assign: Assign, walk: str, speed: float, seed: int, tall: tuple[float, float] = TALL) -> int:
    """How often a person's track is another one than before."""
    last: dict[int, int] = {}
    count = 0
    for people in pictures(walk, speed, seed, tall):
        tracks = assign([joints for _, joints in people])
        for (who, _), track in zip(people, tracks, strict=True):
            count += last.get(who, track) != track
            last[who] = track
    return count


def _norfair() -> Assign:
    from norfair import Detection
    from norfair import Tracker as Norfair

    def distance(found: Detection, track: Norfair) -> float:
        size = max(np.ptp(track.estimate, axis=0).max(), 1e-6)
        return float(np.linalg.norm(found.points - track.estimate, axis=1).mean() / size)

    tracker = Norfair(distance, 0.5, hit_counter_max=10, initialization_delay=0)

    def assign(people: list[np.ndarray]) -> list[int]:
        found = [Detection(joints) for joints in people]
        tracker.update(found)
        of = {id(track.last_detection): track.global_id for track in tracker.tracked_objects}
        return [of.get(id(one), -1) for one in found]

    return assign


def _supervision() -> Assign:
    from supervision import ByteTrack, Detections

    tracker = ByteTrack(lost_track_buffer=10, minimum_consecutive_frames=1)

    def assign(people: list[np.ndarray]) -> list[int]:
        if not people:
            tracker.update_with_detections(Detections.empty())
            return []
        boxes = 480 * np.array([[*joints.min(0), *joints.max(0)] for joints in people])
        found = Detections(boxes, confidence=np.ones(len(boxes)), class_id=np.arange(len(boxes)))
        made = tracker.update_with_detections(found)
        of = dict(zip(map(tuple, made.xyxy), made.tracker_id, strict=True))
        return [int(of.get(tuple(box), -1)) for box in boxes]

    return assign


TRACKERS: dict[str, Callable[[], Assign]] = {
    "ours": lambda: Tracker().assign,
    "norfair": _norfair,
    "supervision": _supervision,
}


def main() -> None:
    """Print a row for each tracker: in how many of the walks both kept their numbers, and the switches in all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--alike", action="store_true", help="walkers are equally tall")
    arguments = parser.parse_args()
    seeds, tall = arguments.seeds, (0.5, 0.5) if arguments.alike else TALL
    of = len(SPEEDS) * len(seeds)
    print(f"| tracker | {' | '.join(f'{walk}, kept of {of}' for walk in WALKS)} | switches |\n|---|{'--:|' * 5}")
    for name, make in TRACKERS.items():
        try:
            make()
        except ImportError:
            continue
        found = [[switches(make(), walk, speed, seed, tall) for speed in SPEEDS for seed in seeds] for walk in WALKS]
        kept = " | ".join(str(sum(count == 0 for count in counts)) for counts in found)
        print(f"| {name} | {kept} | {sum(map(sum, found))} |")


if __name__ == "__main__":
    main()
