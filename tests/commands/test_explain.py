"""`attentive explain`, end to end."""

from __future__ import annotations

import csv
import json

import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import SequenceDataset, read_sequences
from attentive_rnn.data.formats.npz import to_bytes
from attentive_rnn.explain import faithfulness_table
from films import write_film


def test_a_test_set_is_explained_class_by_class(skeleton_run, tmp_path, capsys):
    assert main(["explain", str(skeleton_run.path), "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "wave <left>: " in out
    assert " % of the attended input" in out
    with open(tmp_path / "attention.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert sum(float(rows[0][joint]) for joint in list(rows[0])[4:]) == pytest.approx(100, abs=0.01)
    assert (tmp_path / "classes.png").exists()
    assert (skeleton_run.model / "static_modulation.safetensors").exists()


def test_one_item_and_an_input_are_drawn_and_put_in_words(skeleton_run, tmp_path, capsys):
    assert main(["explain", str(skeleton_run.path), "--item", "s/2", "--out", str(tmp_path)]) == 0
    assert "attended to most: " in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"s_2.png", "s_2.svg", "s_2.gif", "s_2.mp4"}
    data = skeleton_run.read_config().data.path
    options = ["--item", "0", "--json", "--out", str(tmp_path / "more")]
    assert main(["explain", str(skeleton_run.path), data, *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["sequences"]) == 1
    assert len(said["sequences"][0]["attended"]) == 20


def test_a_sequence_without_a_name_has_its_number_from_0(skeleton_run, tmp_path, capsys):
    whole = read_sequences(skeleton_run.read_config().data.path)
    bare = SequenceDataset(whole.sequences, whole.labels, [{}] * len(whole), whole.schema)
    (tmp_path / "bare.npz").write_bytes(to_bytes(bare))
    call = [str(skeleton_run.path), str(tmp_path / "bare.npz"), "--json"]
    assert main(["predict", *call]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert names == [str(i) for i in range(len(whole))]
    assert main(["explain", *call, "--item", "3", "--out", str(tmp_path / "out")]) == 0
    (one,) = json.loads(capsys.readouterr().out)["sequences"]
    assert one["name"] == "3"
    assert 0 <= min(one["steps"]) < max(one["steps"]) < len(whole.sequences[3])


def test_the_picture_of_the_paper_stands_beside_the_attended_input(skeleton_run, capsys):
    assert main(["explain", str(skeleton_run.path), "--item", "s/2", "--relative"]) == 0
    out = capsys.readouterr().out
    assert " times the usual" in out
    assert "%" not in out.split("attended to most")[1]
    assert (skeleton_run.explain / "relative" / "s_2.png").exists()
    assert not (skeleton_run.explain / "s_2.png").exists()


def test_how_right_the_answers_are_is_drawn_too(feature_run, tmp_path):
    assert main(["explain", str(feature_run.path), "--out", str(tmp_path)]) == 0
    found = {path.name for path in tmp_path.iterdir()}
    assert {"confusion.png", "accuracy.png", "calibration.png", "training.png", "mistakes.png"} <= found


def test_a_deeper_layer_is_drawn_into_a_folder_of_its_own(feature_run, capsys):
    assert main(["explain", str(feature_run.path), "--layer", "2"]) == 0
    assert "neuron " in capsys.readouterr().out
    assert (feature_run.explain / "layer-2" / "classes.png").exists()
    assert not (feature_run.explain / "layer-2" / "confusion.png").exists()


def test_a_model_that_looks_back_shows_its_lags_even_without_a_gate(tmp_path, number_run, capsys):
    assert main(["explain", str(number_run.path), "--out", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["lags"]) == {"layer 1", "layer 2"}
    assert "attended" not in said["sequences"][0]
    assert {"lags.png", "answers.png", "training.png"} <= {path.name for path in tmp_path.iterdir()}


def test_images_are_explained_layer_by_layer(image_run, tmp_path, capsys):
    assert main(["explain", str(image_run.path), "--out", str(tmp_path)]) == 0
    assert "of the attention on the object asked about, mean of 30: layer 1 " in capsys.readouterr().out
    assert {"masks.png", "mistakes.png", "confusion.png"} <= {path.name for path in tmp_path.iterdir()}
    with open(tmp_path / "attention.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert 0 < float(rows[0]["share of all multiplied"]) < 1
    assert main(["explain", str(image_run.path), "--item", "4", "--json", "--out", str(tmp_path / "one")]) == 0
    (one,) = json.loads(capsys.readouterr().out)["images"]
    assert set(one["on_the_object"]) == {"layer 1", "layer 2", "all multiplied"}
    assert main(["explain", str(image_run.path), "--layer", "2"]) == 2
    assert "every layer is drawn; it takes no layer" in capsys.readouterr().err


def test_an_image_that_was_read_pixel_by_pixel_is_drawn_as_one(pixel_run, tmp_path):
    assert main(["explain", str(pixel_run.path), "--item", "3", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"3.png", "3.svg"}


def test_the_frames_of_a_video_that_mattered_are_shown(feature_run, tmp_path, capsys):
    film = write_film(tmp_path / "film.mp4", 100)
    arguments = ["explain", str(feature_run.path), "--item", "0", "--out", str(tmp_path / "out"), "--video", str(film)]
    assert main(arguments) == 0
    assert "BasicMotions_TEST_1-frames.png" in {path.name for path in (tmp_path / "out").iterdir()}
    assert main([*arguments[:-1], str(write_film(tmp_path / "short.mp4", 7))]) == 2
    assert "has 7 frames, but BasicMotions_TEST/1 has 100" in capsys.readouterr().err


def test_faithfulness_is_measured_over_runs(feature_run, tmp_path, capsys, monkeypatch):
    titles, drawn = [], faithfulness_table.picture
    monkeypatch.setattr(faithfulness_table, "picture", lambda *given: titles.append(given[1]) or drawn(*given))
    runs = [str(feature_run.path)] * 2
    arguments = ["explain", runs[0], "--faithfulness", "--with", runs[1], "--out", str(tmp_path)]
    assert main(arguments) == 0
    table = (tmp_path / "faithfulness.md").read_text()
    assert "| relative attention |" in table
    assert "| attended input |" in table
    assert table in capsys.readouterr().out
    numbers = json.loads((tmp_path / "faithfulness.json").read_text())
    assert numbers["runs"] == 2
    assert len(numbers["rankings"]["gradient x input"]["deletion"]) == 2
    assert (tmp_path / "faithfulness.png").stat().st_size > 10_000
    assert titles == ["BasicMotions"]  # the data set, not its reader


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--item", "99"], "there is no sequence 99"),
        (["nothing.npz"], "there is no such file"),
        (["nothing.npz", "--split", "test"], "give INPUT or --split, not both"),
        (["--with", "x"], "--with is an option of --faithfulness"),
        (["--faithfulness", "--item", "1"], "it takes no item"),
        (["--faithfulness", "--relative"], "it takes no relative"),
        (["--layer", "3"], "there is no layer 3: the model's layers go from 1 to 2"),
        (["--video", "film.mp4"], "--video is of one sequence: name it with --item"),
    ],
)
def test_a_mistake_is_one_line(feature_run, options, message, capsys):
    assert main(["explain", str(feature_run.path), *options]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_model_without_attention_says_so(plain_run, capsys):
    assert main(["explain", str(plain_run.path)]) == 2
    assert "first layer has no gate" in capsys.readouterr().err
