import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data.io.text import parse_rows
from attentive_rnn.errors import DataError

floats = st.floats(-1e30, 1e30)


@given(st.lists(st.tuples(floats, floats, floats), min_size=1), st.sampled_from([" ", ";"]))
def test_written_numbers_are_read_again(rows, separator):
    text = "\n".join(separator.join(map(repr, row)) for row in rows)
    values = parse_rows(text.encode(), "here", 3, None if separator == " " else separator)
    np.testing.assert_array_equal(values, rows)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    try:
        values = parse_rows(data, "here", 2)
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert values.shape[1] == 2
        assert np.isfinite(values).all()
    assert not refusal or refusal.startswith("here")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"1 2\n\n1\n", "line 3: has 1 numbers, expected 2"),
        (b"1 2\n1 x\n", "line 2: 'x' is not a finite number"),
        (b"1 2\n1 nan\n", "line 2: 'nan' is not a finite number"),
        (b"1 2\n1 1e39\n", "line 2: '1e39' is not a finite number"),
        (b"1 2\n1 \xe9\n", "line 2: is not text"),
    ],
)
def test_a_fault_is_named_with_its_line(data, message):
    with pytest.raises(DataError, match=f"here.*{message}"):
        parse_rows(data, "here", 2)
