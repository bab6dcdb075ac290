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
