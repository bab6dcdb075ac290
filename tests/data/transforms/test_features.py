import json

import pytest
import torch

from attentive_rnn.data import (
    AugmentedDataset,
    Compose,
    MotionFeatures,
    RandomRotation,
    Schema,
    SequenceDataset,
    Stream,
    get_layout,
    list_layouts,
    preprocess,
    transform_from_config,
)
from attentive_rnn.data.transforms import KINDS
from attentive_rnn.data.transforms.features import Keep, Standardise
from attentive_rnn.errors import ConfigError
from data.transforms.skeletons import RNG, absent, people


@pytest.mark.parametrize("layout", list_layouts())
def test_bones_do_not_depend_on_where_a_body_is_and_add_up_to_it(layout):
    x = people(layout=layout)
    bones = Stream("bone", layout)(x, RNG)
    moved = torch.where(absent(x)[..., None, None], 0.0, x + torch.tensor([5.0, -2.0, 1.0]))
    torch.testing.assert_close(Stream("bone", layout)(moved, RNG), bones, atol=1e-5, rtol=1e-4)
    root = get_layout(layout).bones[0][0]
    rebuilt = torch.zeros_like(x)
    rebuilt[:, :, root] = x[:, :, root]
    for parent, child in get_layout(layout).bones:
        rebuilt[:, :, child] = rebuilt[:, :, parent] + bones[:, :, child]
    torch.testing.assert_close(rebuilt, x, atol=1e-4, rtol=1e-4)
    assert not bones[:, :, root].any()


@pytest.mark.parametrize("kind", ["joint", "bone"])
def test_motion_is_the_step_to_the_next_frame_of_who_is_in_both(kind):
    x = people()
    still, motion = Stream(kind, "kinect-20")(x, RNG), Stream(f"{kind}_motion", "kinect-20")(x, RNG)
    torch.testing.assert_close(motion[1:5, 0], still[2:, 0] - still[1:5, 0])
    assert not motion[0].any()
    assert not motion[-1].any()
    assert motion[1, 1].any()
    assert not motion[2:, 1].any()


def test_a_rigid_body_has_bone_motion_only_when_it_turns():
    body = people(2)[1:, :1]
    moved = torch.cat([body, body + 3])
    torch.testing.assert_close(
        Stream("bone_motion", "kinect-20")(moved, RNG), torch.zeros_like(moved), atol=1e-5, rtol=0
    )
    turned = torch.cat([body, RandomRotation(90.0)(body, RNG)])
    assert Stream("bone_motion", "kinect-20")(turned, RNG)[0].abs().max() > 0.1


def test_motion_features_are_position_velocity_and_position_from_the_root():
    x = people()
    y = MotionFeatures(root=0)(x, RNG)
    position, velocity, relative = y.split(3, dim=-1)
    assert torch.equal(position, x)
    assert torch.equal(velocity[2:, 0], x[2:, 0] - x[1:-1, 0])
    assert not velocity[:2].any()
    assert torch.equal(relative, x - x[:, :, :1])
    assert torch.equal(absent(y), absent(x))


def test_preprocessing_and_augmentation_give_the_schema_of_what_comes_out():
    schema = Schema(("a",), (2, 20, 3), layout="kinect-20")
    data = SequenceDataset([people()], [0], [{}], schema)
    ready = preprocess(data, Compose([Stream("bone", "kinect-20"), MotionFeatures()]))
    assert ready.schema.shape == (2, 20, 9)
    assert AugmentedDataset(data, MotionFeatures(), seed=0).schema.size == 360


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"compose", "standardise", "convert_layout"}))
def test_every_transform_can_be_rebuilt_from_its_config(name):
    needed = {
        "centre_crop": {"share": 0.5},
        "stream": {"kind": "bone", "layout": "kinect-20"},
        "uniform_sampling": {"frames": 8},
        "limit_steps": {"steps": 8},
        "join_steps": {"steps": 8},
        "keep": {"elements": [0, 2]},
        "resample": {"before": 30, "after": 20},
        **{n: {"layout": "kinect-20"} for n in ("align_view", "unit_body_size", "flip_left_right")},
    }
    transform = transform_from_config({"name": name, **needed.get(name, {})})
    config = transform.to_config()
    again = transform_from_config(json.loads(json.dumps(config)))
    assert again.to_config() == config
    assert again.random == transform.random


def test_what_is_not_kept_is_zero_and_of_a_body_absent():
    keep = transform_from_config({"name": "keep", "elements": [1]})
    assert keep(torch.tensor([[3.0, 2.0, -1.0]]), RNG).tolist() == [[0, 2, 0]]
    body = people()
    joint = list(range(9, 12))  # the coordinates of joint 3 of the first person
    alone = transform_from_config([{"name": "keep", "elements": joint}, {"name": "motion_features"}])(body, RNG)
    seen = torch.zeros(body.shape[1:3], dtype=torch.bool)
    seen[0, 3] = True
    assert (alone[:, ~seen] == 0).all()
    assert torch.equal(alone[:, 0, 3, :3], body[:, 0, 3])
    assert (alone[:, 0, 3, 6:] == 0).all()  # relative to a root that is left out, nothing is known


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Keep([]), "elements must be a list of different numbers, 0 or more"),
        (lambda: Keep([1, 1]), "elements must be a list of different"),
        (lambda: Keep([2])(torch.ones(3, 2), RNG), "a frame has elements 0 to 1, got 2"),
        (lambda: Stream("limb"), "kind must be one of joint, bone"),
        (lambda: Stream("bone"), "the kind bone needs a layout"),
        (lambda: Stream("bone", "none"), "unknown joint layout"),
        (lambda: MotionFeatures(-1), "root must be"),
        (lambda: Stream("joint")(torch.ones(3, 6), RNG), "needs skeletons"),
        (lambda: MotionFeatures(root=20)(people(), RNG), "with V >= 21"),
        (lambda: MotionFeatures().schema_after(Schema(("a",), (2,))), "needs skeletons"),
    ],
)
def test_a_wrong_argument_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), pytest.param(10**309, id="large"), True, "1"])
def test_only_finite_numbers_standardise(value):
    with pytest.raises(ConfigError, match="standardise: each of mean must be a number"):
        Standardise([0.0, value], [1.0, 1.0])
