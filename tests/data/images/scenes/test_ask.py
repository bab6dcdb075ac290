"""Questions about scenes have the answers that the scene has, and changes touch the named digit only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn.data.images.scenes import COLOURS, PlacedDigit, draw_scene
from attentive_rnn.data.images.scenes.ask import ANSWERS, ATTRIBUTE, CHANGE, NOTHING, QUESTION, neighbour
from data.images.scenes.test_draw import glyphs

NAMES = list(COLOURS)


def scene(seed):
    return draw_scene(glyphs(), np.random.default_rng(seed), size=64, distractors=5)


def at(digit, row, column, colour=0):
    return PlacedDigit(digit, colour, 1.0, (row - 2, column - 2, row + 2, column + 2), 0.0)


def test_the_colour_is_asked_of_every_digit():
    made = scene(0)
    items = ATTRIBUTE.ask(made, np.random.default_rng(0))
    assert [int(item.words[0]) for item in items] == [place.digit for place in made.digits]
    assert [ATTRIBUTE.answers[item.answer] for item in items] == [NAMES[place.colour] for place in made.digits]
    assert [item.asked for item in items] == list(range(1, len(items) + 1))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_answers_are_those_of_the_scene(seed):
    made = scene(seed)
    of = {str(place.digit): place for place in made.digits}
    for item in QUESTION.ask(made, np.random.default_rng(seed)):
        answer = ANSWERS[item.answer]
        assert set(item.words) <= set(QUESTION.vocabulary)
        match item.words:
            case ("what", "colour", "is", "the", digit):
                assert answer == NAMES[of[digit].colour]
                assert made.digits[item.asked - 1] is of[digit]
            case ("how", "many", "digits", "are", "there"):
                assert int(answer) == len(made.digits)
            case ("how", "many", "digits", "are", colour):
                assert int(answer) == sum(NAMES[place.colour] == colour for place in made.digits)
            case ("what", "is", "left" | "right" | "above" | "below", *_, digit):
                assert answer == NOTHING or answer != digit
            case _:
                pytest.fail(" ".join(item.words))


def test_the_neighbour_is_the_nearest_on_that_side():
    digits = (at(1, 30, 30), at(2, 30, 10), at(3, 28, 20), at(4, 60, 31), at(5, 10, 60))
    assert neighbour(digits, 0, "left") == 2
    assert neighbour(digits, 0, "below") == 3
    assert neighbour(digits, 0, "right") == 4
    assert neighbour(digits, 0, "above") is None


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_a_change_recolours_the_named_digit_and_nothing_else(seed):
    made = scene(seed)
    (item,) = CHANGE.ask(made, np.random.default_rng(seed))
    digit, colour = item.words
    place = made.digits[item.asked - 1]
    region = made.owner == item.asked
    assert place.digit == int(digit)
    assert NAMES[place.colour] != colour
    assert (item.goal[~region] == made.image[~region]).all()
    thick = region & (made.ink > 200)
    wanted = np.clip(np.array(COLOURS[colour]) + place.offset, 0, 255) * made.ink[thick][:, None] / 255
    assert np.abs(item.goal[thick] - wanted).max(initial=0) <= 0.5 + 1e-9
