"""The command `attentive compare`."""

from __future__ import annotations

from pathlib import Path

from attentive_rnn.cli import main
from commands.calls import SMALL


def test_compare_prints_the_table_and_writes_the_files(capsys):
    assert main(["compare", "basic-motions", *SMALL, "--seeds", "0", "1"]) == 0
    printed = capsys.readouterr().out
    for part in ("1-EleAtt-GRU(6)", "1-GRU(6)", "1-GRU(7)", "95 % interval", "paired by seed"):
        assert part in printed
    (folder,) = Path("runs/basic-motions").iterdir()
    assert {"comparison.csv", "comparison.json", "comparison.png"} <= {file.name for file in folder.iterdir()}
