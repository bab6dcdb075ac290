"""The table of layers exported to ONNX."""

from benchmarks.onnx import rows


def test_a_row_says_how_far_an_exported_layer_is_from_the_layer():
    forward, both = rows(["GRU, reset after"], ["softmax"])
    assert forward[:3] == ("GRU, reset after", "softmax", "forward")
    assert both[:3] == ("GRU, reset after", "softmax", "both")
    assert max(*forward[3:], *both[3:]) < 2e-6
