"""The commands `attentive evaluate` and `attentive predict`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from attentive_rnn.cli import main
from attentive_rnn.data import fingerprint
from commands.calls import SMALL, fails, results_of


def _scores(capsys) -> dict:
    """The scores that were printed as JSON, without what is made of them."""
    said = json.loads(capsys.readouterr().out)
    assert said.pop("warnings") == []
    assert len(said.pop("per_class")) == len(said["classes"])
    return said


def test_evaluate_repeats_the_scores_of_the_run(run, capsys):
    assert main(["evaluate", str(run), "--json"]) == 0
    assert _scores(capsys) == results_of(run)["test"]
    assert main(["evaluate", str(run)]) == 0
    printed = capsys.readouterr().out
    test = results_of(run)["test"]
    assert f"{100 * test['accuracy']:.1f} %" in printed
    assert (
        f"always the same  {100 * test['always']['accuracy']:.1f} %: '1', the most frequent class in training"
        in printed
    )


def test_evaluate_tells_the_accuracy_after_each_share_of_the_sequences(run, capsys):
    assert main(["evaluate", str(run), "--json", "--early"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["share"] for one in said["early"]] == list(range(10, 101, 10))
    assert said["early"][-1]["accuracy"] == said["accuracy"]
    assert main(["evaluate", str(run), "--early"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"first  10 %      {100 * said['early'][0]['accuracy']:.1f} %" in next(x for x in lines if x[:5] == "first")


def test_evaluate_prints_each_class_and_the_confusions_in_percent(run, capsys):
    test = results_of(run)["test"]
    matrix = np.array(test["confusion"])
    assert main(["evaluate", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("class "))
    for i, line in enumerate(lines[start + 1 : start + 10]):
        number, name, *shares, support = line.replace(" %", "").split()
        right, count, taken = matrix[i, i], matrix[i].sum(), matrix[:, i].sum()
        assert (int(number), name, int(support)) == (i + 1, test["classes"][i], count)
        wanted = [right / taken if taken else None, right / count, 2 * right / (count + taken)]
        assert shares == ["-" if share is None else f"{100 * share:.1f}" for share in wanted]
    heading, numbers, *rows = lines[start + 10 :]
    assert heading == "of each true class (row), % predicted as each class (column)"
    assert numbers.split() == [str(i) for i in range(1, 10)]
    for i, row in enumerate(rows):
        number, *cells = row.split()
        assert int(number) == i + 1
        for cell, count in zip(cells, matrix[i], strict=True):
            assert cell == ("." if not count else f"{100 * count / matrix[i].sum():.0f}")


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
    assert lines[12].startswith("accuracy         100.0 % (95 % interval 75.8 to 100.0, 12 sequences)")
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
    assert _scores(capsys) == results_of(run)["test"]


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
            values = {"x": side * (t + 1), "y": 2 - side + 0.1 * (t % 3), "z": 0.5 * t + 0.1 * (i % 5 + 1)}
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
    assert _scores(capsys) == results_of(run)["test"]


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
    assert len(said.out.splitlines()) == 24 + 2  # the lines of the scores
    warning, following, _ = said.err.splitlines()
    assert warning.startswith(f"warning: {tmp_path / 'mm.csv'}: the values of ")
    assert warning.endswith("; is this millimetres for metres?")
    assert following.startswith("Next: attentive explain ")


def test_the_options_of_the_training_are_used_and_may_be_changed(tmp_path, capsys):
    path = _gestures(tmp_path / "s.csv", gap=True)
    run = _trained(path, "--option", "missing=interpolate", "--option", "seed=5")
    assert "missing: interpolate" in (run / "config.yaml").read_text()
    capsys.readouterr()
    assert main(["predict", str(run), str(path), "--option", "missing=zero"]) == 0
    assert f"Next: attentive explain {run} {path} --option missing=zero\n" in capsys.readouterr().err
    for call in (["predict", run, path], ["explain", run, path, "--item", "2"], ["evaluate", run]):
        assert main(list(map(str, call))) == 0
        capsys.readouterr()
        refused = fails([*call, "--option", "missing=refuse"], capsys)
        assert f"{path}, line 13: x is missing" in refused
    assert "unknown option 'seed'; reading 'table' takes" in fails(["predict", run, path, "--option", "seed=1"], capsys)
    for call in (["evaluate", run], ["explain", run], ["report", run]):
        assert "the parts of the data are those of the training" in fails([*call, "--option", "seed=6"], capsys)
    assert "--option must be KEY=VALUE" in fails(["predict", run, path, "--option", "missing"], capsys)


@pytest.fixture(scope="module")
def slopes(series, tmp_path_factory):
    """A run that tells rising from falling series, to be read only."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("slopes")
    train = ["train", "--data", str(series), "--optim.lr", "0.05", "--training.max_epochs", "12", *SMALL[:4]]
    assert main([*train, "--device", "cpu", "--output-dir", str(folder)]) == 0
    (run,) = (folder / "sequence").iterdir()
    return run


def test_the_most_probable_classes_are_printed_and_given(run, slopes, series, capsys):
    test = str(series / "Slope_TEST.ts")
    assert main(["predict", str(slopes), test, "--top", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    for row in rows:
        (first, second) = row["top"]
        assert (first["label"], first["probability"]) == (row["label"], row["probability"])
        assert first["probability"] >= second["probability"]
        assert first["probability"] + second["probability"] == pytest.approx(1)
    assert main(["predict", str(slopes), test, "--top", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[2::2] == ["up", "down"]
    assert "--top must be 1 or more" in fails(["predict", slopes, test, "--top", "0"], capsys)


def test_several_inputs_are_predicted_and_a_bad_one_is_named(slopes, series, tmp_path, capsys):
    (tmp_path / "bad.ts").write_text("no series")
    inputs = [
        str(series / "Slope_TEST.ts"),
        str(tmp_path / "bad.ts"),
        str(tmp_path / "none.ts"),
        str(series / "Slope_TRAIN.ts"),
    ]
    assert main(["predict", str(slopes), *inputs, "--json"]) == 1
    said = capsys.readouterr()
    first, second = said.err.splitlines()
    assert "bad.ts" in first
    assert "none.ts: there is no such file" in second
    rows = json.loads(said.out)
    assert [sum(row["input"] == path for row in rows) for path in inputs] == [12, 0, 0, 30]
    assert main(["predict", str(slopes), *inputs]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [lines.index(f"{path}:") for path in inputs[::3]] == [0, 13]
    assert "42 sequences" in lines[-3]
    assert lines[-1] == "trained on       30 of 42: no estimate for new sequences"
    assert main(["predict", str(slopes), *inputs[::3]]) == 0


def test_a_wrong_answer_is_printed_with_the_truth(slopes, series, tmp_path, capsys):
    turned = (series / "Slope_TEST.ts").read_text().replace(":up", ":?").replace(":down", ":up").replace(":?", ":down")
    (tmp_path / "turned.ts").write_text(turned)
    assert main(["predict", str(slopes), str(tmp_path / "turned.ts")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("up  (is down)")
    assert lines[12].startswith("accuracy         0.0 %")


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_answers_are_written_as_a_table(slopes, series, tmp_path, capsys, ending):
    out, test = tmp_path / f"answers.{ending}", str(series / "Slope_TEST.ts")
    call = ["predict", str(slopes), test, "--top", "2", "--out", str(out)]
    assert main(call) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"written: {out}"
    assert printed[1].startswith("accuracy  ")
    if ending == "json":
        rows = json.loads(out.read_text())
        assert [row["truth"] for row in rows[:2]] == ["up", "down"]
    else:
        lines = out.read_text().splitlines() if ending == "csv" else []
        rows = list(csv.DictReader(lines)) or pq.read_table(out).to_pylist()
        assert list(rows[0]) == ["input", "name", "truth", "label", "probability", "label_2", "probability_2"]
        assert [row["truth"] for row in rows[:2]] == [row["label"] for row in rows[:2]] == ["up", "down"]
        assert all(float(row["probability"]) + float(row["probability_2"]) == pytest.approx(1) for row in rows)
    assert len(rows) == 12
    assert "is there already" in fails(call, capsys)
    assert main([*call, "--overwrite"]) == 0
    capsys.readouterr()
    assert "must end in .csv or .json or .parquet" in fails([*call[:-1], tmp_path / "answers.xlsx"], capsys)


def test_no_cell_of_a_table_is_a_formula(tmp_path, capsys):
    path = _gestures(tmp_path / "s.csv")
    path.write_text(path.read_text().replace("push", "=1+1").replace("wave", "@wave"))
    run = _trained(path)
    assert main(["predict", str(run), str(path), "--out", "answers.csv"]) == 0
    rows = list(csv.DictReader(Path("answers.csv").read_text().splitlines()))
    assert {row["label"] for row in rows} == {"'=1+1", "'@wave"}


def test_numbers_are_predicted_with_their_errors(tmp_path, capsys):
    rng = np.random.default_rng(0)
    lines = ["id,label,x"]
    for i in range(40):
        size = rng.normal()
        lines += [f"{i},{size:.4f},{size * (t + 1):.4f}" for t in range(4)]
    Path("sizes.csv").write_text("\n".join(lines) + "\n")
    run = _trained(Path("sizes.csv"), "--option", "target=number")
    test = results_of(run)["test"]
    assert test["rmse"] == pytest.approx(test["mse"] ** 0.5)
    assert test["r2"] == pytest.approx(1 - test["mse"] / test["variance"])
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    assert f"mean absolute (MAE), R2 {test['r2']:.3f}" in capsys.readouterr().out
    assert main(["predict", str(run), "sizes.csv", "--out", "answers.csv"]) == 0
    assert "mean absolute (MAE)" in capsys.readouterr().out
    rows = list(csv.DictReader(Path("answers.csv").read_text().splitlines()))
    assert list(rows[0]) == ["input", "name", "truth", "value"]
    assert "--top is for classes, and this model predicts a number" in fails(
        ["predict", run, "sizes.csv", "--top", "2"], capsys
    )


def test_the_same_sequences_in_another_order_are_evaluated_alike(tmp_path, capsys):
    path = _gestures(tmp_path / "s.csv")
    run = _trained(path)
    header, *rows = path.read_text().splitlines()
    blocks = [rows[i : i + 5] for i in range(0, len(rows), 5)]
    turned = [row for block in reversed(blocks) for row in block]
    path.write_text("\n".join([header, *turned]) + "\n")
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    assert _scores(capsys) == results_of(run)["test"]
    assert main(["report", str(run)]) == 0
    capsys.readouterr()
    assert main(["fuse", str(run)]) == 0
    assert capsys.readouterr().out.startswith(f"{100 * results_of(run)['test']['accuracy']:5.1f} %")
    known = fingerprint.from_bytes((run / "fingerprint.json.gz").read_bytes(), "run")
    gone = known["test"][2].name
    path.write_text("\n".join([header, *(row for row in turned if row.split(",")[0] != gone)]) + "\n")
    for call in (["evaluate", run], ["explain", run], ["report", run], ["fuse", run]):
        assert f"1 of 6 test sequences of the run are missing, first: {gone}" in fails(call, capsys)


def test_changed_data_are_said_in_evaluation_and_refused_in_training(tmp_path, capsys):
    path = _gestures(tmp_path / "s.csv")
    run = _trained(path)
    known = fingerprint.from_bytes((run / "fingerprint.json.gz").read_bytes(), "run")
    edited = known["train"][0].name
    path.write_text(path.read_text().replace(f"\n{edited},0,", f"\n{edited},9,"))  # its first frame is its last
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    change = f"1 of 18 training sequences have other values, first: {edited}"
    assert f"warning: not as in training: {change}" in capsys.readouterr().err
    (run / "results.json").unlink()
    assert change in fails(["train", "--resume", run], capsys)


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
