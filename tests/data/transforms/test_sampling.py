import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import CentreCrop, Compose, MotionFeatures, RandomCrop, Resample, Schema, UniformSampling
from attentive_rnn.errors import ConfigError
from data.transforms.skeletons import RNG, absent, people

LENGTHS = st.integers(1, 90)
SEEDS = st.integers(0, 999)


@given(LENGTHS, st.integers(1, 70), st.booleans(), SEEDS)
def test_uniform_sampling_takes_one_frame_of_each_part_in_order(length, count, random, seed):
    chosen = UniformSampling(count, random)(torch.arange(length), np.random.default_rng(seed)).numpy()
    assert len(chosen) == count
    assert (np.diff(chosen) >= 0).all()
    parts = np.arange(count) * length / count
    assert (chosen >= np.floor(parts)).all()
    assert (chosen < parts + length / count).all()


def test_uniform_sampling_is_centred_without_and_covers_all_frames_with_chance():
    x = torch.arange(9)
    assert UniformSampling(3)(x, RNG).tolist() == [1, 4, 7]
    drawn = {tuple(UniformSampling(3, random=True)(x, np.random.default_rng(s)).tolist()) for s in range(400)}
    assert len(drawn) == 27


@given(LENGTHS, SEEDS)
def test_a_crop_is_one_span_of_its_share(length, seed):
    x = torch.arange(length)
    y = RandomCrop(0.4, 0.8)(x, np.random.default_rng(seed))
    assert max(1, round(0.4 * length)) <= len(y) <= max(1, round(0.8 * length))
    assert torch.equal(y, x[y[0] : y[0] + len(y)])


@given(LENGTHS, st.floats(0.01, 1))
def test_a_centre_crop_leaves_as_much_on_both_sides(length, share):
    y = CentreCrop(share)(torch.arange(length), RNG)
    assert len(y) == max(1, round(share * length))
    assert 0 <= (length - 1 - y[-1]) - y[0] <= 1


def test_random_sampling_in_training_is_centred_sampling_in_testing():
    drawn = Compose([RandomCrop(0.6, 1.0, test=0.8), UniformSampling(4, random=True), MotionFeatures()])
    kept = drawn.in_test()
    assert kept.to_config() == Compose([CentreCrop(0.8), UniformSampling(4), MotionFeatures()]).to_config()
    assert not kept.random
    assert Compose([RandomCrop(0.6)]).in_test().transforms == []


@given(LENGTHS, st.sampled_from([(30, 15), (15, 30), (30, 20), (10, 10), (25, 60)]))
def test_resampling_keeps_a_straight_line_and_its_start(length, rates):
    before, after = rates
    x = torch.arange(float(length))[:, None] + 1
    y = Resample(before, after)(x, RNG)[:, 0]
    torch.testing.assert_close(y, 1 + torch.arange(float(len(y))) * before / after, rtol=1e-5, atol=1e-5)
    assert y[-1] <= length < y[-1] + before / after + 1e-4


def test_resampling_does_not_blend_with_an_absent_person():
    x = people(frames=6)
    y = Resample(10, 40)(x, RNG)
    assert torch.equal(absent(y)[::4], absent(x))
    present = ~absent(y)[:, 1]
    assert torch.equal(y[9:11, 1], x[2, 1].expand(2, -1, -1))
    assert not y[11:, 1].any()
    assert present.nonzero().flatten().tolist() == list(range(3, 11))


def test_resampling_to_the_same_rate_changes_nothing():
    assert torch.equal(Resample(30, 30)(people(), RNG), people())


def test_the_rate_of_the_schema_follows():
    schema = Schema(("a",), (2,), rate=30.0)
    assert Resample(30, 10).schema_after(schema).rate == 10
    assert UniformSampling(8).schema_after(schema).rate is None
    with pytest.raises(ConfigError, match="the data have 30 frames per second, not 25"):
        Resample(25, 10).schema_after(schema)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomCrop(0, 1), "low must be a number above 0 to 1"),
        (lambda: RandomCrop(0.8, 0.5), "low must not be above high"),
        (lambda: UniformSampling(0), "frames must be a whole number >= 1"),
        (lambda: UniformSampling(8, random=1), "random must be true or false"),
        (lambda: Resample(0, 3), "before must be a number above 0"),
    ],
)
def test_a_wrong_argument_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
