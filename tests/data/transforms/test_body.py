import pytest
import torch

from attentive_rnn.data import (
    AlignView,
    ConvertLayout,
    RandomRotation,
    Schema,
    SequenceDataset,
    UnitBodySize,
    get_layout,
    list_layouts,
    preprocess,
    transform_from_config,
)
from attentive_rnn.errors import ConfigError
from data.transforms.skeletons import BODIES, RNG, absent, joint, people


@pytest.mark.parametrize("layout", BODIES)
def test_alignment_puts_the_trunk_on_z_and_the_shoulders_across_x(layout):
    x = people(layout=layout)
    y = AlignView(layout)(x, RNG)
    left, right, left_hip, right_hip = (
        y[1, 0, joint(layout, f"{side} {part}")] for part in ("shoulder", "hip") for side in ("left", "right")
    )
    trunk = (left + right - left_hip - right_hip) / 2
    torch.testing.assert_close(trunk[:2], torch.zeros(2), atol=1e-5, rtol=0)
    assert trunk[2] > 0
    assert abs((left - right)[1]) < 1e-5 < (left - right)[0]
    assert torch.equal(absent(y), absent(x))


def test_alignment_is_one_rotation_that_undoes_any_other():
    x = people()
    y = AlignView("kinect-20")(x, RNG)
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    turned = RandomRotation(180.0)(x, RNG)
    torch.testing.assert_close(AlignView("kinect-20")(turned, RNG), y, atol=1e-4, rtol=1e-4)
    back = y.flatten(0, 2)
    rotation = torch.linalg.lstsq(x.flatten(0, 2), back).solution
    torch.testing.assert_close(torch.linalg.det(rotation), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_a_body_without_directions_is_left_as_it_is():
    for x in (torch.zeros(3, 1, 20, 3), torch.ones(3, 1, 20, 3)):
        assert torch.equal(AlignView("kinect-20")(x, RNG), x)
        assert torch.equal(UnitBodySize("kinect-20")(x, RNG), x)


@pytest.mark.parametrize("layout", list_layouts())
def test_bones_of_a_scaled_body_have_a_mean_length_of_one(layout):
    x = people(layout=layout, coordinates=2)
    x[1:, 0] = x[1, 0]
    y = UnitBodySize(layout)(x, RNG)
    bones = torch.tensor(get_layout(layout).bones)
    torch.testing.assert_close((y[1, 0, bones[:, 1]] - y[1, 0, bones[:, 0]]).norm(dim=-1).mean(), torch.tensor(1.0))
    torch.testing.assert_close(y[1, 1] / x[1, 1], y[1, 0] / x[1, 0])
    assert torch.equal(absent(y), absent(x))


def test_what_has_no_body_is_refused():
    with pytest.raises(ConfigError, match="layout hand-21 has no joint 'left shoulder'"):
        AlignView("hand-21")
    for transform in (AlignView("kinect-20"), UnitBodySize("kinect-20")):
        with pytest.raises(ConfigError, match=f"{transform.name}: needs skeletons"):
            transform(torch.ones(4, 60), RNG)
        with pytest.raises(ConfigError, match="with V >= "):
            transform(torch.ones(4, 1, 5, 3), RNG)
    with pytest.raises(ConfigError, match=r"needs skeletons \(T, M, V, 3\)"):
        AlignView("kinect-20")(torch.ones(4, 1, 20, 2), RNG)


def test_joints_are_found_by_their_names():
    x = torch.arange(25.0).reshape(1, 1, 25, 1).expand(2, 3, 25, 3)
    y = ConvertLayout("ntu-25", "kinect-20")(x, RNG)
    ntu, kinect = get_layout("ntu-25").joints, get_layout("kinect-20").joints
    assert y.shape == (2, 3, 20, 3)
    assert [ntu[int(i)] for i in y[0, 0, :, 0]] == list(kinect)


def test_a_synonym_stands_for_a_joint_of_another_name():
    x = torch.arange(20.0).reshape(1, 1, 20, 1).expand(1, 1, 20, 2)
    y = ConvertLayout("kinect-20", "jhmdb-15")(x, RNG)
    kinect = get_layout("kinect-20").joints
    assert [kinect[int(i)] for i in y[0, 0, :3, 0]] == ["shoulder centre", "spine", "head"]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("shrec-22", "hand-21"),
        ("shrec-22", "sfinge-20"),
        ("mediapipe-33", "coco-17"),
        ("openpose-25", "openpose-18"),
        ("openpose-25", "coco-17"),
    ],
)
def test_related_layouts_convert(source, target):
    x = torch.rand(4, 1, len(get_layout(source).joints), 3)
    assert ConvertLayout(source, target)(x, RNG).shape == (4, 1, len(get_layout(target).joints), 3)


def test_what_cannot_be_converted_is_refused():
    with pytest.raises(ConfigError, match="unknown joint layout 'kinect'"):
        ConvertLayout("kinect", "ntu-25")
    with pytest.raises(ConfigError, match="sfinge-20 has no joint for wrist, thumb base of shrec-22"):
        ConvertLayout("sfinge-20", "shrec-22")
    with pytest.raises(ConfigError, match=r"needs skeletons \(T, M, 25, C\) of ntu-25"):
        ConvertLayout("ntu-25", "kinect-20")(torch.rand(4, 1, 20, 3), RNG)
    with pytest.raises(ConfigError, match="the data have the layout None, not ntu-25"):
        ConvertLayout("ntu-25", "kinect-20").schema_after(Schema(("a",), (1, 25, 3)))


def test_a_data_set_is_converted_with_its_schema_by_a_config():
    schema = Schema(("a",), (2, 25, 3), layout="ntu-25")
    data = SequenceDataset([torch.rand(5, 2, 25, 3)], [0], [{}], schema)
    convert = transform_from_config(ConvertLayout("ntu-25", "kinect-20").to_config())
    converted = preprocess(data, convert)
    assert converted.schema == Schema(("a",), (2, 20, 3), layout="kinect-20")
    assert converted[0].sequence.shape == (5, 2, 20, 3)
