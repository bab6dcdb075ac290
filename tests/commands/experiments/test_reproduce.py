"""The command `attentive reproduce`, with runs of one epoch."""

from __future__ import annotations

import json

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.reproduce import read_table
from attentive_rnn.training.run_folder import list_runs
from commands.calls import REPRODUCED
from data.writers import nucla_content, nucla_name, write_nucla_zip


def test_a_table_has_a_row_for_each_of_the_papers_beside_its_figures(reproduced):
    lines = (reproduced / "figure2.md").read_text().splitlines()
    assert lines[0].startswith("Figure 2")
    assert [line.split(" | ")[0] for line in lines[4:]] == [
        "| 3-GRU",
        "| 1-EleAtt-GRU + 2-GRU",
        "| 2-EleAtt-GRU + 1-GRU",
        "| 3-EleAtt-GRU",
    ]
    assert lines[-1].endswith("| 79.8 | 87.1 |")


def test_skeletons_are_reproduced_by_the_papers_recipe(tmp_path):
    names = [nucla_name(action, subject, 0, view) for action in (1, 2) for subject in (1, 2) for view in (1, 2, 3)]
    frames = np.random.default_rng(0).normal(size=(len(names), 5, 20, 3))
    contents = {name: nucla_content(name, one) for name, one in zip(names, frames, strict=True)}
    data = str(write_nucla_zip(tmp_path / "set.zip", contents))
    options = ["--training.max_epochs", "1", "--model.hidden_size", "4", "--output-dir", str(tmp_path)]
    assert main(["reproduce", "table4", "--data", data, *options]) == 0
    folder = tmp_path / "paper" / "skeleton" / "reproduce"
    assert (folder / "table4.md").exists()
    layers = {run.read_config().model.num_layers for run in list_runs(folder)}
    assert layers == {3}


def test_a_run_that_is_there_is_taken_over_by_another_table(reproduced, capsys):
    before = sorted(path.name for path in reproduced.iterdir() if path.is_dir())
    options = [*REPRODUCED, "--model.hidden_size", "4", "--output-dir", str(reproduced.parents[1])]
    assert main(["reproduce", "table4", *options]) == 0
    new = {path.name for path in reproduced.iterdir() if path.is_dir()} - set(before)
    rows = json.loads((reproduced / "table4.json").read_text())["rows"]
    assert not new  # without augmentation in the recipe, table 4's rows are two of figure 2's
    assert rows[1]["runs"] == rows[2]["runs"]


def test_an_unknown_table_is_refused_with_the_known_ones(capsys):
    with pytest.raises(ConfigError, match="figure2, table1"):
        read_table("table8")
    assert main(["reproduce", "table8", *REPRODUCED]) == 2
    assert "unknown table 'table8'" in capsys.readouterr().err
