import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import Compose, OriginAtBodyCentre, RandomRotation, get_source, transform_from_config
from attentive_rnn.data.transforms import rotation_matrix
from attentive_rnn.errors import ConfigError

RNG = np.random.default_rng(0)


def two_persons(frames=5):
    return torch.randn(frames, 2, 20, 3, generator=torch.Generator().manual_seed(1)) + 2


def test_the_origin_is_the_body_centre_of_person_one_in_its_first_frame():
    x = two_persons()
    y = OriginAtBodyCentre(joint=1)(x, RNG)
    assert torch.equal(y, x - x[0, 0, 1])


def test_empty_frames_and_absent_persons_stay_zero_and_do_not_give_the_origin():
    x = two_persons()
    x[:2, 0] = 0
    x[3, 1] = 0
    x[4] = 0
    y = OriginAtBodyCentre(joint=1)(x, RNG)
    absent = (x == 0).flatten(2).all(2)
    assert not y[absent].any()
    assert torch.equal(y[~absent], (x - x[2, 0, 1])[~absent])


def test_another_person_gives_the_origin_where_the_first_is_never_there():
    x = two_persons()
    x[:, 0] = 0
    y = OriginAtBodyCentre()(x, RNG)
    assert not y[:, 0].any()
    assert torch.equal(y[:, 1], OriginAtBodyCentre()(x[:, 1:], RNG)[:, 0])


@given(st.integers(0, 2**32 - 1), st.sampled_from([10.0, 35.0, 180.0]))
def test_a_rotation_keeps_distances_and_absent_persons(seed, degrees):
    x = two_persons(2)
    x[1, 1] = 0
    y = RandomRotation(degrees)(x, np.random.default_rng(seed))
    before, after = ((v.reshape(-1, 1, 3) - v.reshape(1, -1, 3)).norm(dim=-1) for v in (x, y))
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert not y[1, 1].any()


def test_one_rotation_is_drawn_for_the_whole_sequence():
    x = two_persons(1).expand(4, 2, 20, 3)
    y = RandomRotation()(x, np.random.default_rng(5))
    assert torch.equal(y[0], y[3])
    assert not torch.allclose(y, x)


def test_angles_fill_the_range_of_thirty_five_degrees_about_each_axis():
    rotation, limit, found = RandomRotation(35.0), math.radians(35), []
    axes = torch.eye(3).reshape(1, 1, 3, 3)
    rng = np.random.default_rng(0)
    for _ in range(400):
        r = rotation(axes, rng)[0, 0].T.double()  # columns are the images of the axes
        found.append((math.atan2(r[2, 1], r[2, 2]), -math.asin(r[2, 0]), math.atan2(r[1, 0], r[0, 0])))
    angles = np.abs(found)
    assert (angles <= limit + 1e-6).all()
    assert (angles.max(axis=0) > 0.97 * limit).all()


def test_the_matrix_turns_about_x_then_y_then_z():
    quarter = math.pi / 2
    np.testing.assert_allclose(rotation_matrix(quarter, 0, 0) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(0, quarter, 0) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(0, 0, quarter) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    # x takes y to z, y takes that z to x, and z takes that x to y
    np.testing.assert_allclose(rotation_matrix(quarter, quarter, quarter) @ [0, 1, 0], [0, 1, 0], atol=1e-12)


@pytest.mark.parametrize("transform", [OriginAtBodyCentre(), RandomRotation()])
def test_a_transform_of_skeletons_refuses_plain_features(transform):
    with pytest.raises(ConfigError, match=f"{transform.name}: needs skeletons"):
        transform(torch.ones(5, 12), RNG)


def test_a_config_rebuilds_the_transform():
    both = Compose([OriginAtBodyCentre(joint=2), RandomRotation(degrees=20)])
    again = transform_from_config(json.loads(json.dumps(both.to_config())))
    assert again.to_config() == both.to_config()
    x = two_persons()
    assert torch.equal(again(x, np.random.default_rng(1)), both(x, np.random.default_rng(1)))


def test_no_transform_is_an_empty_list():
    x = two_persons()
    assert torch.equal(transform_from_config([])(x, RNG), x)


def test_the_recipe_of_the_skeleton_source_can_be_built():
    source = get_source("nucla")
    assert not transform_from_config(source.preprocessing).random
    assert transform_from_config(source.augmentation).random


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"name": "flip"}, "unknown transform 'flip'"),
        ({"name": ["flip"]}, "unknown transform"),
        ({"joint": 1}, "'name'"),
        ("random_rotation", "'name'"),
        ({"name": "random_rotation", "angle": 3}, "unknown argument 'angle'"),
        ({"name": "uniform_sampling", "random": True}, "uniform_sampling: needs the argument 'frames'"),
        ({"name": "random_rotation", "degrees": "many"}, "degrees"),
        ({"name": "random_rotation", "degrees": 400}, "degrees"),
        ({"name": "random_rotation", "degrees": [0, 45]}, "one number or three"),
        ({"name": "random_rotation", "degrees": [0, 400, 0]}, "degrees"),
        ({"name": "origin_at_body_centre", "joint": -1}, "joint"),
        ({"name": "origin_at_body_centre", "joint": 1.5}, "joint"),
        ({"name": "compose", "transforms": 3}, "must be a list"),
    ],
)
def test_a_wrong_config_is_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        transform_from_config(config)


def test_a_rotation_about_one_axis_leaves_that_coordinate_as_it_is():
    x = torch.rand(6, 1, 20, 3)
    turn = RandomRotation([0, 45, 0])
    y = turn(x, np.random.default_rng(1))
    torch.testing.assert_close(y[..., 1], x[..., 1])
    assert (y - x)[..., [0, 2]].abs().max() > 0.01
    assert transform_from_config(turn.to_config()).to_config() == {"name": "random_rotation", "degrees": [0, 45, 0]}


def test_joints_in_a_picture_turn_in_its_plane():
    x = torch.rand(6, 1, 20, 2)
    y = RandomRotation(35.0)(x, np.random.default_rng(3))
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    assert (y - x).abs().max() > 0.01
    assert torch.equal(RandomRotation([0, 45, 0])(x, np.random.default_rng(3)), x)


def test_one_angle_for_all_axes_is_that_angle_for_each():
    x = torch.rand(6, 1, 20, 3)
    one, each = (RandomRotation(d)(x, np.random.default_rng(2)) for d in (35.0, [35, 35, 35]))
    assert torch.equal(one, each)


def test_rotation_turns_every_vector_of_a_joint_alike():
    x = torch.rand(6, 1, 20, 3)
    both = RandomRotation(35.0)(torch.cat([x, 2 * x], dim=-1), np.random.default_rng(0))
    torch.testing.assert_close(both[..., 3:], 2 * both[..., :3])
    torch.testing.assert_close(both[..., :3], RandomRotation(35.0)(x, np.random.default_rng(0)))


def test_rotation_refuses_coordinates_that_are_no_vectors():
    with pytest.raises(ConfigError, match="2 coordinates or vectors of 3, got C = 4"):
        RandomRotation()(torch.rand(6, 1, 20, 4), np.random.default_rng(0))
