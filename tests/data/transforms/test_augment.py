import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import (
    DropSteps,
    FlipLeftRight,
    Jitter,
    MaskJoints,
    MaskTime,
    RandomScale,
    RandomStretch,
    Schema,
    get_layout,
    list_layouts,
)
from attentive_rnn.errors import ConfigError
from data.transforms.skeletons import RNG, absent, joint, people


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("layout", list_layouts())
def test_two_flips_give_the_sequence_back(layout):
    flip, x = FlipLeftRight(layout, probability=1.0), people(layout=layout)
    once = flip(x, RNG)
    assert torch.equal(flip(once, RNG), x)
    assert torch.equal(absent(once), absent(x))
    assert not torch.equal(once, x)


@pytest.mark.parametrize("layout", list_layouts())
def test_a_flip_keeps_the_bones_of_a_layout(layout):
    flip = FlipLeftRight(layout, probability=1.0)
    bones = {frozenset(bone) for bone in get_layout(layout).bones}
    mirrored = {frozenset(flip._mirror[v] for v in bone) for bone in bones}
    paired = any(joint.startswith("left ") for joint in get_layout(layout).joints)
    assert (flip._mirror != sorted(flip._mirror)) == paired
    assert mirrored == bones


def test_a_flip_swaps_left_and_right_and_turns_x_only():
    x = people()
    y = FlipLeftRight("kinect-20", probability=1.0, axis=0)(x, RNG)
    left, right = joint("kinect-20", "left hand"), joint("kinect-20", "right hand")
    assert torch.equal(y[..., left, 0], -x[..., right, 0])
    assert torch.equal(y[..., right, 1:], x[..., left, 1:])


def test_a_flip_happens_with_its_probability():
    flip, x = FlipLeftRight("kinect-20", probability=0.3), people()
    flips = sum(not torch.equal(flip(x, rng(seed)), x) for seed in range(400))
    assert 90 < flips < 150
    assert flip.random
    assert not FlipLeftRight("kinect-20", probability=0.0).random


def test_noise_has_its_deviation_and_leaves_the_absent_alone():
    x = people(frames=60)
    y = Jitter(0.2)(x, rng())
    assert torch.equal(absent(y), absent(x))
    assert (y - x)[~absent(x)].std().item() == pytest.approx(0.2, rel=0.02)
    features = torch.zeros(50, 6)
    features[10:] = 3
    assert not Jitter(0.2)(features, rng())[:10].any()


def test_masked_joints_are_zero_for_the_whole_sequence_and_the_others_untouched():
    x, counts = people() + 0.1, set()
    for seed in range(60):
        y = MaskJoints(0.2)(x, rng(seed))
        masked = (y == 0).all(3).all(0).all(0)
        assert torch.equal(y[:, :, ~masked], x[:, :, ~masked])
        counts.add(int(masked.sum()))
    assert counts == {0, 1, 2, 3, 4}


def test_masked_time_is_one_span_of_at_most_its_share():
    x, lengths, starts = torch.ones(10, 3), set(), set()
    for seed in range(200):
        masked = (MaskTime(0.4)(x, rng(seed)) == 0).all(1).nonzero().flatten()
        lengths.add(len(masked))
        if len(masked):
            starts.add(int(masked[0]))
            assert masked.tolist() == list(range(masked[0], masked[0] + len(masked)))
    assert lengths == {0, 1, 2, 3, 4}
    assert starts == set(range(10))


def test_dropped_steps_leave_the_others_in_order_at_the_chance_given():
    x = torch.arange(2000).unsqueeze(1)
    lengths = []
    for seed in range(20):
        kept = DropSteps(0.3)(x, rng(seed)).squeeze(1)
        assert (kept.diff() > 0).all()
        lengths.append(len(kept))
    assert 1370 < min(lengths) <= max(lengths) < 1430 + 40
    assert len(set(lengths)) > 5
    assert torch.equal(DropSteps(0.0)(x, rng(0)), x)


def test_dropping_steps_never_empties_a_sequence():
    x = torch.arange(3)
    assert {len(DropSteps(0.99)(x, rng(seed))) for seed in range(50)} == {1}


@pytest.mark.parametrize(
    "transform", [Jitter(0.1), MaskJoints(0.5), MaskTime(0.5), FlipLeftRight("kinect-20")], ids=lambda t: t.name
)
def test_the_same_draw_gives_the_same_result_and_the_input_is_kept(transform):
    x = people()
    before = x.clone()
    assert torch.equal(transform(x, rng(3)), transform(x, rng(3)))
    assert any(not torch.equal(transform(x, rng(3)), transform(x, rng(seed))) for seed in range(4, 10))
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Jitter(-1), "std must be a number from 0"),
        (lambda: Jitter(float("nan")), "std must be"),
        (lambda: MaskJoints(1), "fraction must be"),
        (lambda: MaskTime("half"), "fraction must be"),
        (lambda: FlipLeftRight("kinect-20", probability=2), "probability must be a number from 0 to 1"),
        (lambda: FlipLeftRight("kinect-20", axis=-1), "axis must be a whole number"),
        (lambda: FlipLeftRight("none"), "unknown joint layout"),
    ],
)
def test_a_wrong_argument_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@given(st.integers(1, 60), st.integers(0, 999))
def test_a_stretched_span_of_a_line_is_a_flatter_line_of_the_same_length(frames, seed):
    line = torch.arange(1.0, frames + 1)[:, None]
    stretched = RandomStretch(0.6, 0.9)(line, rng(seed)).flatten()
    assert len(stretched) == frames
    slope = stretched.diff()
    torch.testing.assert_close(slope, slope[:1].expand_as(slope), atol=1e-4, rtol=0)
    assert all(0.6 - 1e-4 <= value <= 0.9 + 1e-4 for value in slope.tolist())
    assert 1 - 1e-4 <= float(stretched.min()) <= float(stretched.max()) <= frames + 1e-4


def test_a_stretch_of_everything_changes_nothing_and_absent_joints_stay_absent():
    x = people()
    torch.testing.assert_close(RandomStretch(1.0, 1.0)(x, rng()), x)
    assert bool(absent(RandomStretch(0.7)(x, rng())).any())
    with pytest.raises(ConfigError, match="low must not be above high"):
        RandomStretch(0.9, 0.8)


def test_each_feature_has_a_factor_of_its_own_over_the_whole_sequence():
    x = torch.rand(50, 4) + 1
    factors = RandomScale(0.2)(x, rng()) / x
    torch.testing.assert_close(factors, factors[:1].expand_as(factors))
    assert len(set(factors[0].tolist())) == 4
    drawn = torch.cat([RandomScale(0.2)(torch.ones(1, 4), rng(seed)) for seed in range(500)])
    assert abs(float(drawn.mean()) - 1) < 0.02
    assert abs(float(drawn.std()) - 0.2) < 0.02


def test_a_scale_leaves_a_confidence_and_absent_joints_alone():
    x = torch.rand(5, 1, 3, 3) + 0.5
    x[2, 0, 1] = 0
    y = RandomScale(0.5).bound(Schema((), (1, 3, 3), coordinates=2))(x, rng())
    assert torch.equal(y[..., 2], x[..., 2])
    assert not y[2, 0, 1].any()
    assert not torch.equal(y[..., :2], x[..., :2])
