"""The table of what users would pick instead: it is that of its file, and our networks are measured as they are."""

from __future__ import annotations

import pytest

from attentive_rnn.experiments.table import StudyTable
from benchmarks import defaults, rivals, rows


def test_the_table_on_the_page_is_that_of_the_file():
    lines = rows.read(defaults.DOCS / "rivals.csv", rivals.Line)
    assert {line.name for line in lines} == set(rivals.SETS)
    assert rivals.table(lines) in (defaults.DOCS / "results-all.md").read_text(encoding="utf-8")
    assert rivals.short(lines) in (defaults.DOCS / "results.md").read_text(encoding="utf-8")


def test_the_short_table_has_each_accuracy_and_the_ends_of_the_costs():
    lines = [
        rivals.Line("NATOPS", "rocket", 0.9, 10.0, 5.04, 1.0, "0"),
        rivals.Line("Epilepsy", "rocket", 0.8, 30.0, 2.0, 1.5, "0"),
        rivals.Line("NATOPS", rivals.LIVE, None, None, 0.0758, 0.5, "0"),
    ]
    table = rivals.short(lines)
    assert "| NATOPS |  | 90.0 |  |  |\n" in table
    assert "| rocket | 10 to 30 | 2.0 to 5.0 | 1.0 to 1.5 |\n" in table
    assert f"| {rivals.LIVE} |  | 0.076 to 0.076 | 0.5 to 0.5 |\n" in table


def test_the_network_for_streams_is_smaller_than_the_one_for_whole_sequences_and_answers_a_frame(tmp_path):
    entry = next(one for one in defaults.entries() if one.name == "BasicMotions")
    choice = defaults.chosen(entry, None, 0)
    whole, live = (
        rivals.ours(entry, choice, model, StudyTable(tmp_path / "no.csv")) for model in (rivals.OURS, rivals.LIVE)
    )
    assert live.size < whole.size == pytest.approx(4 * 367_288 / 1e6)
    assert whole.test is live.test is None
    assert live.answer > 0
