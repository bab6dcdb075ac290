import pytest

from attentive_rnn.data import get_layout, list_layouts
from attentive_rnn.errors import ConfigError


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
