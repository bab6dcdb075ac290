import pytest

from attentive_rnn.data import get_layout, list_layouts
from attentive_rnn.data.skeletons.layouts import frame_shape
from attentive_rnn.errors import ConfigError, DataError


@pytest.mark.parametrize("name", list_layouts())
def test_the_bones_of_a_layout_join_every_joint_to_the_first_without_a_ring(name):
    layout = get_layout(name)
    reached = {layout.bones[0][0]}
    for parent, child in layout.bones:
        assert parent in reached
        assert child not in reached
        reached.add(child)
    assert reached == set(range(len(layout.joints)))
    assert len(set(layout.joints)) == len(layout.joints)
    assert layout.name == name


def test_the_centre_of_the_kinect_layout_is_the_spine():
    layout = get_layout("kinect-20")
    assert len(layout.joints) == 20
    assert layout.joints[layout.centre] == "spine"


def test_an_unknown_layout_is_refused_with_the_known_names():
    with pytest.raises(ConfigError, match="kinect-20"):
        get_layout("../kinect")


@pytest.mark.parametrize("name", list_layouts())
def test_every_joint_of_one_side_has_its_partner_on_the_other(name):
    layout = get_layout(name)
    sided = {i for i, joint in enumerate(layout.joints) if joint.startswith(("left ", "right "))}
    assert sorted(i for pair in layout.pairs for i in pair) == sorted(sided)
    assert bool(sided) != name.startswith(("hand", "shrec", "sfinge"))
    # the bones of the two sides are alike
    mirror = {a: b for pair in layout.pairs for a, b in (pair, pair[::-1])}
    bones = set(layout.bones)
    assert {(mirror.get(a, a), mirror.get(b, b)) for a, b in bones} == bones


@pytest.mark.parametrize("name", list_layouts())
def test_a_layout_has_as_many_joints_as_its_name_says(name):
    layout = get_layout(name)
    assert len(layout.joints) == int(name.split("-")[1])
    assert 0 <= layout.centre < len(layout.joints)


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
