"""The table of the accuracy that low-rank gates keep, of the run that comes with the package."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ranks import table

import attentive_rnn

RUN = Path(attentive_rnn.__file__).parent / "pretrained" / "basic-motions"


def test_gates_of_a_rank_as_high_as_their_inputs_keep_all():
    lines = [line.split("|")[1:-1] for line in table(str(RUN), None, [1, 1000])[2:]]
    full, one, all_of_it = ([cell.strip() for cell in line] for line in lines)
    assert [full[0], one[0], all_of_it[0]] == ["full", "1", "1000"]
    assert full[1:] == all_of_it[1:]
    assert int(one[1].replace(",", "")) < int(full[1].replace(",", ""))
