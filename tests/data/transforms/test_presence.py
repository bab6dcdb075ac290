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
from attentive_rnn.data.transforms.presence import absent
from attentive_rnn.errors import ConfigError
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
        return [made(name).indices]
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
    x[:, 0, 1] = 0
    assert torch.equal(OriginAtBodyCentre(1)(x, RNG), x)


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


@pytest.mark.parametrize("source", list_layouts())
def test_joints_renamed_to_another_layout_and_back_are_the_same(source):
    joints = get_layout(source).joints
    x = seen_in_part(8, schema=Schema((), (1, len(joints), 3)))
    for target in list_layouts():
        try:
            there, back = ConvertLayout(source, target), ConvertLayout(target, source)
        except ConfigError:
            continue
        assert torch.equal(Compose([there, back])(x, RNG), x)


@pytest.mark.parametrize("schema", [SPACE, PICTURE], ids=["space", "picture"])
@pytest.mark.parametrize("name", [n for n in NAMES if made(n).depends is not None and not made(n).random])
def test_a_stream_treats_absent_joints_as_the_whole_sequence_does(name, schema):
    if name == "align_view" and schema is PICTURE:
        return
    for seed in range(3):
        x = seen_in_part(seed, schema=schema)
        transform = made(name).bound(schema)
        start = next((t for t in range(len(x)) if transform.starts(_marked(x[t : t + 1], schema))), len(x))
        stream = Streamed(transform)
        pushed = torch.stack([stream.push(frame) for frame in x])
        torch.testing.assert_close(pushed[start:], transform(x, RNG)[start:], atol=1e-6, rtol=1e-5)


def _marked(x, schema):
    return torch.where(torch.from_numpy(absent(x.numpy(), schema))[..., None], torch.nan, x)


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
