"""Predictions of several models together, and of several random views of a test sequence."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import transform_from_config
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.fusion import answers_in_test, fuse, fuse_runs
from attentive_rnn.tasks.metrics import probabilities
from attentive_rnn.training import train
from attentive_rnn.training.recipes import load_config
from attentive_rnn.training.saved_model import SavedModel
from attentive_rnn.training.setup import build_model, load_splits, make_job
from data.writers import nucla_content, nucla_name, write_nucla_zip

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


def nucla_run(folder, quiet, repetitions, seed):
    """A run on a set of skeletons with these repetitions of two actions by two people in three views."""
    rng, contents = np.random.default_rng(0), {}
    for action, subject, view in product((1, 2), (1, 2), (1, 2, 3)):
        for repetition in range(3):
            name = nucla_name(action, subject, repetition, view)
            frames = rng.normal(size=(5, 20, 3)) + action
            if repetition in repetitions:
                contents[name] = nucla_content(name, frames)
    data = write_nucla_zip(folder / f"set{seed}.zip", contents)
    small = {"training.max_epochs": "1", "model.hidden_size": "4", "model.num_layers": "1", "seed": str(seed)}
    config = load_config("nucla", [("data.path", str(data)), *small.items()])
    return train(config, folder / "runs", console=quiet)


def test_runs_on_different_sets_are_aligned_by_the_names_of_their_sequences(tmp_path, quiet):
    both, some = nucla_run(tmp_path, quiet, (0, 1), 0), nucla_run(tmp_path, quiet, (1, 2), 1)
    fused = fuse_runs([both, some])
    # four test sequences (view 3) of each repetition
    assert (fused.lacking, len(fused.labels), fused.unseen) == ((4, 4), 12, None)
    assert [alone.count for alone in fused.alone] == [8, 8]
    np.testing.assert_allclose(fused.probabilities.sum(1), 1)
    alone = fuse_runs([both])
    np.testing.assert_allclose(alone.probabilities[0], fused.probabilities[0])  # repetition 0: one run knows it
    assert fused.together.count == 12


def test_runs_that_cannot_be_aligned_are_refused(tmp_path, quiet, small_config, finished_run):
    skeletons = nucla_run(tmp_path, quiet, (0,), 0)
    with pytest.raises(ConfigError, match="its classes are not those of"):
        fuse_runs([skeletons, finished_run])
    with pytest.raises(ConfigError, match=r"tests no sequence of .*; fuse runs of one data set and split"):
        fuse_runs([skeletons, nucla_run(tmp_path, quiet, (1,), 1)])
    number = train(small_config("adding", training__max_epochs="1"), tmp_path, console=quiet)
    with pytest.raises(ConfigError, match="only the probabilities of classes are fused"):
        fuse_runs([number])
