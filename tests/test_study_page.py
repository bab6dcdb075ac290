"""docs/study.md: its study can be run as it stands, and its tables, and one in results.md, are of its rows."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from attentive_rnn.experiments.study import read_study
from attentive_rnn.experiments.table import Row, StudyTable
from attentive_rnn.training.recipes import as_overrides, read_recipe

ROOT = Path(__file__).resolve().parents[1]
STUDY = read_study(ROOT / "docs" / "study.yaml")


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The generator, working on a copy of the page with rows that a test adds."""
    monkeypatch.syspath_prepend(str(ROOT))
    import docs.study as generator

    for name in ("study.md", "study.yaml", "results.md"):
        shutil.copy(ROOT / "docs" / name, tmp_path)
    monkeypatch.setattr(generator, "HERE", tmp_path)
    return generator


def row(name, variant, seed, test):
    model = {"gate": "2-EleAtt-GRU(100)", "no-gate": "2-GRU(100)", "no-gate-wide": "2-GRU(133)"}[variant]
    return Row(name, "r", variant, model, seed, 9, 3, None, test, test - 0.1, test + 0.1, None, 1.0, "the command", "0")


def test_every_run_of_the_study_is_a_recipe_with_keys_it_has():
    for entry in STUDY.entries:
        config = read_recipe(entry.recipe, as_overrides(entry.changes))
        assert config.training.select == "last", entry.name
        assert config.data.valid_fraction == 0, entry.name


def test_trials_of_the_recipe_leave_the_reported_view_alone():
    trials = [entry for entry in STUDY.entries if entry.name.startswith("choice: ")]
    assert trials
    for entry in trials:
        assert entry.changes["data.options"] == {"train_views": [1], "test_view": 2}


def test_every_trial_changes_the_recipe_in_one_respect_that_was_predicted(page):
    first, *trials = (entry for entry in STUDY.entries if entry.name.startswith("choice: "))
    for entry in trials:
        changed = [key for key, value in entry.changes.items() if first.changes.get(key) != value]
        assert len(changed) in (1, 2), entry.name
        assert entry.name.removeprefix(page.CHOICE) in page.EXPECTED


def test_the_page_is_what_the_generator_makes_of_the_table(page, tmp_path):
    for name in ("study.csv", "study.png", "nucla-streams.csv"):
        if (ROOT / "docs" / name).exists():
            shutil.copy(ROOT / "docs" / name, tmp_path)
    page.main()
    for name in ("study.md", "results.md"):
        assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text()


def test_every_row_is_of_the_study_as_it_stands_and_its_command_is_for_any_machine():
    fusions = {fusion.name for fusion in STUDY.fusions}
    for row in StudyTable(ROOT / "docs" / "study.csv").rows.values():
        assert not re.search(r"(^|[\s=])[/~]", row.command), row.command
        if row.name not in fusions:
            entry = STUDY.entry(row.name)
            assert (row.recipe, row.command) == (entry.recipe, entry.command(row.variant, row.seed))


def test_rows_become_tables_ranks_and_a_picture(page, tmp_path):
    table, streams = StudyTable(tmp_path / "study.csv"), StudyTable(tmp_path / "nucla-streams.csv")
    for seed, unseen in ((0, 0.5), (1, 0.6)):
        streams.add(replace(row("bones", "gate", seed, 0.9), unseen=unseen))
    for name in ("N-UCLA", "BasicMotions", "choice: the recipe", "choice: mirrored bodies"):
        for seed in (0, 1):
            gain = 0.02 * (name == "choice: mirrored bodies")
            table.add(row(name, "gate", seed, 0.9 + seed / 100 + gain))
            table.add(row(name, "no-gate", seed, 0.8 + seed / 100 + gain))
            table.add(row(name, "no-gate-wide", seed, 0.85))
    page.main()
    text = (tmp_path / "study.md").read_text()
    assert "| N-UCLA | 2 | 90.5 | 80.5 | 85.0 | +10.0 (+10.0 to +10.0) | +5.5 (-0.9 to +11.9) |" in text
    assert "Sets: N-UCLA, BasicMotions." in text
    assert "| mirrored bodies | 0 1 | 92.5 | 82.5 | +0.5 to +1.5 | +2.0 (+2.0 to +2.0) | +10.0 (" in text
    # of the choices the wide network is no part
    assert re.search(r"\n20 of the study's \d+ runs are in study.csv\.\n", text)
    assert (tmp_path / "study.png").read_bytes().startswith(b"\x89PNG")
    results = (tmp_path / "results.md").read_text()
    assert "| GRU as wide | study.csv | 2 | 80.5 (74.1 to 86.9) |  |" in results
    assert "| EleAtt-GRU, bones | nucla-streams.csv | 2 | 90.0 (90.0 to 90.0) | 55.0 (-8.5 to 118.5) |" in results
    page.main()
    assert (tmp_path / "study.md").read_text() == text
