"""A study grows a table run by run, repeats nothing, and says what the table shows."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from attentive_rnn.cli import main
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.statistics import rank
from attentive_rnn.experiments.study import read_study
from attentive_rnn.experiments.table import (
    COLUMNS,
    Row,
    StudyTable,
    complete,
    mean_interval,
    models_table,
    paired,
)

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
TWO = "runs: [{name: a, recipe: r}, {name: b, recipe: r, models: [gru]}]\n"
SMALL = ["--model.hidden_size", "4", "--training.max_epochs", "1"]


def made(name="a", variant="gate", seed=0, test=0.5, **changes):
    row = Row(name, "r", variant, f"1-{variant}", seed, 10, 3, None, test, test - 0.1, test + 0.1, None, 1.0, "c", "0")
    return replace(row, **changes)


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
    assert captured.err.count(": all in ") == 3
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


def test_a_row_replaces_the_one_of_the_same_name_variant_and_seed(tmp_path):
    table = StudyTable(tmp_path / "new" / "t.csv")
    table.add(made(test=0.5, command="old"))
    table.add(made(test=0.7, command="new", validation=0.25))
    again = StudyTable(tmp_path / "new" / "t.csv")
    assert list(again.rows.values()) == [made(test=0.7, command="new", validation=0.25)]
    assert again.holds("a", "gate", 0, "new")
    assert not again.holds("a", "gate", 0, "old")


def test_two_writers_keep_each_others_rows(tmp_path):
    first, second = StudyTable(tmp_path / "t.csv"), StudyTable(tmp_path / "t.csv")
    first.add(made(seed=0))
    second.add(made(seed=1))
    assert len(StudyTable(tmp_path / "t.csv").rows) == 2


@pytest.mark.parametrize(
    "line", ["a,b", "a,r,gate,m,zero,10,3,,0.5,0.4,0.6,,1.0,c,0", "a,r,gate,m,0,10,3,,,0.4,0.6,,1,c,0"]
)
def test_a_damaged_table_is_refused_by_its_line(tmp_path, line):
    path = tmp_path / "t.csv"
    path.write_text(",".join(COLUMNS) + "\n" + line + "\n")
    with pytest.raises(ConfigError, match=r"t\.csv, line 2: is not a row"):
        StudyTable(path)


def test_gains_are_paired_by_seed():
    first = {seed: made(seed=seed, test=0.5 + 0.1 * seed) for seed in (0, 1, 2)}
    other = {seed: made(variant="no-gate", seed=seed, test=0.4 + 0.1 * seed) for seed in (1, 2, 3)}
    gain = paired(first, other)
    assert gain.value == pytest.approx(0.1)
    assert gain.high - gain.low == pytest.approx(0, abs=1e-12)
    assert paired(first, {2: other[2]}) is None
    text = models_table({"gate": first, "no-gate": other})
    assert "1-gate minus 1-no-gate: +10.0 points (95 % interval +10.0 to +10.0, paired by seed)." in text


def test_the_table_shows_only_columns_that_have_values():
    plain = models_table({"gate": {0: made()}}).splitlines()
    assert plain[0] == "| model | seeds | test accuracy % | 95 % interval | parameters |"
    assert plain[2] == "| 1-gate | 0 | 50.0 | 40.0 to 60.0 | 10 |"
    full = models_table({"gate": {0: made(unseen=0.25, validation=0.75)}}).splitlines()
    assert full[2] == "| 1-gate | 0 | 50.0 | 40.0 to 60.0 | 25.0 | 75.0 | 10 |"
    assert mean_interval([made(test=0.4), made(test=0.6)]).value == pytest.approx(0.5)


def test_sets_count_by_the_seeds_that_all_models_have(tmp_path):
    table = StudyTable(tmp_path / "t.csv")
    for row in (made(seed=0, test=0.2), made(seed=1, test=0.8), made(variant="no-gate", seed=1), made("b")):
        table.add(row)
    assert complete(table, ["a", "b"], ["gate", "no-gate"]) == {"a": {"gate": 0.8, "no-gate": 0.5}}


def test_ranks_share_ties_and_one_model_always_ahead_is_unlikely_by_chance():
    scores = {str(i): {"gate": 0.9, "plain": 0.5 + i / 100, "wide": 0.5 + i / 100} for i in range(8)}
    found = rank(scores)
    assert found.average == {"gate": 1.0, "plain": 2.5, "wide": 2.5}
    assert found.friedman < 0.01
    assert found.wilcoxon["plain"] == pytest.approx(2 / 2**8)
    assert "| plain | 2.50 | 0.008 |" in found.markdown()
    alike = rank({"a": {"x": 0.5, "y": 0.5}, "b": {"x": 0.5, "y": 0.5}})
    assert (alike.friedman, alike.wilcoxon) == (None, {"y": 1.0})
    with pytest.raises(ConfigError, match="two data sets and two models"):
        rank({"a": {"x": 0.5, "y": 0.5}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "must hold keys"),
        ("trials: []", "unknown key 'trials'"),
        ("runs: 3", "runs must be a list"),
        ("runs: [{name: a}]", "run 1: recipe must be a text"),
        ("runs: [{name: a, recipe: r, seed: 1}]", "run 1: unknown key 'seed'"),
        ("runs: [{name: a, recipe: r, seeds: [x]}]", "seeds must be a list of integers"),
        ("runs: [{name: a, recipe: r, set: 3}]", "set must hold keys"),
        ("runs: [{name: a, recipe: r}, {name: a, recipe: r}]", "'a' is given twice"),
        ("runs: [{name: a, recipe: r}]\nfused: [{name: f, of: [a, b]}]", "fused 1: of must be"),
        (TWO + "fused: [{name: f, of: [a, b]}]", "fused 1: the runs a, b must have the same models"),
        (TWO + "fused: [{name: f, of: [a]}]", "fused 1: of must be a list of two or more names"),
        (TWO + "fused: [{name: f, of: [], views: 2}]", "fused 1: of must be a list of names"),
        (TWO + "fused: [{name: f, of: [a], views: 0}]", "fused 1: views must be a whole number from 1 on, got 0"),
        (TWO + "fused: [{name: f, of: [a, a], weights: [1]}]", "fused 1: weights must be a list of 2 numbers"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_study(tmp_path / "s.yaml")


def test_unknown_names_are_refused_with_the_known_ones(studied, capsys):
    assert main(command(studied, "--only", "nothing")) == 2
    assert "has no 'nothing'; there are motions" in capsys.readouterr().err
