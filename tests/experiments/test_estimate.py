"""The doubts about a run's scores, and simple methods on its split."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from attentive_rnn.data import Compose, Schema, SequenceDataset, Splits
from attentive_rnn.data import load as load_data
from attentive_rnn.errors import ConfigError, MissingExtraError
from attentive_rnn.experiments.estimate import Baseline, baselines, doubts, stored_baselines
from attentive_rnn.models import SequenceClassifier
from attentive_rnn.tasks.metrics import Errors, Interval, errors_differ
from attentive_rnn.training import RunFolder, SavedModel
from explain.runs import saved_for


def _results(accuracy: float, count: int) -> dict:
    return {"validation_accuracy": accuracy, "validation_count": count}


def _numbers(mae: float, mse: float, count: int) -> dict:
    return {"validation_mae": mae, "validation_mse": mse, "validation_count": count}


def test_parts_whose_errors_differ_beyond_chance_are_named():
    (doubt,) = doubts(_numbers(0.8, 1.0, 40), {"mae": 4.0, "mse": 25.0, "count": 30})
    assert doubt.startswith("the mean absolute errors of validation (0.8, 40 sequences) and test (4, 30) differ beyond")


@pytest.mark.parametrize("draw", ["normal", "laplace"])
@pytest.mark.parametrize("sizes", [(3, 100), (20, 20), (100, 5)])
def test_errors_of_one_kind_are_seldom_doubted(draw, sizes):
    rng = np.random.default_rng(0)

    def part(size):
        errors = np.abs(getattr(rng, draw)(size=size))
        return Errors(errors.mean(), (errors**2).mean(), size)

    assert sum(errors_differ(*map(part, sizes)) for _ in range(1000)) < 35  # of 1000; 10 are expected


def test_the_test_of_errors_is_that_of_scipy():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    for scale in (1, 1.5, 2, 3):
        one, other = np.abs(rng.normal(size=12)), scale * np.abs(rng.normal(size=30))
        found = errors_differ(*(Errors(part.mean(), (part**2).mean(), len(part)) for part in (one, other)))
        assert found == (ttest_ind(one, other).pvalue < 0.01)


def test_parts_that_differ_beyond_chance_are_named():
    (doubt,) = doubts(_results(0.95, 100), {"accuracy": 0.6, "count": 100})
    assert doubt.startswith("validation (95.0 % of 100) and test (60.0 % of 100) differ beyond chance")
    assert doubts(_results(0.5, 100), {"accuracy": 0.9, "count": 100})


@pytest.mark.parametrize(
    ("results", "test"),
    [
        (_results(1.0, 8), {"accuracy": 0.7, "count": 100}),
        (_results(0.95, 100), {"accuracy": 0.9, "count": 100}),
        ({"validation_accuracy": 1.0}, {"accuracy": 0.0, "count": 100}),
        ({}, {"accuracy": 0.0, "count": 100}),
        (_numbers(0.8, 1.0, 4), {"mae": 1.2, "mse": 2.2, "count": 100}),
        ({"validation_mse": 1.0, "validation_count": 9}, {"mae": 1.5, "mse": 3.0, "count": 100}),  # of an older version
    ],
)
def test_what_chance_may_do_is_no_doubt(results, test):
    assert doubts(results, test) == []


def test_baselines_are_stored_in_a_run_and_a_damaged_file_is_named(tmp_path):
    run = RunFolder(tmp_path)
    assert stored_baselines(run) == []
    one = Baseline("guessing", "accuracy", Interval(0.5, 0.25, 0.75))
    import json

    run.baselines.write_text(json.dumps({"baselines": [one.to_dict()]}))
    assert stored_baselines(run) == [one]
    run.baselines.write_text('{"baselines": [{"method": "x"}]}')
    with pytest.raises(ConfigError, match=r"baselines.json: is damaged"):
        stored_baselines(run)


def test_without_scikit_learn_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    splits = load_data("basic-motions")
    with pytest.raises(MissingExtraError, match=r"pip install 'attentive-rnn\[baseline\]'"):
        baselines(saved_for(splits.train.schema), splits)


def test_summaries_tell_apart_what_they_can():
    splits = load_data("basic-motions")
    first, *_ = baselines(saved_for(splits.train.schema), splits)
    assert first.method.startswith("logistic regression (scikit-learn ")
    assert first.metric == "accuracy"
    assert first.score.value > 0.9


def test_words_are_counted():
    rng = np.random.default_rng(0)
    schema = Schema(("low", "high"), (1,), vocabulary=tuple("abcdef"))
    labels = [i % 2 for i in range(40)]
    texts = [torch.tensor(rng.integers(0, 3, (5 + i % 3, 1)) + 3 * label) for i, label in enumerate(labels)]
    data = SequenceDataset(texts, labels, [{}] * 40, schema)
    model = SequenceClassifier(1, 2, hidden_size=3, vocabulary_size=6, embedding_size=2).eval()
    splits = Splits(data.subset(range(20)), data.subset(range(20, 40)))
    (found,) = baselines(SavedModel(model, schema, Compose([])), splits)
    assert found.method.endswith("on counts of words")
    assert found.score.value == 1


def test_numbers_are_predicted_by_a_line():
    rng = np.random.default_rng(0)
    schema = Schema((), (1,), target="number")
    sizes = rng.normal(size=60)
    data = SequenceDataset([torch.full((4, 1), size) for size in sizes], sizes, [{}] * 60, schema)
    saved = SavedModel(SequenceClassifier(1, 1, hidden_size=3).eval(), schema, Compose([]))
    (found,) = baselines(saved, Splits(data.subset(range(40)), data.subset(range(40, 60))))
    assert found.method.startswith("linear regression")
    assert (found.metric, found.score.value < 0.05) == ("mse", True)


def test_one_class_is_always_right():
    data = load_data("basic-motions").train
    standing = data.subset(np.flatnonzero(data.labels == 0))
    (found, *_) = baselines(saved_for(data.schema), Splits(standing, standing))
    assert found.score.value == 1
