"""Columns: fields with their place in the file, and metas as columns and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
