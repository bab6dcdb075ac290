"""Small runs by the command, and the one line of its mistakes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from attentive_rnn.cli import main

SMALL = ["--model.hidden_size", "6", "--model.num_layers", "1", "--training.max_epochs", "2", "--device", "cpu"]
COMMAND = [sys.executable, "-W", "error", "-m", "attentive_rnn"]
VOWELS = "japanese-vowels"
REPRODUCED = ["--recipe", "basic-motions", "--training.max_epochs", "1"]  # options of a quick table


def results_of(path: Path) -> dict:
    return json.loads((path / "results.json").read_text())


def fails(arguments, capsys) -> str:
    """The one line of a command that exits with 2."""
    assert main(list(map(str, arguments))) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("attentive: error: ")
    assert captured.err.count("\n") == 1
    return captured.err
