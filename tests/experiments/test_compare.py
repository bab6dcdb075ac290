"""The gate against no gate: equal seeds, equal splits, equal parameters."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO

import pytest
import torch
from rich.console import Console

from attentive_rnn.cli import main
from attentive_rnn.data import load
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.compare import compare

SCHEMA = load("basic-motions").train.schema


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1]])
def test_seeds_that_make_no_sense_are_refused(small_config, tmp_path, quiet, seeds):
    with pytest.raises(ConfigError, match="seed"):
        compare(small_config(), tmp_path, seeds, console=quiet)


@pytest.fixture(scope="module")
def compared(small_config, tmp_path_factory):
    torch.set_num_threads(1)
    config = small_config("basic-motions", training__max_epochs="2")
    parent = tmp_path_factory.mktemp("basic-motions")
    return config, parent, compare(config, parent, [3, 5], console=Console(file=StringIO()))


def test_a_comparison_writes_its_tables_and_its_picture(compared):
    comparison = compared[2]
    with open(comparison.folder / "comparison.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == ["1-EleAtt-GRU(6)", "1-GRU(6)", "1-GRU(7)"]
    values = json.loads((comparison.folder / "comparison.json").read_text())
    assert [(run["variant"], run["seed"]) for run in values["runs"]] == [
        (row["variant"], seed) for row in rows for seed in (3, 5)
    ]
    for row in rows:
        own = [run["test"]["accuracy"] for run in values["runs"] if run["variant"] == row["variant"]]
        assert float(row["test_accuracy"]) == pytest.approx(sum(own) / 2)
        assert float(row["test_accuracy_low_95"]) <= min(own) <= max(own) <= float(row["test_accuracy_high_95"])
    assert (comparison.folder / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_a_comparison_writes_a_page_with_the_scores_on_unseen_sequences(compared):
    comparison = compared[2]
    lines = (comparison.folder / "comparison.md").read_text().splitlines()
    assert lines[0] == "| model | test accuracy % | 95 % interval | validation accuracy % | parameters | epochs |"
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| 1-EleAtt-GRU(6)", "| 1-GRU(6)", "| 1-GRU(7)"]
    assert lines[6].startswith("1-EleAtt-GRU(6) minus 1-GRU(6): ")
    assert lines[6].endswith(" 40 test sequences.")
    copied = [
        replace(
            o,
            results=tuple(
                r | {"test": r["test"] | {"copies_in_train": 9, "without_copies": {"accuracy": 0.5}}} for r in o.results
            ),
        )
        for o in comparison.outcomes
    ]
    unseen = replace(comparison, outcomes=tuple(copied)).markdown().splitlines()
    assert "| without 9 copies |" in unseen[0]
    assert unseen[2].split(" | ")[3] == "50.0"


def test_the_variants_have_the_same_seeds_and_validation_splits(compared):
    for outcome in compared[2].outcomes:
        assert [run.read_config().seed for run in outcome.runs] == [3, 5]
        assert {run.read_config().data.valid_fraction for run in outcome.runs} == {0.2}


def test_the_table_and_remarks_say_what_was_measured(compared, quiet):
    quiet.print(compared[2].table())
    text = quiet.file.getvalue() + "\n".join(compared[2].remarks())
    for part in (
        "1-EleAtt-GRU(6)",
        "FLOPs/step",
        "An interval over seeds needs 3 of them",
        "needs 3 seeds",
        "paired by seed",
        "comparison.csv, .json, .md and .png",
    ):
        assert part in text


def test_an_interrupted_comparison_takes_finished_runs_over_and_completes_the_rest(compared, quiet):
    config, parent, comparison = compared
    times = {run.path: run.results.stat().st_mtime_ns for outcome in comparison.outcomes for run in outcome.runs}
    lost = comparison.outcomes[1].runs[0]
    before = (lost.model / "model.safetensors").read_bytes()
    lost.results.unlink()
    again = compare(config, parent, [3, 5], console=quiet)
    assert again.folder == comparison.folder
    assert (lost.model / "model.safetensors").read_bytes() == before
    changed = {path for path, time in times.items() if (path / "results.json").stat().st_mtime_ns != time}
    assert changed == {lost.path}
    assert quiet.file.getvalue().count("finished before, taken over") == 5


def test_another_configuration_gets_another_folder_and_one_seed_wilsons_interval(compared, quiet):
    config, parent, comparison = compared
    single = compare(replace(config, optim=replace(config.optim, lr=0.003)), parent, [3], console=quiet)
    assert single.folder != comparison.folder
    outcome = single.outcomes[0]
    assert list(outcome.test_metric)[1:] == outcome.results[0]["test"]["accuracy_interval_95"]
    assert "Wilson's" in "\n".join(single.remarks())


def test_the_command_compares_named_models_and_counts_sequences(tmp_path, capsys):
    options = ["--data.options", "{length: 8, count: 40, test_count: 20}", "--training.max_epochs", "2"]
    options += ["--model.hidden_size", "4", "--output_dir", str(tmp_path), "--threshold"]
    models = ["--models", "lstm", "eleatt-gru"]
    assert main(["compare", "adding", *options, "100", *models]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "1-LSTM(4): training sequences seen until the validation mse was better than 100, by seed: 40" in printed
    assert "1-EleAtt-GRU" in printed
    assert main(["compare", "adding", *options, "1e-9", *models]) == 0
    assert "by seed: never" in " ".join(capsys.readouterr().out.split())
