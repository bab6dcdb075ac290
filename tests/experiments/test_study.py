"""The file of a study: its entries, their commands, and what is refused."""

from __future__ import annotations

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.study import Fusion, read_study
from attentive_rnn.experiments.variants import ROLES

TWO = "runs: [{name: a, recipe: r}, {name: b, recipe: r, models: [gru]}]\n"


def test_entries_have_the_seeds_and_models_of_the_file_where_they_name_none(tmp_path):
    (tmp_path / "s.yaml").write_text(
        """
        seeds: [0, 1]
        runs:
        - {name: a, recipe: r, set: {model.gate: null}}
        - {name: b, recipe: r, data: sets/one, models: [gru], seeds: [3]}
        fused: [{name: f, of: [a, a], weights: [2, 1]}, {name: v, of: [b], views: 3}]
        """
    )
    study = read_study(tmp_path / "s.yaml")
    a, b = study.entries
    assert (a.seeds, a.models, a.data, a.changes) == ((0, 1), ROLES, None, {"model.gate": None})
    assert (b.seeds, b.models, b.data, b.changes) == ((3,), ("gru",), "sets/one", {})
    assert study.fusions == (Fusion("f", ("a", "a"), (2, 1)), Fusion("v", ("b",), None, 3))
    assert study.names == ["a", "b", "f", "v"]
    assert study.entry("b") is b


def test_commands_name_everything_that_a_run_depends_on(tmp_path):
    (tmp_path / "s.yaml").write_text("runs: [{name: a, recipe: r, data: the set, set: {model.gate: null}}]")
    (entry,) = read_study(tmp_path / "s.yaml").entries
    command = entry.command("gru", 4, [("optim.lr", "0.1")])
    assert command == "attentive compare r --data 'the set' --model.gate null --optim.lr 0.1 --models gru --seeds 4"
    fused = Fusion("two together", ("a", "b")).command("gate", 4, [("optim.lr", "0.1")])
    assert fused == "attentive study STUDY --only 'two together' --seeds 4 --optim.lr 0.1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "must hold keys"),
        ("trials: []", "unknown key 'trials'"),
        ("runs: 3", "runs must be a list"),
        ("runs: [{name: a}]", "run 1: recipe must be a text"),
        ("runs: [{name: a, recipe: r, seed: 1}]", "run 1: unknown key 'seed'"),
        ("runs: [{name: a, recipe: r, seeds: [x]}]", "seeds must be a list of integers"),
        ("runs: [{name: a, recipe: r, set: 3}]", "set must hold keys"),
        ("runs: [{name: a, recipe: r}, {name: a, recipe: r}]", "'a' is given twice"),
        ("runs: [{name: a, recipe: r}]\nfused: [{name: f, of: [a, b]}]", "fused 1: of must be"),
        (TWO + "fused: [{name: f, of: [a, b]}]", "fused 1: the runs a, b must have the same models"),
        (TWO + "fused: [{name: f, of: [a]}]", "fused 1: of must be a list of two or more names"),
        (TWO + "fused: [{name: f, of: [], views: 2}]", "fused 1: of must be a list of names"),
        (TWO + "fused: [{name: f, of: [a], views: 0}]", "fused 1: views must be a whole number from 1 on, got 0"),
        (TWO + "fused: [{name: f, of: [a, a], weights: [1]}]", "fused 1: weights must be a list of 2 numbers"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_study(tmp_path / "s.yaml")
