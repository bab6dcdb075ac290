"""`attentive explain`, end to end."""

from __future__ import annotations

import csv
import json

import pytest

from attentive_rnn.cli import main


def test_a_test_set_is_explained_class_by_class(skeleton_run, tmp_path, capsys):
    assert main(["explain", str(skeleton_run.path), "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "wave <left>: " in out
    assert "times the usual" in out
    with open(tmp_path / "attention.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert float(rows[0]["right hand"]) > 0
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
    assert len(said["sequences"][0]["attention"]) == 20


def test_faithfulness_is_measured_over_runs(feature_run, tmp_path, capsys):
    runs = [str(feature_run.path)] * 2
    arguments = ["explain", runs[0], "--faithfulness", "--with", runs[1], "--out", str(tmp_path)]
    assert main(arguments) == 0
    table = (tmp_path / "faithfulness.md").read_text()
    assert "| relative attention |" in table
    assert table in capsys.readouterr().out
    numbers = json.loads((tmp_path / "faithfulness.json").read_text())
    assert numbers["runs"] == 2
    assert len(numbers["rankings"]["gradient"]["deletion"]) == 2
    assert (tmp_path / "faithfulness.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--item", "99"], "there is no sequence 99"),
        (["nothing.npz"], "there is no such file"),
        (["nothing.npz", "--split", "test"], "give INPUT or --split, not both"),
        (["--with", "x"], "--with is an option of --faithfulness"),
        (["--faithfulness", "--item", "1"], "it takes no item"),
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
