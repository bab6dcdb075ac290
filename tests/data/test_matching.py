"""Any data set is brought to a model's schema by name, joint or count, or refused with both sides named."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from attentive_rnn.data import ConvertLayout, ImageDataset, Schema, SequenceDataset, get_layout, load, match
from attentive_rnn.data.text.words import encode
from attentive_rnn.errors import DataError, DataWarning

XYZ = Schema(("a", "b"), (3,), features=("x", "y", "z"))
KINECT = Schema(("sit",), (1, 20, 3), layout="kinect-20")


def _data(schema, *sequences, labels=None):
    return SequenceDataset(sequences, labels or [-1] * len(sequences), [{}] * len(sequences), schema, "mine")


def test_a_data_set_that_fits_is_left_as_it_is():
    train, _ = load("basic-motions")
    assert match(train, train.schema) is train


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_columns_with_names_may_come_in_any_order(order):
    frames = torch.randn(5, 3)
    found = replace(XYZ, features=tuple(XYZ.features[i] for i in order))
    matched = match(_data(found, frames[:, list(order)]), XYZ)
    assert matched.schema == XYZ
    assert torch.equal(matched.sequences[0], frames)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("x", "y", "q"), "missing z; unknown q"),
        (("x", "y"), "missing z"),
        (("", "x", "y", "z"), r"unknown ''"),
        (("x", "y", "z", "t"), r"unknown t \(leave them out with --option features=\[x,y,z\]\)"),
        (("x", "x", "y"), "the data has two features of the name 'x'"),
        (tuple(f"v{i}" for i in range(12)), "missing x, y, z; unknown v0, .*, v7 and 4 more"),
    ],
)
def test_missing_and_unknown_names_are_one_error(names, said):
    data = _data(Schema((), (len(names),), features=names), torch.zeros(2, len(names)))
    with pytest.raises(DataError, match=f"mine: .*{said}"):
        match(data, XYZ, takes=("features",))


def test_names_may_differ_in_case_and_spaces():
    frames = torch.randn(4, 3)
    data = _data(replace(XYZ, features=(" Z", "Y ", "X")), frames)
    assert torch.equal(match(data, XYZ).sequences[0], frames[:, [2, 1, 0]])


@pytest.mark.parametrize("names", [(), ("column 2", "column 3", "column 4")])
def test_without_names_the_count_decides(names):
    frames = torch.randn(4, 3)
    assert torch.equal(match(_data(Schema((), (3,), features=names), frames), XYZ).sequences[0], frames)
    assert torch.equal(match(_data(XYZ, frames), Schema((), (3,), features=names)).sequences[0], frames)
    with pytest.raises(DataError, match=r"mine: frames are \(4,\), but the model takes \(3,\): x, y, z"):
        match(_data(Schema((), (4,)), torch.zeros(2, 4)), XYZ)


@pytest.mark.parametrize("shape", [(20, 3), (60,), (1, 20, 3)])
def test_one_person_is_known_in_any_shape(shape):
    frames = torch.randn(4, *shape)
    matched = match(_data(Schema((), shape), frames), KINECT)
    assert torch.equal(matched.sequences[0], frames.reshape(4, 1, 20, 3))


def test_joints_of_another_layout_are_taken_by_name():
    frames = torch.randn(4, 1, 25, 3)
    matched = match(_data(Schema((), (1, 25, 3), layout="ntu-25"), frames), KINECT)
    names = get_layout("ntu-25").joints
    for v, name in enumerate(get_layout("kinect-20").joints):
        other = {"shoulder centre": "neck"}.get(name, name)
        place = names.index(name) if name in names else names.index(other)
        assert torch.equal(matched.sequences[0][:, 0, v], frames[:, 0, place]), name
    assert torch.equal(matched.sequences[0], ConvertLayout("ntu-25", "kinect-20")(frames, None))
    with pytest.raises(DataError, match=r"mine: kinect-20 has no joint for nose, .* and 7 more of mediapipe-33"):
        match(_data(KINECT, torch.zeros(2, 1, 20, 3)), Schema((), (1, 33, 3), layout="mediapipe-33"))


def test_joints_that_a_layout_lacks_are_made_of_others_and_named():
    frames = torch.randn(4, 1, 33, 3)
    names = get_layout("mediapipe-33").joints
    frames[1, 0, names.index("left hip")] = 0
    matched = match(_data(Schema((), (1, 33, 3), layout="mediapipe-33"), frames), KINECT)
    kinect, place = get_layout("kinect-20").joints, names.index
    hips = frames[:, 0, [place("left hip"), place("right hip")]].mean(1)
    shoulders = frames[:, 0, [place("left shoulder"), place("right shoulder")]].mean(1)
    hips[1] = 0  # absent with one of the two
    made = matched.sequences[0][:, 0]
    torch.testing.assert_close(made[:, kinect.index("hip centre")], hips)
    torch.testing.assert_close(made[:, kinect.index("shoulder centre")], shoulders)
    spine = made[:, kinect.index("spine")]
    torch.testing.assert_close(spine[0], (hips[0] + shoulders[0]) / 2)
    assert not spine[1].any()
    assert torch.equal(made[:, kinect.index("left hip")], frames[:, 0, place("left hip")])
    (note,) = matched.notes
    assert "hip centre = the middle of left hip and right hip" in note


def test_bodies_are_turned_to_the_axis_that_points_up_in_training():
    upright = replace(KINECT, up="+y")
    frames = torch.randn(3, 1, 33, 3)
    matched = match(_data(Schema((), (1, 33, 3), layout="mediapipe-33"), frames), upright)
    plain = match(_data(Schema((), (1, 33, 3), layout="mediapipe-33"), frames), KINECT)
    assert torch.equal(matched.sequences[0], plain.sequences[0] * torch.tensor([-1.0, -1.0, 1.0]))
    assert "turned so that +y is up, as in training, not -y" in matched.notes[-1]
    same = match(_data(replace(KINECT, up="+z"), torch.ones(2, 1, 20, 3)), upright)
    assert torch.equal(same.sequences[0][0, 0, 0], torch.tensor([1.0, 1.0, -1.0]))
    known = _data(KINECT, torch.ones(2, 1, 20, 3))
    assert match(known, upright).sequences[0] is known.sequences[0]  # nothing says which axis is up


def test_depth_is_not_made_up_for_a_picture():
    picture = Schema((), (1, 17, 3), layout="coco-17", coordinates=2)
    with pytest.raises(DataError, match="the depth of a joint cannot be told from a picture"):
        match(_data(picture, torch.ones(2, 1, 17, 3)), KINECT)
    flat = Schema(("a",), (1, 20, 2), layout="kinect-20")
    pixels = Schema((), (1, 17, 2), layout="coco-17")
    assert match(_data(pixels, torch.ones(2, 1, 17, 2)), flat).sequences[0].shape == (2, 1, 20, 2)


def test_a_confidence_is_no_third_coordinate():
    mediapipe = Schema((), (1, 33, 3), layout="mediapipe-33")
    coco = Schema((), (1, 17, 3), layout="coco-17", coordinates=2)
    with pytest.raises(DataError, match="a joint has 3 coordinates in 3 numbers, but the model takes 2 in 3"):
        match(_data(mediapipe, torch.ones(2, 1, 33, 3)), coco)
    sure = replace(mediapipe, coordinates=2)
    assert match(_data(sure, torch.ones(2, 1, 33, 3)), coco).sequences[0].shape == (2, 1, 17, 3)
    # A model of before does not say which number is what.
    old = replace(coco, coordinates=None)
    assert match(_data(coco, torch.ones(2, 1, 17, 3)), old).sequences[0].shape == (2, 1, 17, 3)


def test_a_joint_that_is_not_seen_stays_so_in_another_layout():
    frames = torch.randn(4, 1, 25, 3)
    frames[:, 0, 7] = 0
    frames[1, 0, 3] = 0
    data = _data(Schema((), (1, 25, 3), layout="ntu-25"), frames)
    data.presence = [torch.ones(4, 1, 25, dtype=torch.bool)]
    data.presence[0][:, 0, 7] = False  # the left hand; the head is seen at exactly zero
    matched = match(data, KINECT)
    seen = matched.presence[0]
    assert seen is not None
    assert not seen[:, 0, 7].any()
    assert seen[:, 0, 3].all()
    assert torch.equal(matched.sequences[0], ConvertLayout("ntu-25", "kinect-20")(frames, None))


def test_layouts_are_compared_though_the_shapes_are_equal():
    with pytest.raises(DataError, match="sfinge-20 has no joint for hip centre"):
        match(_data(Schema((), (1, 20, 3), layout="sfinge-20"), torch.ones(2, 1, 20, 3)), KINECT)


def test_a_person_who_is_not_there_is_zeros():
    frames = torch.randn(4, 1, 20, 3)
    matched = match(_data(KINECT, frames), replace(KINECT, shape=(2, 20, 3)))
    assert torch.equal(matched.sequences[0][:, :1], frames)
    assert not matched.sequences[0][:, 1].any()


@pytest.mark.parametrize("who", [0, 1])
def test_persons_who_are_never_there_are_left_out(who):
    frames = torch.zeros(4, 2, 20, 3)
    frames[1:, who] = torch.randn(3, 20, 3)
    data = _data(replace(KINECT, shape=(2, 20, 3)), frames)
    assert torch.equal(match(data, KINECT).sequences[0], frames[:, [who]])


def test_more_persons_than_the_model_takes_are_an_error_with_the_option():
    data = _data(replace(KINECT, shape=(2, 20, 3)), torch.ones(4, 2, 20, 3))
    with pytest.raises(
        DataError, match=r"mine: sequence 0: 2 persons are present, but .* takes 1; choose with --option"
    ):
        match(data, KINECT, takes=("persons",))


@pytest.mark.parametrize("shape", [(1, 20, 2), (1, 25, 3), (3, 20), (61,)])
def test_other_skeletons_are_refused(shape):
    with pytest.raises(DataError, match=r"but the model takes \(1, 20, 3\) \(kinect-20\)"):
        match(_data(Schema((), shape), torch.zeros(2, *shape)), KINECT)


def test_columns_of_a_skeleton_are_matched_by_their_names_too():
    names = tuple(f"{joint} {axis}" for joint in get_layout("kinect-20").joints for axis in "xyz")
    order = torch.randperm(60).tolist()
    frames = torch.randn(4, 60)
    found = replace(KINECT, features=tuple(names[i] for i in order))
    data = _data(found, frames[:, order].reshape(4, 1, 20, 3))
    assert torch.equal(match(data, replace(KINECT, features=names)).sequences[0], frames.reshape(4, 1, 20, 3))


def test_labels_are_those_of_the_model_and_an_unknown_one_is_named():
    data = _data(Schema(("b", "c", "a"), (3,)), *[torch.zeros(1, 3)] * 4, labels=[0, 1, 2, 1])
    with pytest.warns(DataWarning, match=r"mine: the label 'c' \(2 sequences\) is none of the model's classes: a, b"):
        assert match(data, XYZ).labels.tolist() == [1, -1, 0, -1]
    with pytest.raises(DataError, match="the label 'c'"):
        match(data, XYZ, strict=True)
    # A class that no sequence has is no mistake.
    assert match(data.subset([0, 2]), XYZ, strict=True).labels.tolist() == [1, 0]


def test_numbers_are_no_classes():
    data = _data(Schema((), (3,), target="number"), torch.zeros(1, 3), labels=[0.5])
    with pytest.warns(DataWarning, match="the labels are numbers, but the model predicts classes"):
        assert match(data, XYZ).labels.tolist() == [-1]
    with pytest.raises(DataError, match="the labels are numbers"):
        match(data, XYZ, strict=True)


@pytest.mark.parametrize(("here", "there", "times"), [("millimetres", "metres", 1e-3), ("metres", "centimetres", 100)])
def test_lengths_are_brought_to_the_unit_of_the_model_and_that_is_said(here, there, times):
    x = torch.randn(4, 1, 20, 3)
    x[1, 0, 3] = 0
    matched = match(_data(replace(KINECT, units=here), x), replace(KINECT, units=there))
    torch.testing.assert_close(matched.sequences[0], x * times)
    assert matched.notes == (f"mine: coordinates in {here} are taken as {there}, as in training",)
    assert not matched.marked(0)[1, 0, 3].isfinite().any()


def test_a_confidence_has_no_unit():
    pose = Schema(("sit",), (1, 17, 3), layout="coco-17", coordinates=2)
    matched = match(_data(replace(pose, units="millimetres"), torch.ones(2, 1, 17, 3)), replace(pose, units="metres"))
    torch.testing.assert_close(matched.sequences[0][0, 0, 0], torch.tensor([0.001, 0.001, 1.0]))


def test_units_of_different_things_are_refused_with_both_and_the_option():
    data = _data(replace(KINECT, units="pixels"), torch.ones(2, 1, 20, 3))
    with pytest.raises(DataError, match=r"are in pixels, but the model was trained with metres; --option units=metres"):
        match(data, replace(KINECT, units="metres"), takes=("units",))
    assert match(replace_units(data, None), replace(KINECT, units="metres")).notes == ()


def replace_units(data, units):
    data.schema = replace(data.schema, units=units)
    return data


def test_columns_whose_names_have_another_unit_are_converted():
    wanted = Schema((), (3,), features=("knee [rad]", "x (mm)", "t"))
    found = Schema((), (3,), features=("t", "Knee (deg)", "x [m]"))
    matched = match(_data(found, torch.tensor([[7.0, 180.0, 0.5]])), wanted)
    torch.testing.assert_close(matched.sequences[0], torch.tensor([[torch.pi, 500.0, 7.0]]))
    assert matched.notes == ("mine: Knee (deg) is taken as knee [rad], as in training, and 1 more alike",)
    with pytest.raises(DataError, match=r"missing knee \[rad\], .*; unknown knee \[m\]"):
        match(_data(Schema((), (3,), features=("t", "knee [m]", "x [deg]")), torch.ones(1, 3)), wanted)


def test_another_rate_is_refused_where_an_option_can_say_otherwise():
    data = _data(replace(XYZ, rate=60.0), torch.zeros(2, 3))
    with pytest.raises(DataError, match=r"60 frames per second, .* trained with 30; .* --option rate=30"):
        match(data, replace(XYZ, rate=30.0), takes=("rate",))


def test_another_rate_is_warned_of():
    data = _data(replace(XYZ, rate=60.0), torch.zeros(2, 3))
    with pytest.warns(DataWarning, match="mine: has 60 frames per second, but the model was trained with 30"):
        match(data, replace(XYZ, rate=30.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        match(data, XYZ)
        match(data, replace(XYZ, rate=59.94))


def test_words_become_those_of_the_model():
    own, wanted = ("<unknown>", "good", "bad"), ("<unknown>", "bad", "fine")
    text = encode([["good", "bad", "bad"]], own)
    data = _data(Schema(("neg",), (1,), vocabulary=own), *text)
    assert match(data, Schema(("neg",), (1,), vocabulary=wanted)).sequences[0].flatten().tolist() == [0, 1, 1]
    with pytest.raises(DataError, match="holds words, but the model reads numbers"):
        match(data, Schema(("neg",), (1,)))


def test_images_must_be_those_of_the_model():
    schema = Schema(("a", "b"), (3, 4, 4), medium="image")
    images = ImageDataset(np.zeros((3, 4, 4, 3), np.uint8), [0, 1, -1], schema, name="pictures")
    turned = match(images, replace(schema, classes=("b", "c", "a")), strict=True)
    assert turned.labels.tolist() == [2, 0, -1]
    assert images.labels.tolist() == [0, 1, -1]
    with pytest.raises(DataError, match=r"pictures: the label 'b' \(1 sequence\) is none of the model's classes: a"):
        match(images, replace(schema, classes=("a",)), strict=True)
    with pytest.raises(DataError, match=r"pictures: its shape is \(3, 4, 4\), but that of the model is \(3, 8, 8\)"):
        match(images, replace(schema, shape=(3, 8, 8)))
    with pytest.raises(DataError, match="holds items of the kind sequence, but the model takes image"):
        match(_data(XYZ, torch.zeros(1, 3)), schema)


@pytest.mark.parametrize(
    ("known", "found", "labels"),
    [
        (("1", "2"), ("1.0", "2.0"), [0, 1]),  # floats, as pandas writes a column with gaps
        (("1.0", "2.0"), ("1", "2"), [0, 1]),
        (("01", "02"), ("1", "2"), [0, 1]),
        (("1", "01"), ("1.0", "01"), [-1, 1]),  # two classes are that number
        (("1", "two"), ("1.5", "two"), [-1, 1]),
        (("-1", "1"), ("-1.0", "+1"), [0, 1]),
    ],
)
def test_classes_that_are_numbers_are_matched_however_they_are_written(known, found, labels):
    data = SequenceDataset([torch.ones(2, 1)] * 2, [0, 1], [{}] * 2, Schema(found, (1,)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if -1 in labels else "error")
        assert match(data, Schema(known, (1,))).labels.tolist() == labels
