import numpy as np
import pytest
import torch

from attentive_rnn.data import ConvertLayout, Schema, SequenceDataset, get_layout, preprocess, transform_from_config
from attentive_rnn.errors import ConfigError

RNG = np.random.default_rng(0)


def test_joints_are_found_by_their_names():
    x = torch.arange(25.0).reshape(1, 1, 25, 1).expand(2, 3, 25, 3)
    y = ConvertLayout("ntu-25", "kinect-20")(x, RNG)
    ntu, kinect = get_layout("ntu-25").joints, get_layout("kinect-20").joints
    assert y.shape == (2, 3, 20, 3)
    assert [ntu[int(i)] for i in y[0, 0, :, 0]] == list(kinect)


def test_a_synonym_stands_for_a_joint_of_another_name():
    with pytest.raises(ConfigError, match="coco-17 has no joint for neck, belly, face of jhmdb-15"):
        ConvertLayout("coco-17", "jhmdb-15")
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
    with pytest.raises(ConfigError, match="hand-21 has no joint for palm of shrec-22"):
        ConvertLayout("hand-21", "shrec-22")
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
