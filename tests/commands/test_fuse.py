"""`attentive fuse`: runs scored together by the real entry point, with runs of one epoch."""

from __future__ import annotations

import json

import pytest

from attentive_rnn.cli import main


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """The folders of two runs of one data set, of different seeds."""
    folder = tmp_path_factory.mktemp("runs")
    options = ["--training.max_epochs", "1", "--model.hidden_size", "4", "--output-dir", str(folder)]
    for seed in ("0", "1"):
        assert main(["train", "basic-motions", *options, "--seed", seed]) == 0
    return [str(path) for path in sorted(folder.glob("basic-motions/*/"))]


def test_fused_runs_are_scored_together(two_runs, capsys):
    assert main(["fuse", *two_runs, "--weights", "1", "0"]) == 0
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


def test_weights_that_do_not_fit_are_refused_in_one_line(two_runs, capsys):
    assert main(["fuse", two_runs[0], "--weights", "1", "2"]) == 2
    assert "2 weights for 1 models" in capsys.readouterr().err
