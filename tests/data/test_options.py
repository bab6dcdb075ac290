"""Options: values in range are taken, and others are refused with what is allowed."""

import inspect
import math
from dataclasses import dataclass

import pytest

from attentive_rnn.data.options import by_name, number, one_of, standing_for, whole
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
        (lambda: number("set", "rate", 10**309, 0, math.inf), "must be a number from 0, got 1000"),
        (lambda: number("set", "share", False, 0, 1), "got False"),
    ],
)
def test_other_values_are_refused(check, message):
    with pytest.raises(ConfigError) as error:
        check()
    assert message in str(error.value)


@dataclass(frozen=True)
class Options:
    size: int = 2
    word: str = "a"
    other: float = 0.5


@by_name(Options, "options", without=("other",))
def read(path, options: Options):
    """A reader."""
    return path, options


def test_the_fields_of_a_record_are_given_by_their_names():
    assert read("p", size=3) == ("p", Options(size=3))
    assert str(inspect.signature(read)) == "(path, *, size=2, word='a')"
    assert read.__doc__ == "A reader."
    with pytest.raises(TypeError, match="there is no option 'other'"):
        read("p", other=1.0)


def test_a_function_that_stands_for_a_reader_shows_its_options_and_more():
    @standing_for(read, {"seed": 0}, without=("word",))
    def load(path, seed=0, **options):
        return seed, read(path, **options)

    assert load("p", seed=4, size=1) == (4, ("p", Options(size=1)))
    assert str(inspect.signature(load)) == "(path, *, size=2, seed=0)"
