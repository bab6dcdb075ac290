"""Several persons in one film: who is who, with what MediaPipe found in two pairs of films put side by side.

two_people.npz holds the joints of its two followers in 24 pictures each, zeros where one found nobody. The clips are of
HMDB (CC BY 4.0): 100_pullups_2 with 50_FIRST_DATES_30, and Cobra_Golf_1 with Evian_Masters_4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.crossing import SPEEDS, switches, walker

from attentive_rnn.data.io.arrays import read_arrays
from attentive_rnn.video.pose import Person, PoseEstimator
from attentive_rnn.video.tracking import Tracker

PICTURE = np.zeros((240, 640, 3), np.uint8)
MIDDLE = 640 / 240 / 2
RECORDED = read_arrays(Path(__file__).parent / "two_people.npz")
every_film = pytest.mark.parametrize("film", ["pullup_wave", "golf_golf"])


def found_in(film):
    """For each picture its people, (33, 3) joints and (33,) confidence, the one on the left first."""
    joints, sure = (RECORDED[f"{film}_{part}"].astype(np.float32) for part in ("joints", "confidence"))
    return [[(j, s) for j, s in zip(*picture, strict=True) if j.any()] for picture in zip(joints, sure, strict=True)]


class Recorded(PoseEstimator):
    """What was found, in an order that changes from picture to picture."""

    name, layout = "recorded", "mediapipe-33"

    def __init__(self, film):
        self.pictures, self.rng, self.tracker = iter(found_in(film)), np.random.default_rng(0), Tracker()

    def reset(self):
        self.tracker.reset()

    def __call__(self, image):
        people = next(self.pictures)
        people = [people[i] for i in self.rng.permutation(len(people))]
        tracks = self.tracker.assign([joints for joints, _ in people])
        return [Person(track, *person) for track, person in zip(tracks, people, strict=True)]


@every_film
def test_people_keep_their_numbers_in_whatever_order_they_are_found(film):
    estimator, sides = Recorded(film), {}
    for _ in found_in(film):
        for person in estimator(PICTURE):
            sides.setdefault(person.track, set()).add(bool(person.joints[:, 0].mean() > MIDDLE))
    assert sorted(map(tuple, sides.values())) == [(False,), (True,)]


def test_who_is_lost_for_a_while_comes_back_and_who_is_lost_for_long_does_not():
    (left, _), (right, _) = found_in("pullup_wave")[10]
    tracker = Tracker(patience=3)
    assert tracker.assign([left, right]) == [0, 1]
    assert [tracker.assign([right]) for _ in range(2)] == [[1], [1]]
    assert tracker.assign([right, left + 0.1]) == [1, 0]
    assert [tracker.assign([right]) for _ in range(3)] == [[1], [1], [1]]
    assert tracker.assign([right, left]) == [1, 2]
    tracker.reset()
    assert tracker.assign([]) == []
    assert tracker.assign([right]) == [0]


def test_a_person_far_from_where_anybody_was_is_somebody_else():
    (left, _), (right, _) = found_in("pullup_wave")[10]
    tracker = Tracker()
    assert tracker.assign([left]) == [0]
    assert tracker.assign([right]) == [1]
    assert tracker.assign([np.zeros((33, 3)), left]) == [2, 0]  # joints on one spot have no size
    assert tracker.assign([np.zeros((33, 3))]) == [2]


def test_two_who_cross_keep_their_numbers_though_one_hides_the_other():
    """At the slowest speed one is hidden for longer than a track is kept."""
    lost = [speed for speed in SPEEDS if switches(Tracker().assign, "cross", speed, seed=0)]
    assert len(lost) <= 2


def test_two_who_meet_and_turn_back_keep_their_numbers():
    lost = [speed for speed in SPEEDS if switches(Tracker().assign, "meet", speed, seed=0)]
    assert len(lost) <= 1


def test_one_who_is_not_where_anybody_was_expected_is_known_by_the_size():
    tracker = Tracker()
    for _ in range(3):
        assert tracker.assign([walker(0.2, 0, 0.5), walker(0.4, 0, 0.6)]) == [0, 1]
    assert tracker.assign([]) == []
    assert tracker.assign([walker(0.31, 0, 0.5), walker(0.29, 0, 0.6)]) == [0, 1]


def test_a_track_goes_on_where_it_was_going_while_it_is_not_seen():
    tracker = Tracker(patience=6)
    for t in range(5):
        assert tracker.assign([walker(0.1 * t, 0, 0.5)]) == [0]
    assert [tracker.assign([]) for _ in range(5)] == [[]] * 5
    assert tracker.assign([walker(0, 0, 0.5), walker(1, 0, 0.5)]) == [1, 0]


def test_of_two_who_stand_together_it_is_rather_the_one_seen_lately():
    tracker = Tracker()
    assert tracker.assign([walker(0.5, 0, 0.5), walker(0.52, 0, 0.5)]) == [0, 1]
    assert [tracker.assign([walker(0.5, 0, 0.5)]) for _ in range(4)] == [[0]] * 4
    assert tracker.assign([walker(0.511, 0, 0.5)]) == [0]


def test_the_pairs_of_least_distance_in_all_are_taken_and_not_the_nearest_pair_first():
    tracker = Tracker(reach=0.9)
    assert tracker.assign([walker(0, 0, 1.0), walker(0.4, 0, 1.0)]) == [0, 1]
    assert tracker.assign([walker(0.3, 0, 1.0), walker(0.7, 0, 1.0)]) == [0, 1]
