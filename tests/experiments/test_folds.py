import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.folds import cross_validate
from attentive_rnn.tasks.metrics import student
from attentive_rnn.training.run_folder import list_runs
from attentive_rnn.training.setup import load_splits, training_parts


def test_every_fold_is_answered_by_a_run_that_has_not_seen_it(small_config, tmp_path, quiet):
    config = small_config("basic-motions", training__max_epochs="1", training__select="last")
    splits, finished = load_splits(config), []
    made = cross_validate(config, tmp_path, 3, splits=splits, console=quiet, finished=finished.append)
    assert [run.read_config().data.fold for run in made.runs] == [0, 1, 2]
    assert finished == list(made.runs)
    held_out = [training_parts(run.read_config(), splits)[1] for run in made.runs]
    assert sum(map(len, held_out)) == len(splits.train)
    assert made.mean == student(made.held_out)
    fused = made.fused(splits)
    assert len(fused.labels) == len(splits.test)
    assert len(fused.alone) == 3

    again = cross_validate(config, tmp_path, 3, splits=splits, console=quiet)
    assert again.runs == made.runs
    assert len(list_runs(tmp_path)) == 3


def test_an_epoch_chosen_on_the_fold_is_refused(small_config, tmp_path):
    config = small_config("basic-motions")
    with pytest.raises(ConfigError, match=r"--folds needs training\.select last"):
        cross_validate(config, tmp_path, 3, splits=load_splits(config))
