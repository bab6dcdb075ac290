"""Numbers, times, true and false in the cells of text tables."""

import numpy as np
import pytest

from attentive_rnn.data.io.cells import absent, are_times, is_fault, is_value, numbers, parse
from attentive_rnn.errors import DataError


@pytest.mark.parametrize("text", ["", " ", "?", "NA", "N/A", "NaN", "nan", "None", "NULL", "<NA>", "#N/A"])
def test_a_word_for_no_value_is_no_number(text):
    assert absent(text)
    assert is_value(text.strip())
    assert np.isnan(numbers(["1", text.strip()], str)[1])


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["0,5", "-1,25", "3"], [0.5, -1.25, 3]),
        (["1.234,5", "7,25", "1.000"], [1234.5, 7.25, 1000]),
        (["1,234.5", "12,345,678", "7"], [1234.5, 12345678, 7]),
        (["1 234,5", "0,5"], [1234.5, 0.5]),
        (["1,5e-3", "2,5E4"], [0.0015, 25000]),
        (["True", "false", "TRUE"], [1, 0, 1]),
        (["yes", "No", ""], [1, 0, np.nan]),
        (["0,123", "1,234"], [0.123, 1.234]),
        (["1e3", "inf"], [1000, np.inf]),
    ],
)
def test_a_column_is_read_as_it_is_written(texts, values):
    np.testing.assert_array_equal(numbers(texts, str), values)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["1", "ERR"], "1 is 'ERR', not a number; leave the cell empty"),
        (["1", "5 mm"], "1 is '5 mm', not a number; write the number alone"),
        (["1,234", "5,678"], "0 is '1,234', not a number; its comma can be a decimal comma or separate thousands"),
        (["1.5", "2,5"], "1 is '2,5', not a number; write a decimal point"),
        (["3/4/2024", "3/5/2024"], "0 is '3/4/2024', not a number but a date, of day 3 and month 4 or of month 3"),
        (["1", "True"], "1 is 'True', not a number; in a column of numbers write 1"),
        (["1", "1_000"], "1 is '1_000', not a number"),
        (
            ["2024-01-01", "2024-01-02"],
            "0 is '2024-01-01', not a number but a time; name its column with --option time=NAME",
        ),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_the_remedy(texts, message):
    with pytest.raises(DataError) as error:
        numbers(texts, str, times="/" in texts[0])
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("texts", "steps"),
    [
        (["2024-01-01 00:00:00.5", "2024-01-01 00:00:02"], 1.5),
        (["2024-01-01T00:00:00Z", "2024-01-01T02:00:00+01:00"], 3600),
        (["2024/02/28", "2024/02/29"], 86400),
        (["0:59:59.75", "1:00:00"], 0.25),
        (["11:59 AM", "12:00 PM"], 60),
        (["12/31/2024", "1/1/2025"], 86400),
        (["31.12.2024 23:00", "1.1.2025 0:00:00"], 3600),
        (["28/2/2024", "1/3/2024"], 2 * 86400),
    ],
)
def test_times_are_seconds(texts, steps):
    assert are_times([*texts, ""])
    assert np.diff(numbers(texts, str, times=True)).tolist() == [steps]


def test_the_option_decides_how_a_comma_is_read():
    assert numbers(["1,234", "-5,678"], str, decimal="comma").tolist() == [1.234, -5.678]
    assert numbers(["1,234", "-5,678"], str, decimal="point").tolist() == [1234, -5678]
    assert numbers(["1.234", "2.000"], str, decimal="comma").tolist() == [1234, 2000]
    assert numbers(["0.234", "2.000"], str, decimal="comma").tolist() == [0.234, 2]
    assert numbers(["1.234", "2.000"], str).tolist() == [1.234, 2]


def test_faults_are_told_from_values_that_are_written_in_another_way():
    values, faults = parse(["1.5", "ERR", "2,5", "", "True"])
    assert faults == [1, 2, 4]
    assert np.isnan(values[1:]).all()
    assert [is_fault(text) for text in ("ERR", "2,5", "True", "yes", "2024-01-01")] == [True, *[False] * 4]
