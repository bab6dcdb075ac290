import json

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.data.skeletons.layouts import get_layout
from attentive_rnn.training.automatic import choose
from attentive_rnn.training.mirror import mirroring

LEFT_HAND, RIGHT_HAND = 7, 11  # of kinect-20


def bodies(count, axis=0, seed=0):
    """Standing people, (count, 12, 1, 20, 3): their left and right joints lie apart along an axis, as in a picture."""
    layout = get_layout("kinect-20")
    found = torch.randn(count, 12, 1, 20, 3, generator=torch.Generator().manual_seed(seed)) / 20
    for left, right in layout.pairs:
        found[..., left, axis] -= 1
        found[..., right, axis] += 1
    return found


def moves(found, rows, joint, axis, way):
    """Let one joint, or each of several, go two units along an axis."""
    for one in [joint] if isinstance(joint, int) else joint:
        found[rows, :, 0, one, axis] += way * torch.linspace(0, 2, 12)


def dataset(frames, labels, classes=("first", "second")):
    return SequenceDataset(list(frames), labels, [{}] * len(labels), Schema(classes, (1, 20, 3), layout="kinect-20"))


def test_swipes_to_the_left_and_to_the_right_are_not_mirrored():
    frames = bodies(40)
    moves(frames, slice(0, 40, 2), RIGHT_HAND, 0, 1)  # the right hand goes out to the right
    moves(frames, slice(1, 40, 2), LEFT_HAND, 0, -1)  # its mirror image: the left hand goes out to the left
    assert mirroring(dataset(frames, [0, 1] * 20)) is None


def test_one_class_that_looks_like_the_mirror_image_of_another_is_enough():
    frames = bodies(60)
    moves(frames, slice(0, 60, 3), RIGHT_HAND, 0, 1)
    moves(frames, slice(1, 60, 3), LEFT_HAND, 0, -1)
    moves(frames, slice(2, 60, 3), [LEFT_HAND, RIGHT_HAND], 1, 1)
    assert mirroring(dataset(frames, [0, 1, 2] * 20, ("right", "left", "up"))) is None


@pytest.mark.parametrize("axis", [0, 2])
def test_lifting_and_lowering_both_hands_are_mirrored_from_side_to_side(axis):
    frames = bodies(40, axis)
    moves(frames, slice(0, 40, 2), [LEFT_HAND, RIGHT_HAND], 1, 1)
    moves(frames, slice(1, 40, 2), [LEFT_HAND, RIGHT_HAND], 1, -1)
    step = {"name": "flip_left_right", "layout": "kinect-20", "probability": 0.5, "axis": axis}
    assert mirroring(dataset(frames, [0, 1] * 20)) == step


@pytest.mark.parametrize("name", ["swipe left", "arm_Right_up", "draw circle (clockwise)"])
def test_a_class_that_is_named_after_a_side_is_not_mirrored(name):
    frames = bodies(40)
    moves(frames, slice(0, 40, 2), [LEFT_HAND, RIGHT_HAND], 1, 1)
    assert mirroring(dataset(frames, [0, 1] * 20, ("leftover", "outright"))) is not None
    assert mirroring(dataset(frames, [0, 1] * 20, (name, "rest"))) is None


def test_nothing_is_mirrored_where_the_classes_cannot_be_told_or_the_layout_has_no_sides():
    assert mirroring(dataset(bodies(40), torch.arange(40).remainder(8).tolist(), tuple("abcdefgh"))) is None
    hand = Schema(("a", "b"), (1, 20, 3), layout="sfinge-20")
    frames = torch.rand(8, 5, 1, 20, 3)
    assert mirroring(SequenceDataset(list(frames), [0, 1] * 4, [{}] * 8, hand)) is None


def test_a_class_of_one_sequence_and_sequences_without_a_label_are_no_obstacle():
    frames = bodies(41)
    moves(frames, slice(0, 40, 2), [LEFT_HAND, RIGHT_HAND], 1, 1)
    labels = [0, 1] * 19 + [-1, -1, 2]
    assert mirroring(dataset(frames, labels, ("up", "rest", "once"))) is not None


def test_the_automatic_recipe_mirrors_bodies_and_says_so(tmp_path):
    frames = bodies(40)
    moves(frames, slice(0, 40, 2), [LEFT_HAND, RIGHT_HAND], 1, 1)
    schema = json.dumps(Schema(("up", "rest"), (1, 20, 3), layout="kinect-20").to_dict())
    np.savez(tmp_path / "lifts.npz", x=frames.numpy(), y=np.arange(40) % 2, schema=schema)
    choice = choose([("data.path", str(tmp_path / "lifts.npz"))])
    assert choice.config.data.augmentation[0]["name"] == "flip_left_right"
    assert "joints (1 person, kinect-20), mirrored too: " in choice.why
