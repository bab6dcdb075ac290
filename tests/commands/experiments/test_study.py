"""`attentive study`: a table that grows run by run, repeats nothing, and is printed."""

from __future__ import annotations

import contextlib
import csv
import json
import subprocess
import sys

import pytest

from attentive_rnn.cli import main
from attentive_rnn.experiments.table import StudyTable

STUDY = """
seeds: [0, 1]
runs:
- {name: motions, recipe: basic-motions, set: {model.num_layers: 1, data.augmentation: [{name: jitter}]}}
- {name: motions without noise, recipe: basic-motions, set: {model.num_layers: 1, model.dropout: 0.1}}
- {name: named, recipe: basic-motions, models: [gru-3, eleatt-gru-3], seeds: [0], set: {model.num_layers: 1}}
fused:
- {name: both, of: [motions, motions without noise], weights: [2, 1]}
- {name: three views, of: [motions], views: 3}
"""
SMALL = ["--model.hidden_size", "4", "--training.max_epochs", "1"]


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A folder with a study of two comparisons and a fusion, over two seeds, that has run."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.yaml").write_text(STUDY)
    assert main(command(folder)) == 0
    return folder


def command(folder, *more):
    table, runs = str(folder / "table.csv"), str(folder / "runs")
    return ["study", str(folder / "study.yaml"), "--table", table, "--output-dir", runs, *SMALL, *more]


def rows(folder):
    with open(folder / "table.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_run_and_every_fusion_has_a_row(studied):
    table = StudyTable(studied / "table.csv")
    assert table.names() == ["motions", "motions without noise", "named", "both", "three views"]
    for name in ("motions", "motions without noise", "both", "three views"):
        assert {variant: sorted(runs) for variant, runs in table.of(name).items()} == {
            "gate": [0, 1],
            "no-gate": [0, 1],
            "no-gate-wide": [0, 1],
        }
    assert [row.model for row in table.of("named")["gru-3"].values()] == ["1-GRU(3)"]
    one, other, both = (table.rows[name, "gate", 0] for name in ("motions", "motions without noise", "both"))
    assert both.parameters == one.parameters + other.parameters
    assert one.validation is not None
    assert one.low <= one.test <= one.high


def test_a_rows_command_makes_the_same_run_again(studied, tmp_path):
    import shlex

    row = StudyTable(studied / "table.csv").rows["named", "gru-3", 0]
    program, *arguments = shlex.split(row.command)
    assert program == "attentive"
    assert main([*arguments, "--output-dir", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("basic-motions/compare-*/comparison.csv")
    with open(file, newline="") as opened:
        assert float(next(csv.DictReader(opened))["test_accuracy"]) == row.test


def test_what_is_in_the_table_is_not_trained_again(studied, capsys):
    before = {path: path.stat().st_mtime_ns for path in studied.rglob("results.json")}
    text = (studied / "table.csv").read_bytes()
    assert main(command(studied)) == 0
    assert (studied / "table.csv").read_bytes() == text
    assert {path: path.stat().st_mtime_ns for path in studied.rglob("results.json")} == before
    captured = capsys.readouterr()
    assert captured.err.count(": all in ") == 5
    assert "1-EleAtt-GRU(4) minus 1-GRU(4): " in captured.out
    assert "average rank over" in captured.out


def test_a_lost_row_of_a_finished_run_comes_back_without_training(studied):
    lines = (studied / "table.csv").read_text().splitlines()
    before = {path: path.stat().st_mtime_ns for path in studied.rglob("results.json")}
    kept = [line for line in lines if not line.startswith("motions,basic-motions,no-gate,")]
    (studied / "table.csv").write_text("\n".join(kept) + "\n")
    assert main(command(studied, "--only", "motions", "--seeds", "1")) == 0
    assert {path: path.stat().st_mtime_ns for path in studied.rglob("results.json")} == before
    assert {row["seed"] for row in rows(studied) if (row["name"], row["variant"]) == ("motions", "no-gate")} == {"1"}
    assert main(command(studied, "--only", "motions")) == 0
    assert sorted(lines) == sorted((studied / "table.csv").read_text().splitlines())


def test_launchers_at_the_same_time_divide_the_runs_and_their_table_is_that_of_one(studied, tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    launcher = [sys.executable, "-m", "attentive_rnn", *command(tmp_path)]
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(subprocess.Popen(launcher, stdout=subprocess.DEVNULL)) for _ in range(2)]
    assert [process.returncode for process in both] == [0, 0]
    assert without_seconds(tmp_path) == without_seconds(studied)
    environments = [json.loads(path.read_text()) for path in tmp_path.rglob("env.json")]
    assert len(environments) == len(rows(studied)) - 2 * 2 * 3  # the fusions train nothing of their own
    assert not any("resumed" in environment for environment in environments)
    assert [path for path in tmp_path.rglob(".*") if path.name.startswith(".")] == []


def without_seconds(folder):
    return [row | {"seconds": None} for row in rows(folder)]


def test_unknown_names_are_refused_with_the_known_ones(studied, capsys):
    assert main(command(studied, "--only", "nothing")) == 2
    assert "has no 'nothing'; there are motions" in capsys.readouterr().err


def test_a_dry_run_lists_what_the_table_lacks_and_trains_nothing(studied, tmp_path, capsys):
    empty = ["study", str(studied / "study.yaml"), "--table", str(tmp_path / "none.csv"), *SMALL, "--dry-run"]
    assert main([*empty, "--only", "motions", "named"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 3 + 2
    assert lines[0] == "run 1 of 8  motions  no-gate-wide  seed 0"
    assert main([*empty, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"name": "named", "model": "gru-3", "seed": 0} in listed
    assert list(tmp_path.iterdir()) == []
    assert main(command(studied, "--dry-run")) == 0
    assert "has every row" in capsys.readouterr().out
