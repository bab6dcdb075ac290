"""The table of runs with int8 weights, of the run that comes with the package."""

from __future__ import annotations

from pathlib import Path

from benchmarks.int8 import row

import attentive_rnn

RUN = Path(attentive_rnn.__file__).parent / "pretrained" / "basic-motions"


def test_a_run_stands_with_its_answers_scores_sizes_and_times():
    cells = [cell.strip() for cell in row(str(RUN), None, 0.0).split("|")[1:-1]]
    assert cells[0].startswith("BasicMotions: gru, 2 x 32, 100 steps")
    assert cells[1].endswith(" % of 40")
    model, graph = (float(part.removesuffix(" %")) for part in cells[2].split(" / "))
    assert abs(model - graph) <= 100 - float(cells[1].split()[0]) + 0.1
    large, small = (int(part) for part in cells[3].split(" / "))
    assert small < large
    assert all(float(cell.split()[0]) > 0 for cell in cells[4:])
