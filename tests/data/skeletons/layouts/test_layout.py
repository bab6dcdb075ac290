import json

import pytest
import yaml

from attentive_rnn.data import Schema, get_layout, list_layouts, read_sequences
from attentive_rnn.data.skeletons.layouts import known_layout, plain_name
from attentive_rnn.errors import ConfigError

OWN = {
    "joints": ["Pelvis", "Chest", "Head", "LHand", "RHand"],
    "bones": [["Chest", "Pelvis"], ["Head", "Chest"], ["LHand", "Chest"], ["RHand", "Chest"]],
}


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


@pytest.mark.parametrize("name", list_layouts())
def test_a_layout_is_the_same_after_it_was_written_and_read(name, tmp_path):
    layout = get_layout(name)
    path = tmp_path / "other.json"
    path.write_text(json.dumps(layout.to_dict()))
    assert get_layout(str(path)) == layout
    assert [plain_name(joint) for joint in layout.joints] == list(layout.joints)


def test_joints_and_bones_in_a_file_are_a_layout(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.dump(OWN | {"up": "-y", "unit": "pixels", "coordinates": 2}))
    layout = get_layout(str(path))
    assert layout.joints == ("pelvis", "chest", "head", "left hand", "right hand")
    assert layout.pairs == ((3, 4),)
    assert (layout.name, layout.up, layout.unit, layout.coordinates) == ("mine", "-y", "pixels", 2)
    assert layout.bones == ((0, 1), (1, 2), (1, 3), (1, 4))  # away from the centre, whatever their order in the file
    assert layout.centre == 0
    assert get_layout(OWN | {"pairs": [["Head", "Chest"]], "centre": 2}).pairs == ((2, 1),)
    assert known_layout("kinect-20") == "kinect-20"


def test_a_layout_of_ones_own_is_part_of_a_schema():
    schema = Schema(("a",), (1, 5, 3), layout=get_layout(OWN))
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))
    assert again == schema
    assert again.layout.joints[0] == "pelvis"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": None}, "joints must be the names"),
        ({"joints": ["Pelvis", "Pelvis"]}, "two joints are called 'Pelvis'"),
        ({"joints": ["Pelvis", True]}, "the name of joint 1 must be a text"),
        ({"bones": "Pelvis"}, "bones must be pairs"),
        ({"bones": [["Pelvis", "Chst"]]}, "no joint is called 'Chst'; 'Chest' is"),
        ({"bones": [["Pelvis", "Chest"]]}, "no bones join 'head', 'left hand', 'right hand' to 'pelvis'"),
        ({"bones": [*OWN["bones"], ["Pelvis", "Head"]]}, "bones must not close a ring"),
        ({"bones": [*OWN["bones"][:3], ["Pelvis", "Head"]]}, "bones must not close a ring, but one does at"),
        ({"title": ["a"]}, "title must be a text"),
        ({"bones": [[["Pelvis"], "Chest"]]}, "a joint must be its name, got list"),
        ({"up": "y"}, "up must be"),
        ({"unit": "feet"}, "unit must be"),
        ({"coordinates": 4}, "coordinates must be"),
        ({"color": "red"}, "unknown key 'color'"),
    ],
)
def test_a_file_that_is_no_layout_is_refused_by_its_key(tmp_path, change, message):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.dump(OWN | change))
    with pytest.raises(ConfigError, match=f"mine.yaml: .*{message}"):
        get_layout(str(path))


def test_a_file_that_is_missing_or_no_yaml_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"mine.yaml: there is no such file"):
        get_layout(str(tmp_path / "mine.yaml"))
    (tmp_path / "mine.yaml").write_text("joints: [a]\nbones: ]")
    with pytest.raises(ConfigError, match=r"mine.yaml, line 2: is not YAML"):
        get_layout(str(tmp_path / "mine.yaml"))
    (tmp_path / "list.yaml").write_text("- a")
    with pytest.raises(ConfigError, match=r"list.yaml: a joint layout has the keys joints and bones"):
        get_layout(str(tmp_path / "list.yaml"))
    with pytest.raises(ConfigError, match="did you mean 'kinect-20'"):
        get_layout("kinect-25")


def test_a_table_is_read_in_a_layout_of_ones_own(tmp_path):
    (tmp_path / "mine.yaml").write_text(yaml.dump(OWN))
    columns = [f"{joint}_{axis}" for joint in OWN["joints"] for axis in "xyz"]
    rows = [["sequence", "label", *columns], *[["a", "up", *map(str, range(15))] for _ in range(3)]]
    (tmp_path / "data.csv").write_text("\n".join(",".join(row) for row in rows))
    data = read_sequences(tmp_path / "data.csv", layout=str(tmp_path / "mine.yaml"))
    assert data.schema.shape == (1, 5, 3)
    assert data.schema.layout == known_layout(str(tmp_path / "mine.yaml"))
