"""Columns that say which rows are for training and which for testing."""

import pytest

from attentive_rnn.data.labels.flags import parts_of_flags
from attentive_rnn.errors import DataError


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"is_train": ["True", "False", "true"]}, "train test train"),
        ({"isTest": [0, 1, 0]}, "train test train"),
        ({"test_set": ["1.0", "0.0", "0.0"], "x": [0, 1, 1]}, "test train train"),
        ({"is_train": [1, 0, 0], "is_test": [0, 1, 0]}, "train test valid"),
    ],
)
def test_columns_of_true_and_false_tell_the_part(columns, parts):
    assert parts_of_flags(columns, "here") == ([name for name in columns if name != "x"], parts.split())


@pytest.mark.parametrize(
    "columns", [{"is_train": [1, 1]}, {"is_train": [0, 2]}, {"is_training_load": [0, 1]}, {"train": [0, 1]}]
)
def test_other_columns_tell_no_part(columns):
    assert parts_of_flags(columns, "here") == ([], [])


def test_columns_that_contradict_each_other_are_refused():
    with pytest.raises(DataError, match="here: row 2 is both for training and for testing, by is_train and is_test"):
        parts_of_flags({"is_train": [0, 1], "is_test": [0, 1]}, "here")
    with pytest.raises(DataError, match="here: the columns 'is_train', 'train_set' both tell the part of a row"):
        parts_of_flags({"is_train": [0, 1], "train_set": [0, 1]}, "here")
