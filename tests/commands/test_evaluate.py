"""The commands `attentive evaluate` and `attentive predict`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from attentive_rnn.cli import main
from commands.calls import SMALL, fails, results_of


def test_evaluate_repeats_the_scores_of_the_run(run, capsys):
    assert main(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == results_of(run)["test"]
    assert main(["evaluate", str(run)]) == 0
    printed = capsys.readouterr().out
    assert f"{100 * results_of(run)['test']['accuracy']:.1f} %" in printed
    assert "true class" in printed


def test_predict_gives_a_label_and_a_probability_for_each_sequence(series, capsys):
    train = ["train", "--data", str(series), "--optim.lr", "0.05", "--training.max_epochs", "12"]
    assert main([*train, *SMALL[:4], "--device", "cpu"]) == 0
    capsys.readouterr()
    (run,) = Path("runs/sequence").iterdir()
    assert main(["predict", str(run), str(series / "Slope_TEST.ts"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [f"Slope_TEST/{i}" for i in range(1, 13)]
    right = np.mean([row["label"] == ("up" if i % 2 == 0 else "down") for i, row in enumerate(rows)])
    assert right == results_of(run)["test"]["accuracy"] == 1.0
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["probabilities"][row["label"]] == row["probability"] == max(row["probabilities"].values())
    assert main(["predict", str(run / "model"), str(series / "Slope_TEST.ts")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[0].split() == ["Slope_TEST/1", f"{rows[0]['probability']:.3f}", "up"]


def test_evaluate_finds_data_that_have_moved(series, tmp_path, capsys):
    here = tmp_path / "here"
    here.mkdir()
    for file in series.iterdir():
        (here / file.name).write_bytes(file.read_bytes())
    assert main(["train", "--data", str(here), *SMALL]) == 0
    (run,) = Path("runs/sequence").iterdir()
    here.rename(tmp_path / "there")
    assert "there is no such file" in (capsys.readouterr(), fails(["evaluate", run], capsys))[1]
    assert main(["evaluate", str(run), "--data", str(tmp_path / "there"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == results_of(run)["test"]


def test_predicting_other_data_than_the_model_knows_is_one_line(run, series, capsys):
    assert "the model takes (12,)" in fails(["predict", run, series / "Slope_TEST.ts"], capsys)


def test_a_run_without_a_model_is_one_line(run, tmp_path, capsys):
    folder = tmp_path / "early"
    folder.mkdir()
    (folder / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    assert "config.json: there is no such file" in fails(["evaluate", folder], capsys)
