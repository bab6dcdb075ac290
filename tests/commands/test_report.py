"""`attentive report`, and the report that `attentive train` writes at its end."""

from __future__ import annotations

import sys

from attentive_rnn.cli import main


def test_train_writes_the_report_and_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--model.hidden_size", "4", "--model.num_layers", "1", "--training.max_epochs", "1", "--device", "cpu"]
    assert main(["train", "basic-motions", *small]) == 0
    (path,) = tmp_path.glob("runs/basic-motions/*/report.html")
    assert f"report           {path.relative_to(tmp_path)}" in capsys.readouterr().out
    before = path.read_text()
    assert main(["report", str(path.parent.relative_to(tmp_path))]) == 0
    assert path.read_text() == before


def test_a_report_that_fails_leaves_a_finished_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    small = ["--model.hidden_size", "4", "--model.num_layers", "1", "--training.max_epochs", "1", "--device", "cpu"]
    assert main(["train", "basic-motions", *small]) == 0
    captured = capsys.readouterr()
    assert (
        "no report.html: a report needs Jinja2: pip install 'attentive-rnn[report]'; the run is complete"
        in captured.err
    )
    assert "report           " not in captured.out
    assert list(tmp_path.glob("runs/basic-motions/*/results.json"))
