"""Tables of the paper: their rows, their figures, and the Markdown that shows them beside ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attentive_rnn.data import Schema
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.reproduce import PaperTable, Reproduction, list_tables, read_table
from attentive_rnn.experiments.runner import Outcome
from attentive_rnn.experiments.variants import Variant
from attentive_rnn.tasks import task_for
from attentive_rnn.training.config import Config, check_key

TASK = task_for(Schema(("a", "b"), (2,)))


def outcome(*accuracies, unseen=None):
    """A row's outcome over as many seeds as there are accuracies."""
    tests = [{"accuracy": a, "accuracy_interval_95": [a - 0.1, a + 0.1]} for a in accuracies]
    if unseen is not None:
        tests = [test | {"without_copies": {"accuracy": unseen}} for test in tests]
    results = tuple({"test": test, "parameters": 1234} for test in tests)
    config = Config()
    config.data.source = "some-set"
    return Outcome(Variant("GRU", "", config), tuple(range(len(results))), (), results, TASK)


TABLE = PaperTable("t", "a table", ("CS", "CV"), (("GRU", {}, (75.2, 81.5)), ("EleAtt-GRU", {}, (79.8, 87.1))))


def test_every_table_names_only_keys_of_a_recipe_and_as_many_figures_as_columns():
    for name in list_tables():
        table = read_table(name)
        for _, changes, paper in table.rows:
            assert len(paper) == len(table.columns)
            for key in changes:
                check_key(key, name)


def test_an_unknown_table_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="figure2, table1"):
        read_table("table8")


def test_ours_stand_beside_the_papers_figures():
    lines = Reproduction(TABLE, (outcome(0.5), outcome(0.25))).markdown().splitlines()
    assert lines[0] == "| model | parameters | ours on some-set, % | 95 % interval | paper, CS | paper, CV |"
    assert lines[1] == "|---|---|---|---|---|---|"
    assert lines[2] == "| GRU | 1,234 | 50.0 | 40.0 to 60.0 | 75.2 | 81.5 |"
    assert len(lines) == 4


def test_a_mean_of_rows_has_an_interval_over_its_seeds_alone():
    table = replace(TABLE, means=(("mean", (0, 1), (77.5, 84.3)),))
    single = Reproduction(table, (outcome(0.5), outcome(0.25))).markdown().splitlines()[-1]
    assert single == "| mean |  | 37.5 |  | 77.5 | 84.3 |"
    # means of 0.4 and 0.6 by seed: 12.7062 * 0.1 on either side of 0.5
    several = Reproduction(table, (outcome(0.5, 0.7), outcome(0.3, 0.5))).markdown().splitlines()[-1]
    assert several == "| mean |  | 50.0 | needs 3 seeds | 77.5 | 84.3 |"


def test_scores_without_copies_have_a_column_where_there_are_copies():
    lines = Reproduction(TABLE, (outcome(0.5, unseen=0.45), outcome(0.25, unseen=0.2))).markdown().splitlines()
    assert "| without copies, % |" in lines[0]
    assert lines[2] == "| GRU | 1,234 | 50.0 | 40.0 to 60.0 | 45.0 | 75.2 | 81.5 |"
