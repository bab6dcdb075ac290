"""Options: values in range are taken, and others are refused with what is allowed."""

import math

import pytest

from attentive_rnn.data.options import number, one_of, whole
from attentive_rnn.errors import ConfigError


def test_values_in_range_are_taken():
    one_of("set", "kind", "b", ("a", "b"))
    assert whole("set", "count", 2, 2) == 2
    assert number("set", "share", 1, 0, 1) == 1.0
    assert isinstance(number("set", "share", 1, 0, 1), float)
    assert number("set", "rate", 1e9, 0, math.inf, above=True) == 1e9


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: one_of("set", "kind", "c", ("a", "b")), "set: kind must be one of a, b, got 'c'"),
        (lambda: whole("set", "count", 1, 2), "set: count must be a whole number >= 2, got 1"),
        (lambda: whole("set", "count", 2.0, 2), "got 2.0"),
        (lambda: whole("set", "count", True, 0), "got True"),
        (lambda: number("set", "share", 1.5, 0, 1), "share must be a number from 0 to 1, got 1.5"),
        (lambda: number("set", "rate", 0, 0, math.inf, above=True), "must be a number above 0, got 0"),
        (lambda: number("set", "share", math.nan, 0, 1), "got nan"),
        (lambda: number("set", "share", False, 0, 1), "got False"),
    ],
)
def test_other_values_are_refused(check, message):
    with pytest.raises(ConfigError) as error:
        check()
    assert message in str(error.value)
