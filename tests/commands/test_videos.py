"""The commands `attentive features` and `attentive pose`."""

from __future__ import annotations

import pytest

import onnx
from attentive_rnn.cli import main
from attentive_rnn.data import read_sequences
from commands.calls import fails
from films import write_film
from onnx import TensorProto, helper


@pytest.fixture
def onnx_file(tmp_path):
    """Average pooling over 16 x 16 pixels, (B, 3, H, W) to (B, 3, H / 16, W / 16)."""
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[16, 16], strides=[16, 16])
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", 3, f"{n}H", f"{n}W"]) for n in ("x", "y")]
    graph = helper.make_graph([node], "pool", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "p.onnx")
    return tmp_path / "p.onnx"


def test_the_command_says_what_it_made_and_left_out(tmp_path, onnx_file, capsys):
    write_film(tmp_path / "films" / "a.mp4", 3)
    (tmp_path / "films" / "b.mp4").write_bytes(b"no film")
    call = ["features", str(tmp_path / "films"), str(tmp_path / "out"), "--backbone", str(onnx_file)]
    assert main(call) == 1
    shown = capsys.readouterr()
    assert "3 frames now" in shown.out
    assert "1 left out" in shown.out
    assert "b.mp4" in shown.err.splitlines()[-1]
    (tmp_path / "films" / "a.mp4").unlink()
    assert main(call) == 2


def test_every_second_frame_is_seen_in_the_size_that_is_asked_for(tmp_path, onnx_file, capsys):
    write_film(tmp_path / "films" / "wave" / "a.mp4", 5)
    write_film(tmp_path / "films" / "clap" / "b.mp4", 4)
    options = ["--backbone", str(onnx_file), "--every", "2", "--size", "32", "48"]
    assert main(["features", str(tmp_path / "films"), str(tmp_path / "out"), *options]) == 0
    assert "features         3 of" in capsys.readouterr().out
    assert sorted(len(frames) for frames in read_sequences(tmp_path / "out").sequences) == [2, 3]


def test_a_part_of_the_videos_is_seen_by_each_of_several_calls(tmp_path, onnx_file, capsys):
    for name in "abc":
        write_film(tmp_path / "films" / f"{name}.mp4", 2)
    call = ["features", tmp_path / "films", tmp_path / "out", "--backbone", onnx_file, "--shard"]
    for part, made in (("1/2", "a c"), ("2/2", "a b c")):
        assert main([*map(str, call), part]) == 0
        assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == made.split()
    capsys.readouterr()
    assert "--shard must be a part and their number" in fails([*call, "3/2"], capsys)


def test_what_is_no_video_or_network_is_one_line(tmp_path, onnx_file, capsys):
    missing = ["features", tmp_path / "none.mp4", tmp_path / "out", "--backbone", onnx_file]
    assert "none.mp4" in fails(missing, capsys)
    assert "none.onnx" in fails([*missing[:-1], tmp_path / "none.onnx"], capsys)
    assert "--people: invalid int value: 'two'" in fails(["pose", "films", "poses.npz", "--people", "two"], capsys)
