"""Colours that can be told apart, also without colour."""

from __future__ import annotations

import pytest

from attentive_rnn.draw import colours


@pytest.mark.parametrize("styles", [colours.TRACES, colours.MODELS])
def test_lines_of_one_chart_differ_in_colour(styles):
    assert len({colour for colour, _ in styles}) == len(styles)
    assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour, _ in styles)


def test_lines_of_rankings_differ_in_colour_or_dashes():
    assert len(set(colours.RANKINGS)) == len(colours.RANKINGS)


def test_lines_of_models_differ_without_colour_too():
    assert len({dashes for _, dashes in colours.MODELS}) == len(colours.MODELS)


def test_people_on_a_frame_differ_in_colour():
    assert len(set(colours.PEOPLE)) == 6
    assert all(0 <= value <= 255 for colour in colours.PEOPLE for value in colour)
