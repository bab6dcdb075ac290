import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.fusion import fuse

RNG = np.random.default_rng(0)


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
