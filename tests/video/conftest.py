"""A network in a file, for the tests of extractors and of features."""

import pytest

import onnx
from onnx import TensorProto, helper


@pytest.fixture
def onnx_file(tmp_path):
    """Average pooling over 16 x 16 pixels, (B, 3, H, W) to (B, 3, H / 16, W / 16)."""
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[16, 16], strides=[16, 16])
    value = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 3, f"{name}H", f"{name}W"]) for name in ("x", "y")
    ]
    graph = helper.make_graph([node], "pool", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "pool.onnx"
    onnx.save(model, path)
    return path
