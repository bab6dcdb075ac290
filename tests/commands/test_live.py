"""The commands `attentive stream` and `attentive serve`, on films and lines of joints that models have learnt."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import onnx
from attentive_rnn import SequenceClassifier
from attentive_rnn.cli import main
from attentive_rnn.commands.live import LINE
from attentive_rnn.data import Compose, ConvertLayout, OriginAtBodyCentre, Schema, get_layout, read_sequences
from attentive_rnn.data.ranges import Ranges
from attentive_rnn.streaming import Recognizer
from attentive_rnn.training import SavedModel, load_model, save_model
from attentive_rnn.video import read_frames
from films import write_film
from onnx import TensorProto, helper


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """A model that tells red films from blue ones by their mean colours, and the network that takes these."""
    folder = tmp_path_factory.mktemp("colours")
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", 3, *s]) for n, s in (("x", "HW"), ("y", "hw"))]
    graph = helper.make_graph([helper.make_node("GlobalAveragePool", ["x"], ["y"])], "mean", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "mean.onnx")
    rng = np.random.default_rng(0)
    for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        for i in range(2):
            images = np.clip(np.array(colour) + rng.normal(scale=20, size=(8, 32, 32, 3)), 0, 255).astype(np.uint8)
            write_film(folder / "films" / name / f"{i}.mp4", images)
    network = ["--backbone", str(folder / "mean.onnx"), "--size", "32", "32"]
    assert main(["features", str(folder / "films"), str(folder / "features"), *network]) == 0
    data = read_sequences(folder / "features")
    torch.manual_seed(0)
    model = SequenceClassifier(3, 2, 8, 1, dropout=0.0)
    adam = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(30):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.stack(data.sequences)), torch.tensor(data.labels)).backward()
        adam.step()
    save_model(folder / "model", SavedModel(model.eval(), data.schema, Compose([])))
    return folder / "model", network, folder / "films"


@pytest.fixture(scope="module")
def skeletons(tmp_path_factory):
    """A model of single persons of 33 joints, with the weights that it was made with."""
    folder = tmp_path_factory.mktemp("skeletons") / "model"
    schema = Schema(classes=("sit", "stand"), shape=(1, 33, 3), layout="mediapipe-33", rate=30.0)
    torch.manual_seed(0)
    save_model(folder, SavedModel(SequenceClassifier(99, 2, 6, 2).eval(), schema, OriginAtBodyCentre(0)))
    return folder


def _lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_film_is_recognised_frame_by_frame(colours, capsys):
    run, network, films = colours
    assert main(["stream", str(run), str(films / "red" / "0.mp4"), *network]) == 0
    shown = capsys.readouterr()
    lines = _lines(shown.out)
    assert [line["frame"] for line in lines] == list(range(8))
    assert [line["label"] for line in lines] == ["red"] * 8
    assert lines[-1]["time"] == pytest.approx(0.7, abs=0.01)
    assert shown.err.startswith("0: frames 0 to 7  red")


def test_two_actions_in_one_film_are_two_segments(colours, tmp_path, capsys):
    run, network, films = colours
    both = [[f.image for f in read_frames(films / name / "1.mp4")] for name in ("red", "blue")]
    film = write_film(tmp_path / "both.mp4", np.stack([*both[0] * 3, *both[1] * 3]))
    out = tmp_path / "seen.mp4"
    call = ["stream", str(run), str(film), *network, "--window", "4", "--hold", "3", "--video", str(out)]
    assert main(call) == 0
    shown = capsys.readouterr()
    ends = [line["ended"] for line in _lines(shown.out) if "ended" in line]
    assert [e["label"] for e in ends] == ["red"]
    assert 24 <= ends[0]["end"] <= 30
    *segments, following = shown.err.splitlines()
    assert len(segments) == 2
    assert following == f"Next: attentive export {run} model.onnx"
    drawn = list(read_frames(out))
    assert len(drawn) == 48
    assert not np.allclose(drawn[5].image, next(read_frames(film)).image, atol=60)
    assert main(call) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_a_data_set_is_streamed_sequence_by_sequence(skeletons, tmp_path, capsys):
    frames = torch.randn(5, 33, 3).numpy()
    np.savez(tmp_path / "two.npz", sequences=frames, lengths=[2, 3], name=["Ann", "Bob"])
    path = str(tmp_path / "two.npz")
    assert main(["stream", str(skeletons), path, "--option", "layout=mediapipe-33"]) == 0
    shown = capsys.readouterr()
    said = [(line["track"], line["frame"]) for line in _lines(shown.out)]
    assert said == [("Ann", 0), ("Ann", 1), ("Bob", 0), ("Bob", 1), ("Bob", 2)]
    recognizer = Recognizer(load_model(skeletons))
    expected = [recognizer.push(frame, "Bob").probabilities[0] for frame in frames[2:]]
    assert [line["probabilities"]["sit"] for line in _lines(shown.out)][2:] == pytest.approx(expected, abs=1e-4)
    assert "Bob: frames 0 to 2" in shown.err
    assert main(["stream", str(skeletons), path, "--video", str(tmp_path / "a.mp4")]) == 2
    assert "--video needs pictures" in capsys.readouterr().err


def test_segments_are_written_for_other_programs(colours, skeletons, tmp_path, monkeypatch, capsys):
    run, network, films = colours
    film, out = str(films / "red" / "0.mp4"), tmp_path / "found.eaf"
    assert main(["stream", str(run), film, *network, "--segments", str(out)]) == 0
    document = ElementTree.parse(out)
    assert [one.text for one in document.iter("ANNOTATION_VALUE")] == ["red"]
    assert [int(slot.get("TIME_VALUE")) for slot in document.iter("TIME_SLOT")] == pytest.approx([0, 800], abs=10)
    assert main(["stream", str(run), film, *network, "--segments", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    frames = [{"frame": frame, "track": "Ann"} for frame in torch.randn(6, 33, 3).tolist()]
    _streamed(skeletons, frames, monkeypatch, capsys, "--segments", str(tmp_path / "found.csv"))
    row = (tmp_path / "found.csv").read_text().splitlines()[1].split(",")
    assert (row[0], *row[2:6]) == ("Ann", "0", "6", "0.0", "0.2")
    assert main(["stream", str(run), film, *network, "--segments", str(tmp_path / "found.srt")]) == 2
    assert "must end in .csv or .json or .vtt or .eaf" in capsys.readouterr().err


def test_lines_in_a_layout_with_other_joints_are_derived_and_turned(tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    schema = Schema(classes=("sit", "stand"), shape=(1, 20, 3), layout="kinect-20", up="+y")
    save_model(tmp_path, SavedModel(SequenceClassifier(60, 2, 6, 1).eval(), schema, OriginAtBodyCentre(1)))
    frame = torch.randn(33, 3)
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"frame": frame.tolist()}) + "\n"))
    assert main(["stream", str(tmp_path), "-", "--option", "layout=mediapipe-33"]) == 0
    shown = capsys.readouterr()
    assert "hip centre = the middle of left hip and right hip" in shown.err
    made = ConvertLayout("mediapipe-33", "kinect-20").map(frame) * torch.tensor([-1.0, -1.0, 1.0])
    expected = Recognizer(load_model(tmp_path)).push(made).probabilities
    assert list(_lines(shown.out)[0]["probabilities"].values()) == pytest.approx(expected, abs=1e-4)


def test_lines_of_joints_give_what_the_model_gives_for_each_track(skeletons, monkeypatch, capsys):
    frames = torch.randn(2, 6, 33, 3)
    said = [{"frame": frames[who, t].tolist(), "track": ("Ann", "Bob")[who]} for t in range(6) for who in range(2)]
    said += [{"end": "Ann"}, {"frame": frames[0, 0].tolist(), "track": "Ann"}]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, said)) + "\n"))
    assert main(["stream", str(skeletons), "-"]) == 0
    shown = capsys.readouterr()
    lines = _lines(shown.out)
    assert [(line["track"], line["frame"]) for line in lines[:12]] == [(w, t) for t in range(6) for w in ("Ann", "Bob")]
    saved = load_model(skeletons)
    with torch.no_grad():
        for person, line in zip(frames, lines[10:12], strict=True):
            ready = saved.preprocessing(person[:, None], np.random.default_rng(0))
            wanted = saved.model(ready[None]).softmax(-1)[0].tolist()
            assert list(line["probabilities"].values()) == pytest.approx(wanted, abs=1e-4)
    assert lines[12] == lines[0]
    tracks = [line.split(":")[0] for line in shown.err.splitlines()]
    assert (tracks.count("Ann"), tracks.count("Bob")) >= (2, 1)  # Ann left and came again


def test_a_line_of_several_tracks_gives_what_a_line_of_each_gives(skeletons, monkeypatch, capsys):
    frames = torch.randn(2, 4, 33, 3).tolist()
    alone = [{"frame": frames[who][t], "track": ("Ann", "Bob")[who]} for t in range(4) for who in range(2)]
    together = [{"frames": {"Ann": frames[0][t], "Bob": frames[1][t]}} for t in range(4)]
    wanted, _ = _streamed(skeletons, alone, monkeypatch, capsys)
    found, _ = _streamed(skeletons, [*together, {"frames": {}}], monkeypatch, capsys)
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints", "line 1: is not JSON"),
        ('{"frames": []}', "line 1: must be"),
        ('{"frames": {"Ann": [[1, 2]], "Bob": []}}', "line 1: track 'Ann': a frame must be"),
        ('{"joints": []}', "line 1: must be"),
        ('{"frame": [[1, 2]]}', r"line 1: a frame must be"),
        ('{"frame": [], "track": []}', "line 1: track must be"),
        ("[" * 100_000, "line 1: is not JSON"),
        ('{"frame": [' + "9" * 401 + "]}", "line 1: a frame must be"),
        ('{"frame": [' + "9" * 5000 + "]}", "line 1: is not JSON"),
        ('{"frame": [[1, 2]], "trak": "Ann"}', "this one has frame, trak"),
        ('{"frame": [[1, 2]], "end": "Ann"}', "this one has frame, end"),
        ('{"frame": [[1, 2]], "frame": [[1, 2]]}', "'frame' occurs twice"),
        ('{"frame": [[1, 2]], "track": true}', "line 1: track must be"),
        ('{"end": true}', "line 1: end must be"),
        ('{"frame": ' + json.dumps(np.ones((33, 3)).astype(str).tolist()) + "}", "got texts"),
        (" " * LINE + "{}", f"line 1: has more than {LINE} characters"),
        ('{"frame": [[' + ", ".join(["1e99"] * 3) + "]]}", "line 1: a frame must be"),
        ('{"frame": ' + json.dumps(np.full((33, 3), float("nan")).tolist()) + "}", "missing or infinite"),
    ],
)
def test_a_line_that_is_none_is_one_message_with_its_number(skeletons, text, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))
    assert main(["stream", str(skeletons), "-"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def _streamed(model, lines, monkeypatch, capsys, *options):
    """The probabilities of each line's answer, and what was said beside them."""
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, lines)) + "\n"))
    assert main(["stream", str(model), "-", *options]) == 0
    said = capsys.readouterr()
    return [line["probabilities"] for line in _lines(said.out)], said.err


def test_a_track_is_the_same_by_number_and_by_text_as_names_in_json_are_texts(skeletons, tmp_path, monkeypatch, capsys):
    frame = np.random.default_rng(0).normal(size=(33, 3)).tolist()
    one, other = {"frame": frame, "track": 7}, {"frames": {"7": frame}}
    options = ["--segments", str(tmp_path / "found.csv")]
    again, _ = _streamed(skeletons, [one, {"end": "7"}, other, {"end": 7}, one], monkeypatch, capsys, *options)
    assert again == [again[0]] * 3
    assert (tmp_path / "found.csv").read_text().count("\n7,") == 3
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, [one, other])) + "\n"))
    assert main(["stream", str(skeletons), "-"]) == 0
    assert [(line["track"], line["frame"]) for line in _lines(capsys.readouterr().out)] == [(7, 0), ("7", 1)]


def test_frames_are_counted_without_the_lines_that_end_a_track(skeletons, monkeypatch, capsys):
    line = {"frame": np.ones((33, 3)).tolist()}
    answers, _ = _streamed(skeletons, [{"end": 1}, line, {"end": 2}, line, line], monkeypatch, capsys, "--frames", "2")
    assert len(answers) == 2


@pytest.mark.parametrize("rate", [".nan", ".inf", "0", "true"])
def test_a_rate_that_is_none_is_refused(skeletons, rate, capsys):
    assert main(["stream", str(skeletons), "-", "--option", f"rate={rate}"]) == 2
    assert "--option rate must be a number above 0" in capsys.readouterr().err


def test_segments_that_need_seconds_are_refused_before_the_first_line(tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    schema = Schema(classes=("sit", "stand"), shape=(2,))
    save_model(tmp_path / "model", SavedModel(SequenceClassifier(2, 2, 6, 1).eval(), schema, Compose([])))
    monkeypatch.setattr("sys.stdin", io.StringIO('{"frame": [1, 2]}\n'))
    assert main(["stream", str(tmp_path / "model"), "-", "--segments", str(tmp_path / "found.vtt")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "needs seconds" in said.err


def test_joints_come_by_name_or_in_another_layout(tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    schema = Schema(classes=("sit", "stand"), shape=(1, 20, 3), layout="kinect-20", rate=30.0)
    save_model(tmp_path, SavedModel(SequenceClassifier(60, 2, 6, 1).eval(), schema, OriginAtBodyCentre(1)))
    frames = torch.randn(4, 25, 3)
    chosen = [parents[0] for parents in ConvertLayout("ntu-25", "kinect-20").map.parents]
    named = [dict(zip(get_layout("ntu-25").joints, frame, strict=True)) for frame in frames.tolist()]
    usual, _ = _streamed(tmp_path, [{"frame": f} for f in frames[:, chosen].tolist()], monkeypatch, capsys)
    by_name, _ = _streamed(tmp_path, [{"frame": f} for f in named], monkeypatch, capsys)
    other, _ = _streamed(
        tmp_path, [{"frame": f} for f in frames.tolist()], monkeypatch, capsys, "--option", "layout=ntu-25"
    )
    assert usual == by_name == other
    _, said = _streamed(tmp_path, [{"frame": named[0]}], monkeypatch, capsys, "--option", "rate=60")
    assert "warning: standard input: has 60 frames per second, but the model was trained with 30" in said
    del named[0]["left hip"]
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"frame": named[0]}) + "\n"))
    assert main(["stream", str(tmp_path), "-"]) == 2
    assert "line 1: a frame lacks the joints left hip of kinect-20" in capsys.readouterr().err


def test_features_come_by_name_and_in_the_unit_of_the_training(tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    schema = Schema(classes=("a", "b"), shape=(3,), features=("x", "y", "z"))
    frames = torch.randn(12, 3)
    seen = Ranges.of(schema, [torch.randn(500, 3)])
    save_model(tmp_path, SavedModel(SequenceClassifier(3, 2, 6, 1).eval(), schema, Compose([]), seen=seen))
    usual, said = _streamed(tmp_path, [{"frame": f} for f in frames.tolist()], monkeypatch, capsys)
    assert "warning" not in said
    named = [{"frame": dict(zip("zyx", frame[::-1], strict=True))} for frame in frames.tolist()]
    assert _streamed(tmp_path, named, monkeypatch, capsys)[0] == usual
    turned = [{"frame": f} for f in frames.flip(1).tolist()]
    assert _streamed(tmp_path, turned, monkeypatch, capsys, "--option", "features=[z,y,x]")[0] == usual
    large = [{"frame": f} for f in (1000 * frames).tolist()]
    assert "warning: the stream: the values of" in _streamed(tmp_path, large, monkeypatch, capsys)[1]
    for line, options, message in [
        ({"x": 1, "y": 2, "q": 3}, [], "missing z; unknown q"),
        ([1, 2], [], "a frame must be (3,), got (2,)"),
        ([1, 2, 3], ["--option", "missing=zero"], "lines of joints take layout, features, rate"),
        ([1, 2, 3], ["--option", "layout=ntu-25"], "the model knows no layout"),
        ([1, 2, 3], ["--option", "features=x"], "features must be names"),
    ]:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"frame": line}) + "\n"))
        assert main(["stream", str(tmp_path), "-", *options]) == 2
        assert message in capsys.readouterr().err


def test_a_film_of_another_rate_is_warned_of(colours, tmp_path, capsys):
    run, network, _ = colours
    saved = load_model(run)
    saved.schema = replace(saved.schema, rate=60.0)
    save_model(tmp_path, saved)
    write_film(tmp_path / "long.mp4", np.full((14, 32, 32, 3), 200, np.uint8))
    assert main(["stream", str(tmp_path), str(tmp_path / "long.mp4"), *network]) == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warned) == 1
    assert "frames per second, but the model was trained with 60" in warned[0]


def test_what_cannot_be_streamed_is_one_message(colours, skeletons, tmp_path, capsys):
    run, network, films = colours
    film = str(films / "red" / "0.mp4")
    for call, message in [
        (["stream", str(run), str(tmp_path / "none.mp4"), *network], "no such file"),
        (["stream", str(skeletons), "-", "--video", str(tmp_path / "x.mp4")], "--video needs pictures"),
        (["stream", str(tmp_path), "-"], "not a run folder"),
        (["stream", str(run), film], "(1280,) of efficientnet-lite0"),
    ]:
        assert main(call) == 2
        assert message in capsys.readouterr().err
    backwards = tmp_path / "model"
    model = SequenceClassifier(3, 2, 4, 1, bidirectional=True).eval()
    save_model(backwards, SavedModel(model, Schema(classes=("a", "b"), shape=(3,)), Compose([])))
    assert main(["stream", str(backwards), film, *network]) == 2
    assert "bidirectional" in capsys.readouterr().err
    assert not list(Path(tmp_path).glob("*.part.mp4"))


def test_a_page_that_cannot_be_served_is_one_message(colours, capsys):
    run, network, _ = colours
    for options, message in [
        (["--port", "65536"], "--port must be from 0 to 65535, got 65536"),
        (["--largest", "0"], "--largest must be 1 MiB or more, got 0"),
        (["--window", "0", *network], "window"),
    ]:
        assert main(["serve", str(run), *options]) == 2
        assert message in capsys.readouterr().err


def test_lines_that_are_no_utf8_are_one_message_and_half_a_character_is_an_escape(skeletons, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"frame": "\xff"}\n'), "utf-8"))
    assert main(["stream", str(skeletons), "-"]) == 2
    assert "standard input, line 1: is not text in UTF-8" in capsys.readouterr().err
    line = json.dumps({"frame": np.ones((33, 3)).tolist(), "track": "\ud800"})
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(line + "\n"))
    monkeypatch.setattr("sys.stdout", out)
    assert main(["stream", str(skeletons), "-"]) == 0
    out.flush()
    assert json.loads(out.buffer.getvalue())["track"] == "\ud800"
