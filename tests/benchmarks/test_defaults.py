"""The table of the automatic recipe: which sets and figures it compares, and what is written where runs are missing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.experiments.table import Row, StudyTable
from benchmarks import defaults


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A copy of the page without rows, which the command works on."""
    for name in ("results.md", "study.yaml", "study.csv"):
        shutil.copy(defaults.DOCS / name, tmp_path)
    monkeypatch.setattr(defaults, "DOCS", tmp_path)
    return tmp_path


def row(name, variant, seed, test):
    return Row(name, "r", variant, "net", seed, 9, 3, None, test, test - 0.1, test + 0.1, None, 1.0, "the command", "0")


def entry(name):
    return next(one for one in defaults.entries() if one.name == name)


def test_every_set_of_the_study_is_there_once():
    names = [one.name for one in defaults.entries()]
    assert len(names) == len(set(names)) == 9
    assert {"N-UCLA", "JapaneseVowels", "SHREC'17"} <= set(names)


def test_the_hand_tuned_figure_is_the_best_mean_of_any_network_on_the_same_data(tmp_path):
    study = StudyTable(tmp_path / "study.csv")
    for name, variant, tests in (
        ("N-UCLA", "gate", (0.8, 0.9)),
        ("N-UCLA, 60 epochs, not mirrored", "no-gate", (0.9, 0.9)),
        ("NATOPS", "gate", (1.0, 1.0)),
        ("choice: the recipe", "gate", (0.99, 0.99)),
    ):
        for seed, test in enumerate(tests):
            study.add(row(name, variant, seed, test))
    value, which = defaults.hand_tuned(study, entry("N-UCLA"))
    assert value == pytest.approx(0.9)
    assert which == "net, N-UCLA, 60 epochs, not mirrored"
    assert defaults.hand_tuned(study, entry("Epilepsy")) is None


def test_missing_runs_are_marked_and_the_others_counted(page):
    rows = StudyTable(page / "defaults.csv")
    for seed in (0, 1):
        rows.add(row("NATOPS", "default", seed, 0.95))
        rows.add(row("NATOPS", "minirocket", seed, 0.9))
    rows.add(row("Epilepsy", "default", 0, 0.5))
    defaults.write(rows)
    text = (page / "results.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("| NATOPS |"))
    assert "| 95.0 (0 1) |" in line
    assert "| 90.0 (0 1) | -0.6 | +5.0 |" in line
    assert "| N-UCLA | not run |" in text
    assert "within a point of it on 1 of 2 sets, and ahead of MiniRocket on 1 of 1." in text
    defaults.write(rows)
    assert (page / "results.md").read_text(encoding="utf-8") == text


def test_a_set_that_is_not_there_is_left_out(page):
    assert defaults.chosen(entry("NATOPS"), None, 0) is None
    assert defaults.chosen(entry("BasicMotions"), None, 4).config.seed == 4


def test_sequences_are_drawn_out_to_one_length():
    schema = Schema(("a",), (2,))
    data = SequenceDataset([torch.ones(3, 2), torch.arange(1.0, 11).reshape(5, 2)], [0, 0], [{}] * 2, schema, "made")
    drawn = defaults.of_one_length(data, 9)
    assert drawn.shape == (2, 2, 9)
    np.testing.assert_allclose(drawn[1, 0], np.arange(1, 10))
