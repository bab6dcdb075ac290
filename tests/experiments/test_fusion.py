"""Predictions of several models together, and of several random views of a test sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import transform_from_config
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.fusion import answers_in_test, fuse
from attentive_rnn.tasks.metrics import probabilities
from attentive_rnn.training.recipes import load_config
from attentive_rnn.training.saved_model import SavedModel
from attentive_rnn.training.setup import build_model, load_splits, make_job

RNG = np.random.default_rng(0)
NOISE = ("data.augmentation", "[{name: jitter, std: 0.5}]")


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 6))
def test_fused_probabilities_are_the_weighted_mean(weights, count, classes):
    parts = [softmax(RNG.normal(size=(count, classes))) for _ in weights]
    fused = fuse(parts, weights)
    np.testing.assert_allclose(fused, sum(w * p for w, p in zip(weights, parts, strict=True)) / sum(weights))
    np.testing.assert_allclose(fused.sum(axis=1), 1)


def test_logits_count_as_their_softmax():
    logits = [RNG.normal(size=(5, 3), scale=30), RNG.normal(size=(5, 3)) + 800]
    expected = [softmax(x - x.max(axis=1, keepdims=True)) for x in logits]
    np.testing.assert_allclose(fuse(logits, [2, 1]), fuse(expected, [2, 1]))


def test_four_streams_are_weighted_two_two_one_one():
    streams = np.eye(4)[:, None]
    np.testing.assert_allclose(fuse(streams, [2, 2, 1, 1]), [[1 / 3, 1 / 3, 1 / 6, 1 / 6]])
    np.testing.assert_allclose(fuse(streams), [[0.25] * 4])


@pytest.mark.parametrize(
    ("scores", "weights", "message"),
    [
        ([], None, "at least one model"),
        ([np.ones(3)], None, r"scores 0 are \(3,\)"),
        ([np.ones((2, 3)), np.ones((3, 3))], None, "must have predicted the same sequences"),
        ([np.full((2, 3), np.nan)], None, "not finite"),
        ([np.ones((2, 3))] * 2, [1], "1 weights for 2 models"),
        ([np.ones((2, 3))] * 2, [1, -1], "must not be negative"),
        ([np.ones((2, 3))] * 2, [0, 0], "not all 0"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, weights, message):
    with pytest.raises(ConfigError, match=message):
        fuse(scores, weights)


def prepared(*changes, recipe="basic-motions"):
    """A configuration, its model as it starts, and its data."""
    config = load_config(recipe, [("model.hidden_size", "4"), *changes])
    splits = load_splits(config)
    model = build_model(config, splits.train.schema).eval()
    job = make_job(config, splits, model, torch.device("cpu"))
    return config, SavedModel(model, splits.train.schema, job.preprocessing), splits


def test_one_view_is_each_sequence_as_it_is():
    config, saved, splits = prepared(NOISE)
    np.testing.assert_array_equal(answers_in_test(config, saved, splits), saved.logits(splits.test))


@pytest.mark.parametrize("standardise", ["true", "false"])
def test_several_views_are_the_mean_probabilities_of_draws_of_the_augmentation(standardise):
    config, saved, splits = prepared(NOISE, ("seed", "7"), ("data.standardise", standardise))
    found = probabilities(answers_in_test(config, saved, splits, 3))
    augmentation = transform_from_config(config.data.augmentation)
    for i in (0, len(splits.test) - 1):
        rng = [np.random.default_rng((7, view, i)) for view in range(3)]
        plain = saved.preprocessing(splits.test.sequences[i], rng[0])  # nothing here is left to chance
        x = torch.stack([augmentation(plain, one) for one in rng]).flatten(2)
        with torch.no_grad():
            logits = saved.model(x, torch.full((3,), x.shape[1]))
        np.testing.assert_allclose(found[i], probabilities(logits.double().numpy()).mean(0), atol=1e-6)
    np.testing.assert_array_equal(found, probabilities(answers_in_test(config, saved, splits, 3)))
    assert np.abs(found - probabilities(saved.logits(splits.test))).max() > 1e-4


@pytest.mark.parametrize(
    ("changes", "recipe", "views", "message"),
    [
        ([], "basic-motions", 0, "views must be at least 1, got 0"),
        ([], "basic-motions", 4, r"data\.augmentation of the run holds nothing random"),
        (
            [("data.options", "{length: 12, count: 8, test_count: 4}")],
            "adding",
            4,
            "only of sequences that have classes",
        ),
    ],
)
def test_what_has_no_views_is_refused_in_one_line(changes, recipe, views, message):
    config, saved, splits = prepared(*changes, recipe=recipe)
    with pytest.raises(ConfigError, match=message):
        answers_in_test(config, saved, splits, views)
