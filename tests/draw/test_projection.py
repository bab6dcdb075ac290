"""Flat views of skeletons: upright, from the front, and nobody where nobody is."""

from __future__ import annotations

import numpy as np
import pytest

from attentive_rnn.data import Schema, get_layout, list_layouts
from attentive_rnn.draw import projection, skeletons
from attentive_rnn.draw.charts import new_figure
from data.check.test_skeletons import dataset, standing
from data.generic import made


@pytest.mark.parametrize("layout", list_layouts())
def test_every_layout_can_be_drawn_flat_and_in_space(tmp_path, layout):
    joints = len(get_layout(layout).joints)
    for coordinates in (2, 3):
        frames = made((2, joints, coordinates), layout, counts=(6,))
        flat = projection.flatten(frames[0].sequence.numpy(), frames.schema)
        assert flat.shape == (6, 2, joints, 2)
        assert np.isfinite(flat).all()
    groups = skeletons.bone_groups(frames.schema)
    assert sum(len(bones) for _, bones in groups.values()) == joints - 1


@pytest.mark.parametrize(("up", "sign"), [(0, 1), (1, 1), (1, -1), (2, 1), (2, -1)])
def test_a_standing_body_stands_in_the_picture_with_its_left_on_the_right(up, sign):
    data = dataset(standing(up=up, sign=sign))
    flat = projection.flatten(data[0].sequence.numpy(), data.schema)[:, 0]
    head, left, right, foot = flat[0, [3, 4, 8, 15]]
    assert head[1] > left[1] > foot[1]
    assert left[0] > right[0]


@pytest.mark.parametrize("coordinates", [2, 3])
@pytest.mark.parametrize("layout", [name for name in list_layouts() if get_layout(name).up == "-y"])
def test_poses_of_pictures_stand_upright_however_they_bend(layout, coordinates):
    joints = get_layout(layout).joints
    x = np.zeros((4, 1, len(joints), coordinates), np.float32)
    for v, joint in enumerate(joints):
        heights = {"ankle": 0.9, "heel": 0.95, "foot": 0.95, "toe": 0.95, "knee": 0.7, "hip": 0.5, "belly": 0.35}
        x[..., v, 1] = next((y for word, y in heights.items() if word in joint), 0.2)
        x[..., v, 0] = 0.5 + 0.1 * (("left" in joint) - ("right" in joint))
        x[..., v, 2:] = -2 * (x[..., v, 1:2] < 0.3)  # bent towards the camera by more than the height in the picture
    flat = projection.flatten(x, Schema((), x.shape[1:], layout=layout))[0, 0]
    place = joints.index
    assert flat[place("left shoulder"), 1] > flat[place("left hip"), 1] > flat[place("left ankle"), 1]
    assert flat[place("left ankle"), 0] > flat[place("right ankle"), 0]


@pytest.mark.parametrize("up", ["+y", "+z", "-y"])
def test_a_layout_of_ones_own_is_drawn_with_its_axis_up(up):
    bones = [["Pelvis", "Head"], ["Pelvis", "LFoot"], ["Pelvis", "RFoot"]]
    layout = get_layout({"joints": ["Pelvis", "Head", "LFoot", "RFoot"], "bones": bones, "up": up})
    x = np.full((3, 1, 4, 3), 0.1)
    x[..., "xyz".index(up[1])] += np.array([1.0, 1.8, 0.2, 0.2]) * (1 if up[0] == "+" else -1)
    x[..., 0] += [0, 0, 0.2, -0.2]
    flat = projection.flatten(x, Schema((), (1, 4, 3), layout=layout))[0, 0]
    assert flat[1, 1] > flat[0, 1] > flat[2, 1]
    assert flat[2, 0] > flat[3, 0]


def test_who_is_absent_is_not_drawn():
    x = standing(persons=2)
    x[1, 1] = 0
    flat = projection.flatten(x.numpy(), dataset(x).schema)
    assert np.isnan(flat[1, 1]).all()
    assert np.isfinite(flat[[0, 2, 3]]).all()


def test_frames_are_spread_from_the_first_to_the_last_and_centred():
    points = np.zeros((11, 1, 2, 2))
    points[:, 0, 1] = [2.0, 4.0]
    points += np.arange(11)[:, None, None, None]
    times, centred, reach = projection.spread(points, 6)
    assert times.tolist() == [0, 2, 4, 6, 8, 10]
    np.testing.assert_allclose(centred, np.broadcast_to([[[-1.0, -2.0], [1.0, 2.0]]], (6, 1, 2, 2)))
    assert reach == 2
    assert projection.spread(points[:3], 6)[0].tolist() == [0, 1, 2]


def test_the_clearest_pose_is_upright_and_its_joints_are_apart():
    standing_apart = np.array([[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]])
    standing_close = np.array([[[0.0, 0.0], [0.1, 0.1], [2.0, 4.0]]])
    lying_apart = np.array([[[0.0, 0.0], [3.0, 0.5], [6.0, 1.0]]])
    nobody = np.full((1, 3, 2), np.nan)
    found = projection.clearest_pose([lying_apart, standing_close, nobody, standing_apart])
    np.testing.assert_allclose(found, standing_apart - [1.0, 2.0])
    assert not projection.clearest_pose([nobody]).any()


def test_a_joint_that_is_not_seen_is_not_drawn():
    x = standing()
    x[1, 0, 5] = 0
    flat = projection.flatten(x.numpy(), dataset(x).schema)
    assert np.isnan(flat[1, 0, 5]).all()
    kept = np.isfinite(flat[:, 0]).all(-1)
    assert kept.sum() == kept.size - 1
    whole = projection.flatten(standing().numpy(), dataset(x).schema)
    np.testing.assert_allclose(flat[:, 0][kept], whole[:, 0][kept], atol=1e-6)
    axis = new_figure(2, 2).subplots()
    skeletons.draw_skeletons(axis, flat[1], dataset(x).schema)
    drawn = [segment for lines in axis.collections[:-1] for segment in lines.get_segments()]
    whole_bones = len(get_layout("kinect-20").bones)
    touching = sum(5 in bone for bone in get_layout("kinect-20").bones)
    assert sum(np.isfinite(segment).all() and len(segment) == 2 for segment in drawn) == whole_bones - touching


def test_a_person_of_whom_a_joint_is_never_seen_is_drawn():
    x = standing()
    x[:, 0, 4] = 0
    flat = projection.flatten(x.numpy(), dataset(x).schema)
    assert np.isfinite(flat[:, 0]).all(-1).sum(1).tolist() == [19] * 4
