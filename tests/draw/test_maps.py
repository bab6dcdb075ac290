"""Maps show every value at its place; words stand on the ground of their attention."""

from __future__ import annotations

import numpy as np

from attentive_rnn.draw import maps
from attentive_rnn.draw.charts import Drawing, new_figure
from attentive_rnn.draw.colours import BLUE, ORANGE

RELEVANCE = np.arange(12.0).reshape(4, 3)


def test_a_time_map_has_a_row_for_each_group_and_its_signals_above():
    signals = [("x", np.arange(4.0)), ("y", -np.arange(4.0))]
    upper, lower, bar = maps.time_map(Drawing("title", RELEVANCE), ["a", "b", "c"], signals).axes
    assert [(line.get_label(), line.get_color()) for line in upper.lines] == [("x", BLUE), ("y", ORANGE)]
    assert upper.lines[0].get_xdata().tolist() == [0, 1, 2, 3]
    assert list(lower.images[0].get_extent()[:2]) == [-0.5, 3.5]
    np.testing.assert_array_equal(lower.images[0].get_array(), RELEVANCE.T)
    assert bar.get_ylabel() == "attended input, % of a mean step's"


def test_of_many_groups_those_attended_to_most_are_shown():
    relevance = np.tile(np.arange(50.0), (4, 1))
    figure = maps.time_map(Drawing("title", relevance), [f"g{i}" for i in range(50)], [("x", np.zeros(4))])
    lower = figure.axes[1]
    assert [label.get_text() for label in lower.get_yticklabels()] == [f"g{i}" for i in range(10, 50)]
    assert lower.get_title() == "the 40 of 50 features attended to most"


def test_small_maps_have_one_scale():
    figure = maps.time_maps([Drawing("a", RELEVANCE), Drawing("b", 10 * RELEVANCE)])
    limits = {axis.images[0].get_clim() for axis in figure.axes[:2]}
    assert limits == {(0, np.percentile(np.concatenate([RELEVANCE.ravel(), 10 * RELEVANCE.ravel()]), 98))}


def test_classes_are_set_against_groups():
    found = {"sit": np.array([1.0, 2.0]), "stand": np.array([3.0, 2.0])}
    axis = maps.class_map(found, ["a", "b"]).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["sit", "stand"]
    np.testing.assert_array_equal(axis.images[0].get_array(), [[1, 2], [3, 2]])


def test_a_mask_is_scaled_to_its_largest_value_over_the_grey_image():
    axis = new_figure(2, 2).subplots()
    image, mask = np.random.default_rng(0).random((4, 5, 3)), np.arange(20.0).reshape(4, 5)
    maps.show_mask(axis, image, mask, "title")
    np.testing.assert_allclose(axis.images[0].get_array(), image.mean(-1))
    np.testing.assert_allclose(axis.images[1].get_array(), mask / 19)
    maps.show_mask(axis, image, np.zeros((4, 5)))
    assert not axis.images[3].get_array().any()


def test_words_attended_to_more_stand_on_a_darker_ground_and_long_lines_are_folded():
    words = ["low", "high", "$5", *["word"] * 60]
    relevance = np.array([0.0, 2.0, 1.0, *np.linspace(0, 2, 60)])
    axis = maps.coloured_texts([Drawing("title", relevance[:, None], words=words)]).axes[0]
    grounds = [sum(text.get_bbox_patch().get_facecolor()[:3]) for text in axis.texts]
    assert grounds[0] > grounds[2] > grounds[1]
    assert axis.texts[2].get_text() == r"\$5"
    assert len(axis.texts) == 63
    places = [text.get_position() for text in axis.texts]
    assert {line for _, line in places} == {0, 1, 2}
    assert max(column for column, _ in places) < 130
