import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn.data import get_layout, list_layouts
from attentive_rnn.data.skeletons.layouts import AXES, joint_map, turn_between

BODIES = ["coco-17", "jhmdb-15", "kinect-20", "mediapipe-33", "ntu-25", "openpose-18", "openpose-25"]


@pytest.mark.parametrize("target", ["kinect-20", "ntu-25", "jhmdb-15"])
@pytest.mark.parametrize("source", BODIES)
def test_a_body_without_a_face_can_be_had_from_every_body(source, target):
    assert joint_map(get_layout(source).joints, get_layout(target).joints).missing == ()


@pytest.mark.parametrize("source", list_layouts())
@pytest.mark.parametrize("target", list_layouts())
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_joint_is_the_mean_of_its_parents_and_moves_with_them(source, target, seed):
    """A conversion is linear, keeps places, and is absent exactly where a joint that counts is."""
    joints, wanted = get_layout(source).joints, get_layout(target).joints
    made = joint_map(joints, wanted)
    if made.missing:
        return
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(2, len(joints), 3)))
    shift = torch.from_numpy(rng.normal(size=3))
    torch.testing.assert_close(made(x + shift), made(x) + shift)
    gone = int(rng.integers(len(joints)))
    holes = x.clone()
    holes[:, gone] = torch.nan
    absent = made(holes).isnan().all(-1)[0]
    assert absent.tolist() == [gone in parents for parents in made.parents]
    assert torch.equal(made(holes)[:, ~absent], made(x)[:, ~absent])


def test_a_part_made_of_several_counts_as_much_as_a_single_one():
    made = joint_map(("hip centre", "left shoulder", "right shoulder"), ("spine",))
    x = torch.tensor([[0.0, 0, 0], [1, 2, 0], [-1, 2, 0]])
    assert made(x).tolist() == [[0.0, 1.0, 0.0]]
    assert made.derived == ("spine = the middle of hip centre, left shoulder and right shoulder",)


def test_a_derived_joint_is_as_sure_as_the_least_sure_of_its_parents():
    made = joint_map(("left hip", "right hip"), ("hip centre",))
    x = torch.tensor([[0.0, 2.0, 0.9], [2.0, 2.0, 0.4]])
    torch.testing.assert_close(made(x, (2, 3)), torch.tensor([[1.0, 2.0, 0.4]]))


@pytest.mark.parametrize("up", AXES)
@pytest.mark.parametrize("wanted", AXES)
def test_a_turn_brings_one_axis_to_the_other_and_mirrors_nothing(up, wanted):
    turn = turn_between(up, wanted, 3)
    if up == wanted:
        assert turn is None
        return
    unit = {axis: (1 if axis[0] == "+" else -1) * torch.eye(3)["xyz".index(axis[1])] for axis in AXES}
    assert torch.equal(turn @ unit[up], unit[wanted])
    assert torch.linalg.det(turn) == 1


def test_what_is_not_known_is_not_turned():
    assert turn_between(None, "+y", 3) is None
    assert turn_between("-y", None, 3) is None
    assert turn_between("+z", "+y", 2) is None
