"""Absent joints and confidences, through every transform that a configuration may name."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn.data import (
    AlignView,
    AugmentedDataset,
    Compose,
    ConvertLayout,
    FlipLeftRight,
    Jitter,
    MotionFeatures,
    OriginAtBodyCentre,
    RandomRotation,
    Resample,
    Schema,
    SequenceDataset,
    Stream,
    Streamed,
    UnitBodySize,
    get_layout,
    list_layouts,
    preprocess,
    transform_from_config,
)
from attentive_rnn.data.transforms import KINDS
from attentive_rnn.data.transforms.presence import numbers_of
from attentive_rnn.errors import ConfigError, DataWarning
from data.transforms.skeletons import RNG, people

LAYOUT = "ntu-25"
JOINTS = get_layout(LAYOUT).joints
SPACE = Schema(("a",), (2, 25, 3), layout=LAYOUT)
PICTURE = Schema(("a",), (2, 25, 3), layout=LAYOUT, coordinates=2)
# Arguments by name, so that a new transform is tested without a change here if its arguments are called alike.
ARGUMENTS = {
    "layout": LAYOUT,
    "source": LAYOUT,
    "target": "kinect-20",
    "share": 0.5,
    "kind": "bone_motion",
    "frames": 7,
    "steps": 4,
    "before": 30,
    "after": 20,
    "transforms": [],
    "mean": [0.25] * 150,
    "std": [2.0] * 150,
    "elements": list(range(75)),  # the first of two persons
}
NAMES = sorted(set(KINDS) - {"random_crop_flip"})  # of images


def made(name):
    needed = inspect.signature(KINDS[name]).parameters
    return KINDS[name](**{key: ARGUMENTS[key] for key, p in needed.items() if p.default is p.empty or key == "layout"})


def seen_in_part(seed, frames=8, schema=SPACE, share=0.2):
    """Skeletons of which each joint is absent from each frame with a fixed chance."""
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(2.0, 1.0, (frames, *schema.shape)).astype(np.float32))
    if schema.coordinates is not None:
        x[..., schema.coordinates :] = torch.from_numpy(rng.uniform(0.1, 1, x[..., 2:].shape).astype(np.float32))
    x[torch.from_numpy(rng.random(x.shape[:3]) < share)] = 0
    return x


def frames_of(y, schema=SPACE):
    """Joined steps as the frames that they were."""
    return y.reshape(-1, *schema.shape) if y.ndim == 2 else y


def joints_of(name):
    """For each joint that comes out, those of the input that it may be."""
    if name == "convert_layout":
        return [[parents[0] for parents in made(name).map.parents]]
    return [list(range(25)), made(name)._mirror] if name == "flip_left_right" else [list(range(25))]


@pytest.mark.parametrize("schema", [SPACE, PICTURE], ids=["space", "picture"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_absent_joint_never_moves(name, schema, seed):
    x = seen_in_part(seed, schema=schema)
    transform = made(name)
    if name == "align_view" and schema is PICTURE:
        with pytest.raises(ConfigError, match="turns bodies in space"):
            transform.schema_after(schema)
        return
    y = frames_of(transform.bound(schema)(x, np.random.default_rng(seed)))
    assert not y.isnan().any()
    zero = (y == 0).all(-1)
    gone = (x == 0).all(-1)
    for frame in zero:
        assert any((frame | ~before[:, joints]).all() for joints in joints_of(name) for before in gone)
    assert (~zero).any()


@pytest.mark.parametrize("name", NAMES)
def test_what_an_absent_joint_holds_makes_no_difference(name):
    x = seen_in_part(3)
    missing = torch.where((x == 0).all(-1, keepdim=True), torch.nan, x)
    missing[..., 1:] = torch.where(missing[..., 1:].isnan(), 7.0, missing[..., 1:])  # NaN in one number is enough
    expected = made(name).bound(SPACE)(x, np.random.default_rng(1))
    assert torch.equal(made(name).bound(SPACE)(missing, np.random.default_rng(1)), expected)
    assert torch.equal(made(name)(missing, np.random.default_rng(1)), expected)  # a transform that knows no schema


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"align_view"}))
def test_a_confidence_of_zero_is_absence(name):
    x = seen_in_part(4, schema=PICTURE)
    doubted = torch.where((x == 0).all(-1, keepdim=True), torch.tensor([5.0, 6.0, 0.0]), x)
    expected = made(name).bound(PICTURE)(x, np.random.default_rng(1))
    assert torch.equal(made(name).bound(PICTURE)(doubted, np.random.default_rng(1)), expected)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"align_view", "standardise", "resample", "random_stretch"}))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5, deadline=None)
def test_no_transform_takes_a_confidence_for_a_coordinate(name, seed):
    x = seen_in_part(seed, schema=PICTURE)
    y = frames_of(made(name).bound(PICTURE)(x, np.random.default_rng(seed)))
    assert set(y[..., 2::3].flatten().tolist()) <= {0.0, *x[..., 2].flatten().tolist()}


def test_the_origin_is_taken_from_the_first_frame_that_has_the_joint():
    x = people(persons=1)[1:]
    x[0, 0, 1] = 0
    y = OriginAtBodyCentre(1)(x, RNG)
    seen = (x != 0).any(-1)
    assert torch.equal(y[seen], (x - x[1, 0, 1])[seen])
    assert not y[0, 0, 1].any()


HIPS, SHOULDERS = (
    [get_layout("kinect-20").joints.index(f"{side} {part}") for side in ("left", "right")]
    for part in ("hip", "shoulder")
)
BODY = Schema(("a",), (1, 20, 3), layout="kinect-20")


@pytest.mark.parametrize(
    ("gone", "stand_in"),
    [([1], HIPS), ([1, HIPS[0]], SHOULDERS), ([1, HIPS[1], SHOULDERS[0]], None)],
    ids=["hips", "shoulders", "mean"],
)
def test_other_joints_give_the_origin_where_the_joint_is_never_seen(gone, stand_in):
    x = people(persons=1)[1:]
    x[:, 0, gone] = 0
    rest = [v for v in range(20) if v not in gone]
    y = OriginAtBodyCentre(1).bound(BODY)(x, RNG)
    origin = x[0, 0, stand_in or rest].mean(0)
    torch.testing.assert_close(y[:, 0, rest], x[:, 0, rest] - origin)
    assert not y[:, 0, gone].any()
    far = OriginAtBodyCentre(1).bound(BODY)(torch.where(x == 0, x, x + 100), RNG)
    torch.testing.assert_close(far, y, atol=1e-4, rtol=1e-4)


def test_without_a_layout_the_mean_of_the_joints_gives_the_origin():
    x = people(persons=1)[1:]
    x[:, 0, 1] = 0
    rest = [v for v in range(20) if v != 1]
    torch.testing.assert_close(OriginAtBodyCentre(1)(x, RNG)[:, 0, rest], x[:, 0, rest] - x[0, 0, rest].mean(0))


def test_a_stand_in_of_the_origin_leaves_a_confidence_as_it_is():
    x = seen_in_part(11, schema=PICTURE, share=0)
    x[:, 0, 1] = 0
    y = OriginAtBodyCentre(1).bound(PICTURE)(x, RNG)
    assert torch.equal(y[..., 2], x[..., 2])
    seen = (x != 0).any(-1)
    hips = [JOINTS.index("left hip"), JOINTS.index("right hip")]
    torch.testing.assert_close(y[..., :2][seen], (x[..., :2] - x[0, 0, hips, :2].mean(0))[seen])


@pytest.mark.parametrize("first_seen", [0, 3, 9])
def test_a_stream_is_centred_from_its_first_frame_on(first_seen):
    x = people(frames=8, persons=1)[1:] + 50
    x[:first_seen, 0, 1] = 0
    x[2, 0] = 0  # a frame with nobody
    stream = Streamed(Compose([OriginAtBodyCentre(1)]).bound(BODY))
    pushed = torch.stack([stream.push(frame) for frame in x])
    for t in range(len(x)):  # as the sequence so far would be
        torch.testing.assert_close(pushed[t], OriginAtBodyCentre(1).bound(BODY)(x[: t + 1], RNG)[t])
    assert pushed.abs().max() < 20


def test_sequences_that_lack_a_joint_are_counted():
    x = people(persons=1)[1:]
    without = x.clone()
    without[:, 0, 1] = 0
    data = SequenceDataset([x, without, without, x * 0], [0] * 4, [{}] * 4, BODY, "mine")
    with pytest.warns(DataWarning) as caught:
        preprocess(data, Compose([OriginAtBodyCentre(1), MotionFeatures(root=1)]))
    assert [str(one.message) for one in caught] == [
        "mine: origin_at_body_centre: 2 of 4 sequences never show the joint 'spine' of person 0, so that the middle of "
        "the hips is the origin",
        "mine: motion_features: 2 of 4 sequences have a person who never shows the joint 1, so that the positions "
        "relative to it are 0",
    ]


@pytest.mark.parametrize("gone", [["left hip"], ["right shoulder"], ["left hip", "right hip"]], ids=str)
def test_the_view_is_told_by_the_joints_that_are_there(gone):
    x = people(persons=1)[1:].clone()
    x[:] = x[0]
    joints = get_layout("kinect-20").joints
    x[:, 0, [joints.index(name) for name in gone]] = 0
    turned = RandomRotation(180.0)(x, np.random.default_rng(3))
    y = AlignView("kinect-20")(x, RNG)
    torch.testing.assert_close(AlignView("kinect-20")(turned, RNG), y, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(y, x)
    stream = Streamed(AlignView("kinect-20"))
    torch.testing.assert_close(torch.stack([stream.push(frame) for frame in x]), y)
    with pytest.warns(DataWarning, match="1 of 1 sequences never show both shoulders and both hips of person 0"):
        preprocess(SequenceDataset([x], [0], [{}], BODY), AlignView("kinect-20"))


def test_another_person_gives_view_and_size_where_the_first_is_never_there():
    x = people(persons=2)[1:3]
    x[:, 0] = 0
    schema = Schema(("a",), (2, 20, 3), layout="kinect-20")
    for transform in (AlignView("kinect-20"), UnitBodySize("kinect-20")):
        y = transform(x, RNG)
        torch.testing.assert_close(y[:, 1], transform(x[:, 1:], RNG)[:, 0])
        assert not y[:, 0].any()
        with pytest.warns(DataWarning, match=f"{transform.name}: 1 of 1 sequences never show .* of person 0"):
            preprocess(SequenceDataset([x], [0], [{}], schema), transform)


def test_a_body_without_a_bone_or_a_direction_is_said_to_be_left_as_it_is():
    x = torch.zeros(3, 1, 20, 3)
    x[:, 0, 7] = 1
    data = SequenceDataset([x], [0], [{}], BODY)
    with pytest.warns(DataWarning, match="never show a bone of person 0, so that they are not scaled"):
        assert torch.equal(preprocess(data, UnitBodySize("kinect-20"))[0].sequence, x)
    with pytest.warns(DataWarning, match="so that they are not turned"):
        assert torch.equal(preprocess(data, AlignView("kinect-20"))[0].sequence, x)


def test_a_joint_moved_to_the_origin_stays_present():
    x = people(persons=1)[1:]
    both = Compose([OriginAtBodyCentre(1), MotionFeatures(root=1)])(x, RNG)
    moved = x - x[0, 0, 1]
    assert torch.equal(both[1, 0, 1, 3:6], moved[1, 0, 1])
    assert torch.equal(both[0, 0, :, 6:], moved[0, 0])


@pytest.mark.parametrize("schema", [SPACE, PICTURE], ids=["space", "picture"])
def test_augmentation_knows_who_was_present_before_the_preprocessing(schema):
    x = seen_in_part(5, schema=schema)
    x[0, 0, 1] = torch.tensor([1.0, 2.0, 0.5])
    data = SequenceDataset([x, x], [0, 0], [{}, {}], schema)
    parts = OriginAtBodyCentre(1), MotionFeatures(root=1)
    ready = preprocess(data, parts[0]).subset([1])
    assert ready.presence[0] is not None or schema is PICTURE
    whole = Compose(parts).bound(schema)(x, RNG)
    assert torch.equal(AugmentedDataset(ready, parts[1], seed=0)[0].sequence, whole)
    assert torch.equal(preprocess(data, Compose(parts))[0].sequence, whole)


def test_bones_and_motion_need_both_ends():
    x = people(persons=1)[1:]
    parent, child = get_layout("kinect-20").bones[3]
    gone = x.clone()
    gone[2, 0, parent] = 0
    bones = Stream("bone", "kinect-20")(gone, RNG)
    assert not bones[2, 0, [parent, child]].any()
    assert bones[1, 0, child].any()
    motion = Stream("joint_motion")(gone, RNG)
    assert not motion[1:3, 0, parent].any()
    assert motion[0, 0, parent].any()
    bone_motion = Stream("bone_motion", "kinect-20")(gone, RNG)
    assert not bone_motion[1:3, 0, child].any()
    features = MotionFeatures(root=parent)(gone, RNG)
    assert not features[2:4, 0, parent, 3:6].any()
    assert not features[2, 0, :, 6:].any()


def test_time_is_not_interpolated_between_a_joint_and_its_absence():
    x = torch.ones(3, 1, 2, 3)
    x[1, 0, 1] = 0
    y = Resample(10, 30)(x, RNG)
    assert torch.equal(y[:, 0, 0], torch.ones(7, 3))
    assert y[:, 0, 1, 0].tolist() == [1, 1, 0, 0, 0, 1, 1]


def test_a_joint_not_seen_does_not_change_the_size_of_the_body():
    x = people(persons=1)[1:]
    x[:] = x[0]
    whole = UnitBodySize("kinect-20")(x, RNG)
    for joint in range(20):
        gone = x.clone()
        gone[::2, 0, joint] = 0
        kept = (gone != 0).any(-1)
        torch.testing.assert_close(UnitBodySize("kinect-20")(gone, RNG)[kept], whole[kept])


def test_the_view_is_that_of_the_first_frame_with_hips_and_shoulders():
    x = people(persons=1)[1:]
    gone = x.clone()
    gone[0, 0, get_layout("kinect-20").joints.index("left hip")] = 0
    kept = (gone != 0).any(-1)
    expected = AlignView("kinect-20")(torch.cat([x[1:], x[:1]]), RNG).roll(1, 0)
    torch.testing.assert_close(AlignView("kinect-20")(gone, RNG)[kept], expected[kept])


def test_standardisation_leaves_absent_joints_out():
    x = seen_in_part(6)
    y = transform_from_config({"name": "standardise", "mean": [1.0] * 150, "std": [2.0] * 150}).bound(SPACE)(x, RNG)
    seen = (x != 0).any(-1)
    assert torch.equal(y[seen], ((x - 1) / 2)[seen])
    assert not y[~seen].any()


def test_joints_in_a_picture_turn_in_its_plane_and_keep_their_confidence():
    x = seen_in_part(7, schema=PICTURE)
    turn = RandomRotation(180.0).bound(PICTURE)
    y = turn(x, np.random.default_rng(0))
    assert torch.equal(y[..., 2], x[..., 2])
    torch.testing.assert_close(y[..., :2].norm(dim=-1), x[..., :2].norm(dim=-1))
    assert torch.equal(RandomRotation([0, 45, 0]).bound(PICTURE)(x, RNG), x)
    both = Compose([MotionFeatures(), RandomRotation(180.0)]).bound(PICTURE)(x, np.random.default_rng(0))
    torch.testing.assert_close(both, Compose([turn, MotionFeatures().bound(PICTURE)])(x, np.random.default_rng(0)))


def test_two_coordinates_with_their_motion_turn_in_their_plane():
    schema = Schema(("a",), (1, 20, 2), layout="kinect-20")
    x = people(persons=1, coordinates=2)
    before, after = (
        Compose(parts).bound(schema)(x, np.random.default_rng(2))
        for parts in ([RandomRotation(), MotionFeatures()], [MotionFeatures(), RandomRotation()])
    )
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)


def test_a_mirror_shows_velocities_too():
    x = people(persons=1)
    schema = Schema(("a",), (1, 20, 3), layout="kinect-20")
    flip = FlipLeftRight("kinect-20", probability=1.0)
    before, after = (
        Compose(parts).bound(schema)(x, RNG) for parts in ([flip, MotionFeatures()], [MotionFeatures(), flip])
    )
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
    with pytest.raises(ConfigError, match="axis must be below 2"):
        FlipLeftRight(LAYOUT, 1.0, axis=2).bound(PICTURE)(seen_in_part(1, schema=PICTURE), RNG)


@pytest.mark.parametrize("target", list_layouts())
@pytest.mark.parametrize("source", list_layouts())
def test_joints_that_both_layouts_have_are_the_same_after_the_way_there_and_back(source, target):
    joints, others = get_layout(source).joints, get_layout(target).joints
    x = seen_in_part(8, schema=Schema((), (1, len(joints), 3)))
    try:
        there = ConvertLayout(source, target)
        y = there(x, RNG)
        common = [name for name in others if name in joints]
        for name in common:
            assert torch.equal(y[:, :, others.index(name)], x[:, :, joints.index(name)]), name
        back = ConvertLayout(target, source)
    except ConfigError:
        return
    z = Compose([there, back])(x, RNG)
    for name in common:
        assert torch.equal(z[:, :, joints.index(name)], x[:, :, joints.index(name)]), name


@pytest.mark.parametrize("schema", [SPACE, PICTURE], ids=["space", "picture"])
@pytest.mark.parametrize("name", [n for n in NAMES if made(n).depends is not None and not made(n).random])
def test_a_stream_treats_absent_joints_as_the_whole_sequence_does(name, schema):
    if name == "align_view" and schema is PICTURE:
        return
    for seed in range(3):
        x = seen_in_part(seed, schema=schema)
        transform = made(name).bound(schema)
        stream = Streamed(transform)
        for t, frame in enumerate(x):
            so_far = transform(x[: t + 1], RNG)
            torch.testing.assert_close(stream.push(frame), so_far[t], atol=1e-6, rtol=1e-5)


def test_noise_is_not_added_to_a_confidence():
    x = seen_in_part(9, schema=PICTURE)
    y = Jitter(1.0).bound(PICTURE)(x, RNG)
    assert torch.equal(y[..., 2], x[..., 2])
    assert not torch.equal(y[..., :2], x[..., :2])


def test_pixels_with_a_confidence_are_told_from_a_place_in_space_without_a_schema():
    x = torch.rand(6, 1, 17, 3, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.3
    x[..., :2] *= 500
    y = RandomRotation(45.0)(x, np.random.default_rng(0))
    assert torch.equal(y[..., 2], x[..., 2])
    assert not torch.equal(y[..., 0], x[..., 0])
    flat = torch.cat([x[..., :2], torch.zeros_like(x[..., :1])], -1)
    assert OriginAtBodyCentre(0)(flat, RNG)[1:].any()


def test_values_that_signal_they_are_none_tell_nothing():
    joints = np.array([[310.0, 120.0, 0.9], [280.0, 190.0, 0.4], [1.0, 1.0, 1.0]], np.float32)
    joints.view(np.uint32)[2, 2] = 0x7FA00000  # a NaN whose use is an error
    assert numbers_of(joints).coordinates == 2
