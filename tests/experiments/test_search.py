from itertools import count

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.search import SPACE, Trial, _best, search, seconds_of
from attentive_rnn.training.setup import load_splits


class Clock:
    """A clock on which each look takes a second."""

    def __init__(self):
        self.now = count()

    def __call__(self):
        return next(self.now)


@pytest.fixture
def config(small_config):
    return small_config("basic-motions", training__max_epochs="1", training__select="last", data__valid_fraction="0")


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


def test_too_short_a_budget_still_trains_the_configuration_itself(config, tmp_path, quiet):
    made = search(config, tmp_path, 0.5, splits=load_splits(config), console=quiet, clock=Clock())
    assert made.trials == ()
    assert made.chosen is None
    assert [run.read_config() for run in made.runs] == [config]


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
