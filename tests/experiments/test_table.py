"""Tables of experiments: Markdown and CSV, and the CSV file of a study with what it shows."""

from __future__ import annotations

import os
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from attentive_rnn.data.io.locks import held
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.table import (
    COLUMNS,
    Row,
    StudyTable,
    complete,
    gain_in_words,
    mean_interval,
    models_table,
    paired,
    terminal,
)
from attentive_rnn.tasks.classification import Classification
from attentive_rnn.tasks.metrics import Interval
from attentive_rnn.tasks.regression import Regression


def made(name="a", variant="gate", seed=0, test=0.5, **changes):
    row = Row(name, "r", variant, f"1-{variant}", seed, 10, 3, None, test, test - 0.1, test + 0.1, None, 1.0, "c", "0")
    return replace(row, **changes)


def test_rows_go_to_the_terminal_as_they_are():
    rows = [{"model": "a, b", "error": "0.5"}, {"model": "c", "error": ""}]
    console = Console(file=StringIO(), width=80)
    console.print(terminal(rows, "a title"))
    text = console.file.getvalue()
    assert all(part in text for part in ("a title", "model", "error", "a, b", "0.5"))


def test_a_name_in_brackets_is_no_markup():
    console = Console(file=StringIO(), width=80)
    console.print(terminal([{"model": "[b]one[/b]", "error": "[/red]"}], "[i]title"))
    assert all(part in console.file.getvalue() for part in ("[b]one[/b]", "[/red]", "[i]title"))


def test_a_gain_is_in_the_unit_of_the_metric():
    gain = Interval(0.05, -0.011, 0.111)
    in_points = gain_in_words(Classification.metric, "A", "B", gain, 3)
    assert in_points == "A minus B: +5.0 points (95 % interval -1.1 to +11.1, paired by seed)"
    plain = gain_in_words(Regression.metric, "A", "B", gain, 3)
    assert plain == "A minus B: +0.05 (95 % interval -0.011 to +0.111, paired by seed)"


def test_a_row_replaces_the_one_of_the_same_name_variant_and_seed(tmp_path):
    table = StudyTable(tmp_path / "new" / "t.csv")
    table.add(made(test=0.5, command="old"))
    table.add(made(test=0.7, command="new", validation=0.25))
    again = StudyTable(tmp_path / "new" / "t.csv")
    assert list(again.rows.values()) == [made(test=0.7, command="new", validation=0.25)]
    assert again.holds("a", "gate", 0, "new")
    assert not again.holds("a", "gate", 0, "old")


def test_a_name_like_a_formula_is_text_to_a_spreadsheet_and_comes_back(tmp_path):
    table = StudyTable(tmp_path / "t.csv")
    row = made(name='=HYPERLINK("http://a.b")', test=-0.5)
    table.add(row)
    assert (tmp_path / "t.csv").read_text().splitlines()[1].startswith("\"'=HYPERLINK(")
    table.add(made(name="other"))
    assert list(StudyTable(tmp_path / "t.csv").rows.values()) == [row, made(name="other")]


def test_two_writers_keep_each_others_rows(tmp_path):
    first, second = StudyTable(tmp_path / "t.csv"), StudyTable(tmp_path / "t.csv")
    first.add(made(seed=0))
    second.add(made(seed=1))
    assert len(StudyTable(tmp_path / "t.csv").rows) == 2


def test_a_row_is_there_before_it_is_in_the_csv_and_goes_where_the_study_has_it(tmp_path):
    place = {("a", "gate", 0): (0,), ("b", "gate", 0): (1,)}
    first = StudyTable(tmp_path / "t.csv", lambda key: place.get(key, (2,)))
    for name in ("other", "b", "a"):
        first.add(made(name))
    (tmp_path / "t.csv").unlink()
    second = StudyTable(tmp_path / "t.csv", first.place)
    assert {row.name for row in second.rows.values()} == {"a", "b", "other"}
    second.settle()
    assert list(tmp_path.iterdir()) == [tmp_path / "t.csv"]
    assert [row.name for row in StudyTable(tmp_path / "t.csv").rows.values()] == ["a", "b", "other"]


def test_who_makes_a_row_is_known(tmp_path):
    table = StudyTable(tmp_path / "t.csv")
    keys = [("a", "gate", 0), ("a", "gate", 1)]
    with held(table.file_of(keys[1])):
        assert table.at_work(keys) == {keys[1]: f"process {os.getpid()}"}


def test_a_damaged_row_is_refused_by_its_file(tmp_path):
    table = StudyTable(tmp_path / "t.csv")
    file = table.file_of(("a", "gate", 0))
    for text, message in (('{"name": "a"}', "is not a row of name, recipe"), ("{", "is damaged")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=rf"{file.name}: {message}"):
            table.read()


@pytest.mark.parametrize(
    "line", ["a,b", "a,r,gate,m,zero,10,3,,0.5,0.4,0.6,,1.0,c,0", "a,r,gate,m,0,10,3,,,0.4,0.6,,1,c,0"]
)
def test_a_damaged_table_is_refused_by_its_line(tmp_path, line):
    path = tmp_path / "t.csv"
    path.write_text(",".join(COLUMNS) + "\n" + line + "\n")
    with pytest.raises(ConfigError, match=r"t\.csv, line 2: is not a row"):
        StudyTable(path)


def test_gains_are_paired_by_seed():
    first = {seed: made(seed=seed, test=0.5 + 0.1 * seed) for seed in (0, 1, 2, 3)}
    other = {seed: made(variant="no-gate", seed=seed, test=0.4 + 0.1 * seed) for seed in (1, 2, 3)}
    gain = paired(first, other)
    assert gain.value == pytest.approx(0.1)
    assert gain.high - gain.low == pytest.approx(0, abs=1e-12)
    assert paired(first, {2: other[2]}) is None
    text = models_table({"gate": first, "no-gate": other})
    assert "1-gate minus 1-no-gate: +10.0 points (95 % interval +10.0 to +10.0, paired by seed)." in text


def test_an_interval_over_two_seeds_is_not_shown_but_asked_for():
    two = {seed: made(seed=seed, test=0.3 + 0.3 * seed) for seed in (0, 1)}
    text = models_table({"gate": two, "no-gate": {seed: made(variant="no-gate", seed=seed) for seed in (0, 1)}})
    assert text.splitlines()[2] == "| 1-gate | 0 1 | 45.0 | needs 3 seeds | 10 |"
    assert "(95 % interval needs 3 seeds, paired by seed)" in text


def test_the_table_shows_only_columns_that_have_values():
    plain = models_table({"gate": {0: made()}}).splitlines()
    assert plain[0] == "| model | seeds | test accuracy % | 95 % interval | parameters |"
    assert plain[2] == "| 1-gate | 0 | 50.0 | 40.0 to 60.0 | 10 |"
    full = models_table({"gate": {0: made(unseen=0.25, validation=0.75)}}).splitlines()
    assert full[2] == "| 1-gate | 0 | 50.0 | 40.0 to 60.0 | 25.0 | 75.0 | 10 |"
    assert mean_interval([made(test=0.4), made(test=0.6)]).value == pytest.approx(0.5)


def test_sets_count_by_the_seeds_that_all_models_have(tmp_path):
    table = StudyTable(tmp_path / "t.csv")
    for row in (made(seed=0, test=0.2), made(seed=1, test=0.8), made(variant="no-gate", seed=1), made("b")):
        table.add(row)
    assert complete(table, ["a", "b"], ["gate", "no-gate"]) == {"a": {"gate": 0.8, "no-gate": 0.5}}
