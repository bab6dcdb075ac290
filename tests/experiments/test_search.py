import sys
from itertools import count
from operator import attrgetter

import numpy as np
import pytest

from attentive_rnn.data import Splits
from attentive_rnn.errors import ConfigError, MissingExtraError
from attentive_rnn.experiments.search import COMPARED, SPACE, Trial, _best, search, seconds_of
from attentive_rnn.training.setup import load_splits


class Clock:
    """A clock on which each look takes a second."""

    def __init__(self):
        self.now = count()

    def __call__(self):
        return next(self.now)


@pytest.fixture
def config(small_config):
    return small_config(
        "basic-motions",
        training__max_epochs="1",
        training__select="last",
        data__valid_fraction="0",
        optim__weight_decay="0.001",
    )


def test_the_budget_is_spent_on_trials_inside_the_training_part_and_on_seeds(config, tmp_path, quiet):
    splits = load_splits(config)
    made = search(config, tmp_path, 24, splits=splits, fixed=["optim.lr"], console=quiet, clock=Clock())
    assert len(made.trials) == 2
    assert made.trials[0].changes == {}
    assert set(made.trials[1].changes) == set(SPACE) - {"optim.lr"}
    assert all(len(trial.scores) == 3 for trial in made.trials)
    assert made.chosen in made.trials
    assert f"{len(made.trials)} settings tried on 3 folds" in made.in_words()
    assert [run.read_config().seed for run in made.runs] == list(range(len(made.runs)))
    assert len(made.runs) > 1
    assert all(run.read_config().data.folds == 0 for run in made.runs)


def test_settings_below_the_median_are_given_up_and_the_same_command_finds_the_same(config, tmp_path, quiet):
    splits = load_splits(config)
    made = search(config, tmp_path, 54, splits=splits, console=quiet, clock=Clock())
    assert made.given_up > 0
    assert len(made.trials) >= COMPARED
    tried = len(made.trials) + made.given_up
    assert made.in_words().startswith(f"{tried} settings tried on 3 folds of the training part, {made.given_up} of")
    for trial in made.trials[1:]:
        factors = {key: value / attrgetter(key)(config) for key, value in trial.changes.items()}
        assert all(SPACE[key][0] * 0.9 < factor < SPACE[key][1] * 1.1 for key, factor in factors.items())
    runs = set((tmp_path / "search").iterdir())
    again = search(config, tmp_path, 54, splits=splits, console=quiet, clock=Clock())
    assert (again.trials, again.given_up, again.runs) == (made.trials, made.given_up, made.runs)
    assert set((tmp_path / "search").iterdir()) == runs


def test_settings_whose_loss_becomes_infinite_are_given_up(config, tmp_path, quiet, monkeypatch):
    monkeypatch.setitem(SPACE, "optim.lr", (1.0, 1e80))
    made = search(config, tmp_path, 18, splits=load_splits(config), console=quiet, clock=Clock())
    assert made.trials[0].changes == {}
    assert made.given_up > 0


def test_a_search_that_promises_more_than_the_test_part_keeps_is_doubted(small_config, turned_table, tmp_path, quiet):
    table = {"data__source": "table", "data__path": str(turned_table)}
    config = small_config("sequence", **table, training__max_epochs="8", optim__lr="0.02")
    made = search(config, tmp_path, 15, splits=load_splits(config), console=quiet, clock=Clock())
    (doubt,) = made.doubts
    assert doubt.startswith("validation (100.0 % of 40) and test (0.0 % of 20) differ beyond chance")


def test_what_is_fixed_or_zero_is_not_searched(config, tmp_path, quiet):
    config.model.dropout = 0.0
    fixed = set(SPACE) - {"model.dropout"}
    made = search(config, tmp_path, 6, splits=load_splits(config), fixed=fixed, console=quiet, clock=Clock())
    assert made.trials == ()
    assert len(made.runs) > 1


def test_without_optuna_it_is_named(config, tmp_path, quiet, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"^--budget needs Optuna: pip install 'attentive-rnn\[search\]'$"):
        search(config, tmp_path, 10, splits=load_splits(config), console=quiet)


def test_too_short_a_budget_still_trains_the_configuration_itself(config, tmp_path, quiet):
    made = search(config, tmp_path, 0.5, splits=load_splits(config), console=quiet, clock=Clock())
    assert made.trials == ()
    assert made.chosen is None
    assert [run.read_config() for run in made.runs] == [config]


def test_a_class_with_one_sequence_is_searched_with_the_others(config, tmp_path, quiet):
    whole = load_splits(config)
    labels = whole.train.labels
    one = np.flatnonzero(labels == 0)[:1]
    splits = Splits(whole.train.subset([*one, *np.flatnonzero(labels > 0)]), whole.test)
    made = search(config, tmp_path, 12, splits=splits, console=quiet, clock=Clock())
    assert made.trials
    assert sum(run.read_results()["validation_count"] for run in made.trials[0].runs) == 30


def test_too_few_sequences_for_folds_are_trained_on_and_that_is_said(config, tmp_path, quiet):
    whole = load_splits(config)
    splits = Splits(whole.train.subset([0, 15, 30]), whole.test)
    made = search(config, tmp_path, 3, splits=splits, console=quiet, clock=Clock())
    assert made.in_words().startswith("no other settings were tried: ")
    assert made.in_words().endswith("cannot be divided into 3 folds")
    assert made.runs


def test_a_trial_is_chosen_only_where_it_is_better_beyond_the_noise_of_the_folds():
    first = Trial({}, (0.8, 0.9, 0.7))
    clear, lucky = Trial({"optim.lr": 0.1}, (0.85, 0.96, 0.74)), Trial({"optim.lr": 0.2}, (1.0, 0.8, 0.7))
    assert _best([first, clear], float) is clear
    assert _best([first, lucky], float) is first
    assert _best([first], float) is first
    assert _best([first, clear], lambda value: -value) is first


def test_what_cannot_be_searched_is_refused(small_config, tmp_path):
    config = small_config("basic-motions")
    with pytest.raises(ConfigError, match=r"--budget needs training\.select last"):
        search(config, tmp_path, 10, splits=load_splits(config))
    for text in ("soon", "0m", "10", "-3s"):
        with pytest.raises(ConfigError, match="--budget must be a time"):
            seconds_of(text)
    assert seconds_of("1.5h") == 5400
