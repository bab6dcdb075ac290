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


def _gestures(path: Path, names=("x", "y", "z"), scale: float = 1.0, gap: bool = False) -> Path:
    """A table of 24 sequences of two gestures, of which x, y and z tell which."""
    lines = [",".join(["id", "frame", "label", *names])]
    for i in range(24):
        for t in range(5):
            side = 1 if i % 2 else -1
            values = {"x": side * (t + 1), "y": 2 - side + 0.1 * t, "z": 0.5 * t + 0.1 * (i % 5 + 1)}
            cells = ["" if gap and (i, t, name) == (2, 1, "x") else f"{scale * values[name]:g}" for name in names]
            lines.append(",".join([str(i), str(t), "wave" if side > 0 else "push", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


def _trained(path: Path, *options: str) -> Path:
    quick = ["--optim.lr", "0.05", "--training.max_epochs", "8", *SMALL[:4], "--device", "cpu"]
    assert main(["train", "--data", str(path), *quick, *options]) == 0
    (run,) = Path("runs/sequence").iterdir()
    return run


def test_columns_in_another_order_are_predicted_and_explained_alike(tmp_path, capsys):
    usual, turned = _gestures(tmp_path / "s.csv"), _gestures(tmp_path / "turned.csv", ("z", "x", "y"))
    run = _trained(usual)
    assert results_of(run)["test"]["accuracy"] == 1
    capsys.readouterr()
    answers = []
    for path in (usual, turned):
        assert main(["predict", str(run), str(path), "--json"]) == 0
        assert main(["explain", str(run), str(path), "--item", "3", "--json"]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        predicted, explained = map(json.loads, said.out.splitlines())
        answers.append((predicted, explained["sequences"]))
    assert answers[0] == answers[1]
    assert main(["evaluate", str(run), "--data", str(turned), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == results_of(run)["test"]


def test_a_column_that_the_model_does_not_know_is_one_line(tmp_path, capsys):
    run = _trained(_gestures(tmp_path / "s.csv"))
    other = tmp_path / "other.csv"
    other.write_text((tmp_path / "s.csv").read_text().replace("x,y,z", "x,q,z"))
    capsys.readouterr()
    for call in (["predict", run, other], ["explain", run, other], ["evaluate", run, "--data", other]):
        assert "the features are not those of the model: missing y; unknown q" in fails(call, capsys)


def test_another_unit_is_one_line_of_warning(tmp_path, capsys):
    run = _trained(_gestures(tmp_path / "s.csv"))
    capsys.readouterr()
    assert main(["predict", str(run), str(_gestures(tmp_path / "mm.csv", scale=1000))]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 24
    assert said.err.startswith(f"warning: {tmp_path / 'mm.csv'}: the values of ")
    assert said.err.endswith("; is this millimetres for metres?\n")
    assert said.err.count("\n") == 1


def test_the_options_of_the_training_are_used_and_may_be_changed(tmp_path, capsys):
    path = _gestures(tmp_path / "s.csv", gap=True)
    run = _trained(path, "--option", "missing=interpolate", "--option", "seed=5")
    assert "missing: interpolate" in (run / "config.yaml").read_text()
    capsys.readouterr()
    for call in (["predict", run, path], ["explain", run, path, "--item", "2"], ["evaluate", run]):
        assert main(list(map(str, call))) == 0
        capsys.readouterr()
        refused = fails([*call, "--option", "missing=refuse"], capsys)
        assert f"{path}, line 13: x is missing" in refused
    assert "unknown option 'seed'; reading 'table' takes" in fails(["predict", run, path, "--option", "seed=1"], capsys)
    for call in (["evaluate", run], ["explain", run], ["report", run]):
        assert "the parts of the data are those of the training" in fails([*call, "--option", "seed=6"], capsys)
    assert "--option must be KEY=VALUE" in fails(["predict", run, path, "--option", "missing"], capsys)


def test_a_recording_is_cut_as_in_training_and_its_segments_are_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["id,activity,x"]
    for recording in range(6):
        for t in range(80):
            walks = (t // 40 + recording) % 2
            lines.append(f"r{recording},{['sit', 'walk'][walks]},{2 * walks + rng.normal(0, 0.1):.3f}")
    Path("log.csv").write_text("\n".join(lines))
    options = ["--option", "window=.5s", "--option", "overlap=.5", "--option", "rate=20"]
    small = [*SMALL[:4], "--optim.lr", "0.05", "--training.max_epochs", "8", "--device", "cpu"]
    assert main(["train", "--data", "log.csv", *options, *small]) == 0
    (run,) = Path("runs/sequence").iterdir()
    Path("new.csv").write_text("\n".join(["id,x", *(f"a,{2 * (t >= 40)}" for t in range(80))]))
    capsys.readouterr()
    assert main(["predict", str(run), "new.csv", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["label"]) for row in rows] == [("a", "sit"), ("a", "walk")]
    assert (rows[0]["start"], rows[1]["end"], rows[1]["end_seconds"]) == (0, 80, 4.0)
    assert abs(rows[1]["start"] - 40) <= 5
    assert main(["predict", str(run), "new.csv"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("a  ")
    assert printed[0].endswith(f"sit  (frames 0 to {rows[0]['end'] - 1}, 0.00 to {rows[0]['end_seconds']:.2f} s)")
