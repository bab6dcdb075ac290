"""The command `attentive fuse`, with runs of one epoch."""

from __future__ import annotations

import json

from attentive_rnn.cli import main


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
