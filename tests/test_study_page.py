"""docs/study.md: its study can be run as it stands, and its tables are made of study.csv."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from attentive_rnn.cli import main
from attentive_rnn.errors import ConfigError
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

    for name in ("study.md", "study.yaml"):
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


def test_every_trial_changes_the_recipe_in_one_respect_that_was_predicted():
    text = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    first, *trials = (entry for entry in STUDY.entries if entry.name.startswith("choice: "))
    for entry in trials:
        changed = [key for key, value in entry.changes.items() if first.changes.get(key) != value]
        assert len(changed) in (1, 2), entry.name
    assert text.index("## Expectations") < text.index("## Results")


def test_the_page_is_what_the_generator_makes_of_the_table(page, tmp_path):
    for name in ("study.csv", "study.png", "study-confusions.json"):
        if (ROOT / "docs" / name).exists():
            shutil.copy(ROOT / "docs" / name, tmp_path)
    page.main()
    assert (tmp_path / "study.md").read_text() == (ROOT / "docs" / "study.md").read_text()


def test_every_row_is_of_the_study_as_it_stands_and_its_command_is_for_any_machine():
    fusions = {fusion.name for fusion in STUDY.fusions}
    for row in StudyTable(ROOT / "docs" / "study.csv").rows.values():
        assert not re.search(r"(^|[\s=])[/~]", row.command), row.command
        if row.name not in fusions:
            entry = STUDY.entry(row.name)
            assert (row.recipe, row.command) == (entry.recipe, entry.command(row.variant, row.seed))


def test_confusions_are_summed_over_the_seeds_of_each_model(page, tmp_path):
    from docs.study_confusions import collect, pairs

    with pytest.raises(ConfigError, match="no finished run on classes is there"):
        collect(tmp_path)
    small = ["--training.max_epochs", "1", "--model.num_layers", "1", "--output-dir", str(tmp_path)]
    assert main(["compare", "basic-motions", "--models", "gru-3", "--seeds", "0", "1", *small]) == 0
    (folder,) = tmp_path.glob("basic-motions/compare-*")
    found = collect(folder)
    (model,) = found["models"].values()
    assert model["seeds"] == [0, 1]
    assert sum(map(sum, model["confusion"])) == 2 * 40
    confusion = [[8, 2, 0], [0, 10, 0], [5, 0, 5]]
    text = pairs({"classes": ["a", "b", "c"], "models": {"gate": {"seeds": [0, 1], "confusion": confusion}}}, most=2)
    assert text.splitlines()[2:] == ["| c | a | 50 % |", "| a | b | 20 % |"]
    assert text.startswith("| of | taken for | gate, seeds 0 1 |")


def test_rows_become_tables_ranks_and_a_picture(page, tmp_path):
    table = StudyTable(tmp_path / "study.csv")
    for name in ("N-UCLA", "BasicMotions", "choice: the recipe", "choice: one direction"):
        for seed in (0, 1):
            gain = 0.02 * (name == "choice: one direction")
            table.add(row(name, "gate", seed, 0.9 + seed / 100 + gain))
            table.add(row(name, "no-gate", seed, 0.8 + seed / 100 + gain))
            table.add(row(name, "no-gate-wide", seed, 0.85))
    page.main()
    text = (tmp_path / "study.md").read_text()
    assert "### N-UCLA\n\n`the command`" in text
    assert "2-EleAtt-GRU(100) minus 2-GRU(100): +10.0 points (95 % interval needs 3 seeds, paired by seed)." in text
    assert "Sets: N-UCLA, BasicMotions." in text
    assert "| one direction | 0 1 | 92.5 | 82.5 | +2.0 (+2.0 to +2.0) | +10.0 (+10.0 to +10.0) |" in text
    # of the choices the wide network is no part
    assert re.search(r"\n20 of the study's \d+ runs are in study.csv\.\n", text)
    assert (tmp_path / "study.png").read_bytes().startswith(b"\x89PNG")
    page.main()
    assert (tmp_path / "study.md").read_text() == text
