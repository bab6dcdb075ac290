"""Tables of the paper and fused runs by the real entry point, with runs of one epoch."""

from __future__ import annotations

import json

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.reproduce import list_tables, read_table
from attentive_rnn.training.run_folder import list_runs
from data.writers import nucla_content, nucla_name, write_nucla_zip

SMALL = ["--recipe", "basic-motions", "--training.max_epochs", "1"]


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """A folder in which figure 2 has been reproduced, with tiny layers."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["reproduce", "figure2", *SMALL, "--model.hidden_size", "4", "--output-dir", str(folder)]) == 0
    return folder / "basic-motions" / "reproduce"


def test_every_table_names_only_keys_of_a_recipe_and_as_many_figures_as_columns():
    from attentive_rnn.training.config import check_key

    for name in list_tables():
        table = read_table(name)
        for _, changes, paper in table.rows:
            assert len(paper) == len(table.columns)
            for key in changes:
                check_key(key, name)


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
    options = [*SMALL, "--model.hidden_size", "4", "--output-dir", str(reproduced.parents[1])]
    assert main(["reproduce", "table4", *options]) == 0
    new = {path.name for path in reproduced.iterdir() if path.is_dir()} - set(before)
    rows = json.loads((reproduced / "table4.json").read_text())["rows"]
    assert not new  # without augmentation in the recipe, table 4's rows are two of figure 2's
    assert rows[1]["runs"] == rows[2]["runs"]


def test_fused_runs_are_scored_together(reproduced, capsys):
    runs = [str(path) for path in sorted(reproduced.iterdir()) if path.is_dir()][:2]
    assert main(["fuse", *runs, "--weights", "1", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[0] == lines[0].split()[0]  # all the weight is on the first run
    assert "together" in lines[2]


def test_a_run_answers_to_several_views(tmp_path, capsys):
    options = [
        "--training.max_epochs",
        "1",
        "--model.hidden_size",
        "4",
        "--data.augmentation",
        "[{name: jitter, std: 2}]",
    ]
    assert main(["train", "basic-motions", *options, "--output-dir", str(tmp_path / "run")]) == 0
    (run,) = map(str, (tmp_path / "run").glob("*/*/"))
    capsys.readouterr()
    assert main(["fuse", run, "--views", "3"]) == 0
    alone, together = capsys.readouterr().out.splitlines()
    assert main(["evaluate", run, "--views", "3", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert alone.split()[0] == together.split()[0] == f"{100 * scores['accuracy']:.1f}"


def test_weights_that_do_not_fit_are_refused_in_one_line(reproduced, capsys):
    run = str(next(path for path in sorted(reproduced.iterdir()) if path.is_dir()))
    assert main(["fuse", run, "--weights", "1", "2"]) == 2
    assert "2 weights for 1 models" in capsys.readouterr().err


def test_an_unknown_table_is_refused_with_the_known_ones(capsys):
    with pytest.raises(ConfigError, match="figure2, table1"):
        read_table("table8")
    assert main(["reproduce", "table8", *SMALL]) == 2
    assert "unknown table 'table8'" in capsys.readouterr().err
