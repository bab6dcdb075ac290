"""Programs of the folder examples: each runs from beginning to end and writes what it says."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_the_estimator_chooses_its_parameters_and_draws_its_attention(tmp_path, capsys):
    runpy.run_path(str(EXAMPLES / "estimator.py"))["main"](tmp_path)
    printed = capsys.readouterr().out
    assert "best of 4: {'hidden_size':" in printed
    assert float(printed.split("new recordings ")[1].split()[0]) > 0.5
    assert "of the attended input" in printed
    assert (tmp_path / "classes.png").stat().st_size > 10_000
    assert str(tmp_path / "classes.png") in printed
