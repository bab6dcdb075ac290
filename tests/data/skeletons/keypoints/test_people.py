import numpy as np

from attentive_rnn.data.skeletons.keypoints.content import Person
from attentive_rnn.data.skeletons.keypoints.people import settle

RNG = np.random.default_rng(0)
SHAPE = RNG.uniform(0, 100, (17, 2))


def person(x, sure=0.9, track=None):
    return Person(SHAPE + np.array([x, 0]), np.full(17, sure), track)


def left(joints):
    return (joints[..., 0] - SHAPE[:, 0]).mean(-1)


def test_people_keep_their_places_in_whatever_order_they_are_found():
    frames = []
    for t in range(20):
        pair = [person(10 + t, 0.9), person(500 - 2 * t, 0.5)]
        frames.append(pair[::-1] if t % 2 else pair)
    joints, confidence, lost = settle(frames, 2)
    assert joints.shape == (20, 2, 17, 2)
    assert lost == 0
    np.testing.assert_allclose(left(joints[:, 0]), 10 + np.arange(20))
    np.testing.assert_allclose(left(joints[:, 1]), 500 - 2 * np.arange(20))
    assert (confidence[:, 0] == 0.9).all()
    assert (confidence[:, 1] == 0.5).all()


def test_the_surest_are_kept_and_the_others_counted():
    frames = [[person(0, 0.2), person(500, 0.9), person(1000, 0.7)]] * 5
    joints, _, lost = settle(frames, 2)
    assert lost == 5
    assert left(joints[0]).round().tolist() == [500, 1000]


def test_numbers_of_people_are_followed_rather_than_places():
    frames = [[person(0, track=4), person(500, track=2)], [person(500, track=4), person(0, track=2)]]
    joints, _, _ = settle(frames, 2)
    assert left(joints[:, 0]).round().tolist() in ([0, 500], [500, 0])


def test_two_who_are_never_seen_together_share_a_place():
    frames = [[person(0)], [person(0)], [], [person(5000)]]
    joints, confidence, lost = settle(frames, 1)
    assert joints.shape[1] == 1
    assert lost == 0
    assert (confidence[:, 0, 0] > 0).tolist() == [True, True, False, True]


def test_nobody_at_all():
    assert settle([[], []], 2)[0].shape[:2] == (2, 0)
