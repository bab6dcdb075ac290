"""Statistics of values in one pass, and what is odd about them."""

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.data.check.values import (
    code_findings,
    missing_findings,
    sequence_findings,
    statistics,
    value_findings,
)


def made(*sequences, **schema):
    size = sequences[0].shape[1]
    data = [torch.as_tensor(values, dtype=torch.float32) for values in sequences]
    return SequenceDataset(data, [0] * len(data), [{}] * len(data), Schema(("a",), (size,), **schema))


@pytest.mark.parametrize("offset", [0, 1e6])
def test_the_numbers_are_those_of_all_frames_at_once(offset):
    rng = np.random.default_rng(0)
    parts = [(offset + rng.normal(size=(n, 3)) * [1, 5, 0]).astype(np.float32) for n in (4, 1, 30)]
    found, values = statistics(made(*parts)), np.concatenate(parts).astype(np.float64)
    assert (found.frames, found.empty, found.single, found.gaps, found.whole) == (35, 0, 1, 0, 35)
    assert (found.low, found.high) == (values.min(), values.max())
    assert found.scale == pytest.approx(values.std())
    assert found.spread == pytest.approx(values.std(axis=0))


def test_empty_frames_and_missing_values_do_not_count_as_values():
    found = statistics(made(np.array([[0, 0], [1, np.nan], [3, 4], [5, 8]]), np.zeros((2, 2))))
    assert (found.frames, found.empty, found.gaps, found.whole) == (6, 3, 1, 2)
    assert found.missing.tolist() == [0, 1]
    assert (found.low, found.high) == (1, 8)
    assert found.spread.tolist() == [1, 2]


def test_a_set_without_any_value_is_described():
    found = statistics(made(np.zeros((2, 2))))
    assert (found.low, found.high, found.scale, found.spread.tolist()) == (0, 0, 0, [0, 0])


def test_unknown_words_are_no_empty_frames():
    data = made(np.array([[0], [2], [0]]), np.array([[1]]), vocabulary=("<unknown>", "a", "b"))
    found = statistics(data)
    assert (found.empty, found.frames) == (0, 4)
    (finding,) = sequence_findings(data)
    assert finding.text == "2 of 4 words are not in the vocabulary"
    assert not list(value_findings(data.schema, found))


def test_the_features_that_lack_most_values_come_first():
    data = made(np.array([[1, np.nan, np.nan], [2, 3, np.nan], [1, 2, 3]]), features=("x", "y", "z"))
    (finding,) = missing_findings(data, statistics(data))
    assert "values are missing in 2 frames" in finding.text
    assert "first is frame 0 of sequence 0; missing values are in z (2), y (1)" in finding.text
    assert finding.option == "missing=interpolate"


def test_a_code_for_no_value_is_named_with_its_feature():
    values = np.array([[0.5, 1], [-999, 2], [0.25, 3], [-999, -999]])
    data = made(values, features=("x", "y"))
    (finding,) = code_findings(data, statistics(data))
    assert finding.severity == "warning"
    assert "the value -999 is there 2 times in x, whose other values are from 0.25 to 0.5" in finding.text
    for usual in (np.array([[-1.0], [0], [1], [-1]]), np.array([[0.0], [999], [1000], [999]])):
        data = made(usual)
        assert not list(code_findings(data, statistics(data)))
