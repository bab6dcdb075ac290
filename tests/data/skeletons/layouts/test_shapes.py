import pytest

from attentive_rnn.data.skeletons.layouts import asked_for_layout, fitting_layouts, frame_shape, get_layout
from attentive_rnn.errors import DataError


@pytest.mark.parametrize(
    ("count", "layout", "readings"),
    [
        (132, "mediapipe-33", "1 persons x 33 joints x 4 values .values=4."),
        (100, "ntu-25", "1 persons x 25 joints x 4 values"),
        (102, "coco-17", "3 persons x 17 joints x 2 values"),
        (204, "coco-17", "6 persons x 17 joints x 2 values"),
    ],
)
def test_a_count_of_values_with_two_readings_is_refused_with_both_and_the_option_that_decides(count, layout, readings):
    with pytest.raises(DataError, match=readings) as error:
        frame_shape((count,), layout, "here")
    assert "--option values=N" in str(error.value)


@pytest.mark.parametrize(
    ("count", "layout", "shape"),
    [
        (120, "kinect-20", (2, 20, 3)),
        (34, "coco-17", (1, 17, 2)),
        (51, "coco-17", (1, 17, 3)),
        (99, "mediapipe-33", (1, 33, 3)),
    ],
)
def test_a_count_of_values_with_one_reading_is_read(count, layout, shape):
    assert frame_shape((count,), layout, "here") == shape


def test_the_number_of_values_of_a_joint_is_an_option_or_that_of_the_names():
    assert frame_shape((132,), "mediapipe-33", "here", values=4) == (1, 33, 4)
    assert frame_shape((132,), "mediapipe-33", "here", values=2) == (2, 33, 2)
    names = [f"{axis}{joint}" for joint in range(33) for axis in ("x", "y", "z", "v")]
    assert frame_shape((132,), "mediapipe-33", "here", names=names) == (1, 33, 4)
    names = [f"joint{joint}_{axis}" for joint in range(66) for axis in "xy"]
    assert frame_shape((132,), "mediapipe-33", "here", names=names) == (2, 33, 2)
    names = [f"x{i}" for i in range(66)] + [f"y{i}" for i in range(66)]
    with pytest.raises(DataError, match=r"values=2.* or .*values=4"):
        frame_shape((132,), "mediapipe-33", "here", names=names)
    with pytest.raises(DataError, match="values=3 each"):
        frame_shape((132,), "mediapipe-33", "here", values=3)


def test_frames_with_joints_but_no_layout_ask_for_one():
    (note,) = asked_for_layout((25, 3), "here")
    assert "25 joints of 3 values, ntu-25 or openpose-25; say so with --option layout=ntu-25" in note
    (note,) = asked_for_layout((1, 7, 3), "here")
    assert "--option layout=FILE.yaml" in note
    names = [f"{axis}{i}" for i in range(17) for axis in "xy"]
    (note,) = asked_for_layout((34,), "here", names)
    assert "34 columns may be 17 joints of 2 values, coco-17" in note


@pytest.mark.parametrize(
    ("shape", "names"),
    [((3,), ("x", "y", "z")), ((60,), ()), ((20, 7), ()), ((4, 3), ()), ((15,), ("x", "y", "z") * 5)],
)
def test_features_do_not_ask_for_a_layout(shape, names):
    assert asked_for_layout(shape, "here", names) == []


def test_layouts_of_pictures_fit_two_values_and_those_in_space_four():
    assert fitting_layouts(25, 2) == ["openpose-25"]
    assert fitting_layouts(25, 4) == ["ntu-25"]
    with pytest.raises(DataError, match="20 joints have kinect-20 or sfinge-20: --option layout=kinect-20"):
        frame_shape((20, 3), "ntu-25", "here")


def test_only_a_layout_with_joints_of_these_names_is_proposed():
    def asked(joints):
        names = [f"{joint.replace(' ', '_')}_{axis}" for joint in joints for axis in "xy"]
        return asked_for_layout((len(names),), "here", names)

    known = list(get_layout("coco-17").joints)
    assert "--option layout=coco-17" in asked(known)[0]
    own = ["pelvis", "spine", "thorax", "neck base", "crown", *known[5:]]
    assert "of no known layout" in asked(own)[0]
    assert "--option layout=FILE.yaml" in asked(own)[0]
    assert asked([f"sensor{chr(97 + i)}" for i in range(17)]) == []
