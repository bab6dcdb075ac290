"""Columns: fields with their place in the file, and metas as columns and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import load
from attentive_rnn.data.formats.columns import Columns, from_columns, to_columns
from attentive_rnn.errors import ConfigError, DataError

values = st.integers() | st.text() | st.none() | st.booleans() | st.lists(st.integers(), max_size=2)


@given(st.lists(st.dictionaries(st.sampled_from(["name", "subject", "not an identifier"]), values), min_size=1))
def test_metas_survive_as_columns(metas):
    columns = to_columns(metas, reserved=("labels",))
    assert from_columns(columns, len(metas), "here") == metas


def test_only_what_all_sequences_have_in_one_type_is_a_column_of_its_own():
    metas = [{"subject": 1, "name": "a", "labels": 1}, {"subject": 2, "name": 3, "labels": 2}]
    assert to_columns(metas, reserved=("labels",))["subject"] == [1, 2]
    assert set(to_columns(metas, reserved=("labels",))) == {"subject", "meta"}
    with pytest.raises(DataError, match="here: meta of sequence 1 is not a JSON object"):
        from_columns({"meta": ["{}", "[1"]}, 2, "here")


def test_a_field_is_named_by_its_line():
    table = Columns("set.csv", "line", [2, 3, 5], {"x": ["1", "?", "word"], "id": ["7", "7", "8"]})
    assert not table.are_numbers("x")
    with pytest.raises(DataError, match=r"set.csv, line 5: x is 'word', not a number"):
        table.numbers("x")
    order, starts = np.arange(3), np.array([0, 2])
    assert table.constants("id", order, starts) == [7, 8]
    with pytest.raises(DataError, match=r"set.csv, line 3: x changes from '1' to '.' within a sequence"):
        table.constants("x", order, starts)
    with pytest.raises(ConfigError, match=r"there is no column 'y' .given as label.; there are x, id"):
        table.called("y", "label")


def _flagged(tmp_path, names, rows):
    lines = [f"{i},{t},{i % 2},{0.5 * t},{flags}" for i, flags in enumerate(rows) for t in range(3)]
    path = tmp_path / "set.csv"
    path.write_text("\n".join([f"id,frame,label,x,{names}", *lines]) + "\n")
    return path


def test_a_column_that_says_what_is_for_training_is_the_split_and_no_feature(tmp_path):
    path = _flagged(tmp_path, "is_train", ["True", "True", "False", "False", "True", "True"])
    splits = load("table", path)
    assert splits.train.schema.features == ("x",)
    assert [[meta["name"] for meta in part.metas] for part in splits.parts().values()] == [
        ["0", "1", "4", "5"],
        ["2", "3"],
    ]
    assert "the part of each sequence is that of 'is_train'; --option keep=[is_train] takes it" in splits.train.notes[0]
    assert load("table", path, keep=["is_train"]).train.schema.features == ("x", "is_train")


def test_beside_a_split_it_is_no_feature_either(tmp_path):
    path = _flagged(tmp_path, "is_train,split", ["1,train", "0,train", "1,test", "0,test"])
    splits = load("table", path)
    assert splits.train.schema.features == ("x",)
    assert [len(part) for part in splits.parts().values()] == [2, 2]
    asked = load("table", path, split="is_train")
    assert [[meta["name"] for meta in part.metas] for part in asked.parts().values()] == [["0", "2"], ["1", "3"]]
