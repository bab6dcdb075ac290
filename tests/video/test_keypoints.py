"""A network of boxes and key points from an .onnx file: places, scores, layouts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import onnx
from attentive_rnn import SequenceClassifier
from attentive_rnn.cli import main
from attentive_rnn.data import Compose, Schema, read_sequences
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.streaming.pipeline import Pipeline
from attentive_rnn.training import SavedModel
from attentive_rnn.video.keypoints import OnnxPose
from films import write_film
from onnx import TensorProto, helper, numpy_helper

JOINTS, SIDE = 17, 64  # of the network; its picture is 64 x 64


def write_network(path, boxes=5, joints=JOINTS, layout=None, kind=TensorProto.FLOAT, dimension=(1,), first=0.9):
    """A network that finds three people, whose scores are `first`, 0.2 and 0.8.

    The key points of the first one lie from the brightest column of red to the right, at y 32; of the others from 10
    and 20, at the same y.
    """
    nodes = [
        helper.make_node("Cast", ["picture"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["x", "zero", "one", "channel"], ["red"]),
        helper.make_node("ReduceSum", ["red", "rows"], ["columns"], keepdims=0),  # (1, 64)
        helper.make_node("ArgMax", ["columns"], ["at"], axis=1, keepdims=1),
        helper.make_node("Cast", ["at"], ["place"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["place", "share"], ["moved"]),
        helper.make_node("Add", ["moved", "base"], ["plain"]),
        helper.make_node("Reshape", ["plain", "shape"], ["keypoints"]),
        helper.make_node("Reshape", ["known", "boxes_shape"], ["boxes"]),
    ]
    share, base = np.zeros((3, joints, 3), np.float32), np.zeros((3, joints, 3), np.float32)
    share[0, :, 0] = 1
    base[:, :, 1] = np.array([32, 10, 20])[:, None]
    base[1:, :, 0] = np.array([10, 20])[:, None]
    base[:, :, 0] += np.arange(joints)
    base[:, :, 2] = np.array([first, 0.2, 0.8])[:, None]
    known = np.zeros((3, boxes), np.float32)
    if boxes > 4:
        known[:, 4] = [first, 0.2, 0.8]
    values = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "channel": np.array([1]),
        "rows": np.array([1, 2]),
        "share": share,
        "base": base,
        "known": known,
        "shape": np.array([*dimension, 3, joints, 3]),
        "boxes_shape": np.array([*dimension, 3, boxes]),
    }
    graph = helper.make_graph(
        nodes,
        "people",
        [helper.make_tensor_value_info("picture", kind, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("boxes", "keypoints")],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if layout is not None:
        helper.set_model_props(network, {"layout": layout})
    onnx.save(network, path)
    return path


def bright(column, height=48, width=96):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, column : column + 3, 0] = 200
    return image


@pytest.mark.parametrize("boxes", [4, 5])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
@pytest.mark.parametrize("dimension", [(), (1,)])
def test_people_are_where_the_network_says_in_units_of_the_height(tmp_path, boxes, kind, dimension):
    find = OnnxPose(write_network(tmp_path / "n.onnx", boxes, kind=kind, dimension=dimension), people=2)
    assert (find.layout, find.name, find.depth) == ("coco-17", "n.onnx", False)
    first, second = find(bright(60))  # 96 x 48 is scaled to 64 x 32
    assert first.joints.shape == (17, 3)
    assert first.joints[:, 0] == pytest.approx(61 / 48 + np.arange(17) / 32, abs=0.04)
    assert first.joints[:, 1] == pytest.approx(np.full(17, 1.0), abs=1e-6)
    assert second.joints[0] == pytest.approx([20 / 32, 20 / 32, 0], abs=1e-6)
    assert [first.confidence[0], second.confidence[0]] == pytest.approx([0.9, 0.8])
    assert first.world is None
    again = find(bright(58))
    assert [person.track for person in again] == [first.track, second.track] == [0, 1]


def test_the_surest_come_first_and_the_unsure_never(tmp_path):
    network = write_network(tmp_path / "n.onnx", first=0.1)
    assert [person.confidence[0] for person in OnnxPose(network, people=3)(bright(3))] == pytest.approx([0.8])


def test_the_file_may_name_the_layout(tmp_path):
    assert OnnxPose(write_network(tmp_path / "n.onnx", joints=20, layout="kinect-20")).layout == "kinect-20"
    for joints, layout, message in [(19, None, "19 key points"), (17, "kinect-20", "not those of kinect-20")]:
        with pytest.raises(ConfigError, match=message):
            OnnxPose(write_network(tmp_path / "n.onnx", joints=joints, layout=layout))


def test_what_is_no_such_network_is_refused(tmp_path, onnx_file):
    with pytest.raises(ConfigError, match="a pose network gives boxes"):
        OnnxPose(onnx_file)
    with pytest.raises(ConfigError, match="people must be 1 or more"):
        OnnxPose(onnx_file, people=0)
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(DataError, match=r"bad\.onnx: ONNX Runtime cannot read it"):
        OnnxPose(tmp_path / "bad.onnx")


def test_poses_without_depth_are_written_without_it_and_refused_by_models_of_space(tmp_path):
    network = write_network(tmp_path / "n.onnx")
    film, out = write_film(tmp_path / "a.mp4", np.stack([bright(60)] * 4)), tmp_path / "poses.npz"
    assert main(["pose", str(film), str(out), "--pose-model", str(network)]) == 0
    data = read_sequences(out)
    assert (data.schema.layout, data.schema.shape) == ("coco-17", (1, 17, 2))
    assert data.sequences[0][-1, 0, 0].tolist() == pytest.approx([61 / 48, 1.0], abs=0.08)
    plane, space = (
        SavedModel(
            SequenceClassifier(17 * c, 2, 6).eval(), Schema(("a", "b"), (1, 17, c), layout="coco-17"), Compose([])
        )
        for c in (2, 3)
    )
    assert len(Pipeline(plane, pose=OnnxPose(network)).push(bright(60))[0]) == 1
    with pytest.raises(ConfigError, match=r"takes x, y and z of a joint; n\.onnx finds x and y only"):
        Pipeline(space, pose=OnnxPose(network))
