"""The command `attentive export`, and `attentive stream` of what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.cli import main
from attentive_rnn.data import Compose, OriginAtBodyCentre, Schema, SequenceDataset
from attentive_rnn.data import load as load_data
from attentive_rnn.errors import ConfigError
from attentive_rnn.export import export_run
from attentive_rnn.export import run as exporting
from attentive_rnn.streaming import ExportedRecognizer, Recognizer
from attentive_rnn.trained import load
from attentive_rnn.training import SavedModel
from attentive_rnn.training.saved_model import Reader
from commands.calls import VOWELS, fails


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    assert main(["export", str(run), str(path), "--quiet"]) == 0
    return path


def test_an_exported_run_is_described_and_streams_as_the_run_does(run, exported):
    described = json.loads(exported.with_suffix(".json").read_text())
    assert described["classes"] == [str(i) for i in range(1, 10)]
    assert described["compared"]["sequences"] == 64
    assert described["compared"]["gap"] < 1e-5
    assert described["graph"]["inputs"]["x"] == {"dtype": "float32", "shape": ["batch", "time", 12]}
    assert [one["name"] for one in described["preprocessing"]["in_the_graph"]] == ["standardise"]
    both = ExportedRecognizer(exported, hold=2), Recognizer(load(run).saved, hold=2)
    for frame in load_data(VOWELS).test.sequences[3].numpy():
        found, wanted = (one.push(frame, "Ann") for one in both)
        np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=1e-6)
        assert (found.label, found.start, found.ended) == (wanted.label, wanted.start, wanted.ended)
    assert both[0].end("Ann").end == both[1].end("Ann").end
    assert both[0].tracks == []


def test_an_exported_run_streams_without_pytorch(exported):
    program = (
        "import sys; from attentive_rnn.cli import main; status = main(['stream', sys.argv[1], '-']); "
        "assert 'torch' not in sys.modules; sys.exit(status)"
    )
    names = json.loads(exported.with_suffix(".json").read_text())["schema"]["features"]
    frames = [json.dumps({"frame": [0.5] * 12}), json.dumps({"frame": dict.fromkeys(names, 0.5)})]
    done = subprocess.run(
        [sys.executable, "-c", program, str(exported)], input="\n".join(frames), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["frame"], second["frame"]) == (0, 1)
    assert abs(sum(second["probabilities"].values()) - 1) < 1e-3


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([0.5] * 11, r"a frame must be \(12,\), got \(11,\)"),
        ([float("nan")] + [0.5] * 11, "a value of a frame is missing or infinite"),
        ({"x": 1.0}, "a frame must have the names of the model's features: LPC cepstrum 1"),
        (["a"] * 12, r"a frame must be numbers \(12,\), got texts"),
    ],
)
def test_a_frame_that_is_none_is_refused(exported, frame, message):
    with pytest.raises(ValueError, match=message):
        ExportedRecognizer(exported).push(frame)


def test_a_program_of_pytorch_is_written_and_is_no_stream_of_a_model_that_looks_ahead(run, tmp_path):
    saved, test = load(run).saved, load_data(VOWELS).test
    saved.model = type(saved.model)(12, 9, 4, 1, bidirectional=True).eval()
    made = export_run(saved, tmp_path / "model.pt2", test)
    assert [file.name for file in made.files] == ["model.pt2", "model.json"]
    assert made.no_step == "the model reads every sequence from both ends (model.bidirectional is true)"
    x = test.sequences[0][None]
    (found,) = torch.export.load(tmp_path / "model.pt2").module()(x, torch.tensor([x.shape[1]]))
    np.testing.assert_allclose(found.detach().numpy(), saved.logits(test.subset([0])), atol=1e-5)
    with pytest.raises(ConfigError, match=r"model\.pt2: cannot run frame by frame: the model reads every sequence"):
        ExportedRecognizer(tmp_path / "model.pt2")


def test_with_int8_weights_the_answers_are_compared_and_the_export_streams(run, exported, tmp_path, capsys):
    path = tmp_path / "small.onnx"
    assert main(["export", str(run), str(path), "--int8"]) == 0
    said = capsys.readouterr().out
    described = json.loads(path.with_suffix(".json").read_text())
    scores, test = described["int8"], load_data(VOWELS).test
    assert f"int8 weights keep {100 * scores['kept']:.1f} % of the model's answers" in said
    assert described["compared"]["sequences"] == len(test) == 370
    saved = load(run).saved
    wanted = saved.logits(test).argmax(1)
    assert scores["model"] == pytest.approx((wanted == test.labels).mean())
    assert scores["kept"] >= 0.98
    assert abs(scores["graph"] - scores["model"]) <= 1 - scores["kept"] + 1e-9
    assert 1e-5 < described["compared"]["gap"] < 0.05
    both = ExportedRecognizer(path), ExportedRecognizer(exported)
    for frame in test.sequences[3].numpy():
        found, whole = (one.push(frame).probabilities for one in both)
        np.testing.assert_allclose(found, whole, atol=0.02)
    assert (found != whole).any()


def test_int8_weights_that_change_the_answers_are_refused(run, tmp_path, capsys):
    saved = load(run).saved
    with torch.no_grad():  # classes so alike that rounding parts them
        weight = saved.model.classifier.weight
        weight.copy_(weight.mean(0) + 1e-4 * weight)
        saved.model.classifier.bias.zero_()
    with pytest.raises(ConfigError, match=r"small\.onnx: int8 weights keep .* % of the model's answers on 370"):
        export_run(saved, tmp_path / "small.onnx", load_data(VOWELS).test, int8=True)
    assert list(tmp_path.iterdir()) == []
    assert "int8 weights are for graphs of ONNX" in fails(["export", run, "small.pt2", "--int8"], capsys)


def test_of_numbers_those_are_kept_that_hardly_move():
    wanted = np.array([[0.0], [1.0], [2.0], [4.0]])
    moved = np.array([[0.0], [0.19], [-0.19], [0.3]])
    assert exporting._kept(wanted + moved, wanted) == 0.75


def test_a_graph_that_differs_from_the_model_is_not_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "GAP", 0.0)
    saved = load(run).saved
    with pytest.raises(ConfigError, match=r"the exported graph and the model differ by .*; nothing was written"):
        export_run(saved, tmp_path / "model.pt2", load_data(VOWELS).test)
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_one_line(run, exported, image_run, tmp_path, capsys):
    assert "out.txt: must end in .onnx or .pt2" in fails(["export", run, "out.txt"], capsys)
    assert f"{exported}: is there already" in fails(["export", run, exported], capsys)
    assert "a model of sequences is needed" in fails(["export", image_run.path, "out.onnx"], capsys)
    assert "without its run; give --data" in fails(["export", _alone(run, tmp_path), "out.onnx"], capsys)
    assert "an exported model takes lines of JSON" in fails(["stream", exported, "film.mp4"], capsys)
    assert "none.json: there is no such file" in fails(["stream", tmp_path / "none.onnx", "-"], capsys)
    (tmp_path / "bad.json").write_text("{}")
    assert "bad.json: is damaged" in fails(["stream", tmp_path / "bad.onnx", "-"], capsys)


def _alone(run, folder):
    """A model without its run."""
    (folder / "alone").mkdir()
    for file in (run / "model").iterdir():
        (folder / "alone" / file.name).write_bytes(file.read_bytes())
    return folder / "alone"


@pytest.mark.parametrize("transforms", [[], [OriginAtBodyCentre(0)]], ids=["none", "origin"])
def test_joints_of_too_low_a_confidence_are_absent_in_an_export_with_and_without_transforms(tmp_path, transforms):
    torch.manual_seed(0)
    schema = Schema(("sit", "stand"), (1, 17, 3), layout="coco-17", coordinates=2)
    reader = Reader("npz", {"min_confidence": 0.3})
    saved = SavedModel(SequenceClassifier(51, 2, 8, 1).eval(), schema, Compose(transforms), reader)
    seen = SequenceDataset(list(torch.rand(4, 6, 1, 17, 3) / 2 + 0.5), [0, 1] * 2, [{}] * 4, schema)
    export_run(saved, tmp_path / "model.onnx", seen)
    streams = Recognizer(saved), ExportedRecognizer(tmp_path / "model.onnx")
    for frame in torch.rand(6, 1, 17, 3).numpy():  # confidences from 0 to 1
        wanted, found = (stream.push(frame).probabilities for stream in streams)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
