"""Every form of X is the same sequences to an estimator, and what may be two things is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from attentive_rnn.data import from_frame
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.estimators import unpad
from estimators.small import classifier, regressor, sequences


def test_lists_tensors_and_padded_sequences_are_one_to_the_bit():
    X, y = sequences()
    expected = classifier().fit(X, y).predict_proba(X)
    lengths = [len(one) for one in X]
    padded = np.stack([np.pad(one, ((0, 9 - len(one)), (0, 0)), constant_values=np.nan) for one in X])
    tensors = [torch.from_numpy(one) for one in X]
    for other in (tensors, unpad(padded, lengths), unpad(torch.from_numpy(padded), lengths)):
        assert (classifier().fit(other, y).predict_proba(other) == expected).all()
    ragged = np.empty(len(X), dtype=object)
    ragged[:] = X
    assert (classifier().fit(ragged, y).predict_proba(ragged) == expected).all()
    aeons = [one.T for one in X]
    assert (classifier(channels="first").fit(aeons, y).predict_proba(aeons) == expected).all()


def test_arrays_of_aeon_are_the_same_with_channels_first():
    X, y = sequences()
    array = np.stack([one[:4] for one in X])
    expected = classifier().fit(array, y).predict_proba(array)
    aeons = array.transpose(0, 2, 1)
    assert (classifier(channels="first").fit(aeons, y).predict_proba(aeons) == expected).all()


def test_an_array_with_more_channels_than_steps_is_refused_unless_its_order_is_said():
    array, y = np.random.default_rng(0).normal(size=(8, 2, 5)), ["a", "b"] * 4
    with pytest.raises(DataError, match=r"X is \(8, 2, 5\).*channels='last' or channels='first'"):
        classifier().fit(array, y)
    assert classifier(channels="last").fit(array, y).n_features_in_ == 5
    assert classifier(channels="first").fit(array, y).n_features_in_ == 2
    fitted = classifier().fit(array.transpose(0, 2, 1), y)
    assert fitted.predict(array.transpose(0, 2, 1)[:, :1]).shape == (8,)  # short sequences are in no doubt any more


def test_a_row_of_a_table_is_a_series_of_one_channel():
    table, y = np.random.default_rng(0).normal(size=(8, 5)), ["a", "b"] * 4
    expected = classifier().fit(table[..., None], y).predict_proba(table[..., None])
    fitted = classifier().fit(table, y)
    assert (fitted.predict_proba(table) == expected).all()
    assert fitted.n_features_in_ == 5
    named = classifier().fit(pd.DataFrame(table, columns=list("vwxyz")), y)
    assert named.feature_names_in_.tolist() == list("vwxyz")
    with pytest.raises(ValueError, match="X has 4 features, but AttentiveClassifier is expecting 5"):
        fitted.predict(table[:, :4])


def test_a_long_table_keeps_its_names_and_its_labels():
    X, y = sequences()
    rows = [
        pd.DataFrame(one, columns=["a", "b", "c"]).assign(id=i, label=label)
        for i, (one, label) in enumerate(zip(X, y, strict=True))
    ]
    data = from_frame(pd.concat(rows, ignore_index=True), sequence="id", label="label")
    fitted = classifier().fit(data)
    assert (fitted.predict_proba(data) == classifier().fit(X, y).predict_proba(X)).all()
    assert [group.name for group in fitted.explain(data)[0].groups] == ["a", "b", "c"]
    assert regressor().fit(data, np.arange(24.0)).predict(data).shape == (24,)


def test_what_is_no_sequences_of_one_width_is_refused():
    X, y = sequences(8)
    with pytest.raises(DataError, match="as many channels, got 2 to 3"):
        classifier().fit([X[0], X[1][:, :2], *X[2:]], y)
    with pytest.raises(DataError, match="of \\(channels, time\\) say channels='first'"):
        classifier().fit([one.T for one in X], y)
    with pytest.raises(ConfigError, match="channels must be 'last' or 'first', or None, got 'middle'"):
        classifier(channels="middle").fit(X, y)
    X[3][1, 0] = np.nan
    with pytest.raises(DataError, match="sequence 3, frame 1: a value is missing"):
        classifier().fit(X, y)
    with pytest.raises(DataError, match="must be an array"):
        classifier().fit([X[0], np.zeros(3), *X[2:]], y)


def test_another_width_or_a_single_sequence_is_refused_by_a_fitted_estimator():
    X, y = sequences(8)
    fitted = classifier().fit(X, y)
    with pytest.raises(DataError, match=r"X has 2 channels, but AttentiveClassifier was fitted on sequences \(T, 3\)"):
        fitted.predict([one[:, :2] for one in X])
    with pytest.raises(DataError, match=r"\[X\] for a single one"):
        fitted.predict(X[0])
    with pytest.raises(ValueError, match="samples"):
        fitted.score(X[:5], y)


def test_samples_of_a_data_set_are_refused_since_their_schema_is_lost():
    data = from_frame({"id": [0, 0, 1], "label": ["a", "a", "b"], "x": [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match="holds samples"):
        classifier().fit([data[0], data[1]], ["a", "b"])


@pytest.mark.parametrize("lengths", [[5, 6, 1], [0, 1, 1], [1, 2], [1.0, 2.0, 2.0]])
def test_lengths_that_do_not_fit_are_refused(lengths):
    with pytest.raises(DataError, match="lengths must be"):
        unpad(np.zeros((3, 5, 2)), lengths)
