"""Charts show the numbers that they are given."""

from __future__ import annotations

import numpy as np
import pytest

from attentive_rnn.draw import charts
from attentive_rnn.draw.colours import BLUE, RANKINGS


def test_a_figure_is_encoded_by_its_suffix():
    figure = charts.new_figure(2, 1)
    assert charts.encoded(figure, ".PNG", dpi=50).startswith(b"\x89PNG")
    assert b"<svg" in charts.encoded(figure, ".svg", dpi=50)


def test_losses_are_means_with_a_band_as_far_as_all_runs_went():
    rows = [{"train_loss": 4.0, "valid_loss": 2.0}, {"train_loss": 2.0, "valid_loss": 1.0}]
    longer = [{"train_loss": 2.0, "valid_loss": 4.0}] * 3
    figure = charts.losses({"gate": [rows, longer], "no gate": [rows]}, "title", "cross-entropy")
    train, valid = figure.axes
    assert [axis.get_title() for axis in (train, valid)] == ["training loss", "validation loss"]
    first, second, mean, other = train.lines
    assert (len(first.get_ydata()), len(second.get_ydata())) == (2, 3)
    assert mean.get_ydata().tolist() == [3.0, 2.0]
    assert other.get_ydata().tolist() == [4.0, 2.0]
    assert train.get_yscale() == "log"
    assert len(train.collections) == 1
    figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in train.get_xticks())
    assert figure.get_suptitle() == "title: mean and range of 2 runs of each"
    assert len(charts.losses({"loss": [[{"train_loss": 1.0}]]}, "title", "loss").axes) == 1


def test_confusion_is_a_share_of_the_true_class_with_its_count():
    axis = charts.confusion(np.array([[3, 1], [0, 0]]), ["a", "b"]).axes[0]
    np.testing.assert_allclose(axis.images[0].get_array(), [[0.75, 0.25], [0, 0]])
    assert [(text.get_position(), text.get_text()) for text in axis.texts] == [((0, 0), "3"), ((1, 0), "1")]
    assert not charts.confusion(np.eye(26, dtype=int), [str(i) for i in range(26)]).axes[0].texts


def test_the_least_accurate_class_is_below():
    intervals = [(0.9, 0.8, 0.95), (0.5, 0.3, 0.7)]
    axis = charts.class_accuracies(["good", "bad"], intervals, overall=0.7).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["bad", "good"]
    assert [bar.get_width() for bar in axis.patches] == [50.0, 90.0]
    (lines,) = axis.collections
    np.testing.assert_allclose([line[:, 0] for line in lines.get_segments()], [[30, 70], [80, 95]])


def test_of_very_many_classes_the_least_accurate_are_drawn():
    names, intervals = [str(i) for i in range(2000)], [(i / 2000, 0.0, 1.0) for i in range(2000)]
    figure = charts.class_accuracies(names, intervals, overall=0.5)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names[:100]
    assert "the 100 least accurate of 2000" in figure.axes[0].get_title()
    assert figure.get_size_inches().max() < 40


def test_calibration_has_a_bar_for_each_bin():
    bins = [charts.Bin(0.4, 0.5, 4, 0.45, 0.25), charts.Bin(0.9, 1.0, 6, 0.95, 1.0)]
    axis = charts.calibration(bins, error=0.123).axes[0]
    assert [bar.get_height() for bar in axis.patches] == [0.25, 1.0]
    assert [text.get_text() for text in axis.texts] == ["4", "6"]
    assert axis.get_title() == "expected calibration error 12.3 points"


def test_answers_lie_at_their_truth():
    axis = charts.answers(np.array([1.0, 4.0]), np.array([2.0, 3.0])).axes[0]
    assert axis.collections[0].get_offsets().tolist() == [[2.0, 1.0], [3.0, 4.0]]
    assert list(axis.lines[0].get_xdata()) == [1.0, 4.0]


def test_lags_begin_at_the_first_one():
    axes = charts.lag_bars({"one": np.array([0.75, 0.25]), "two": np.array([1.0])}, {"one": 3, "two": 1}).axes
    assert [bar.get_height() for bar in axes[0].patches] == [0.75, 0.25]
    assert axes[0].get_xticks().tolist() == [3, 4]
    assert [axis.get_title() for axis in axes] == ["one", "two"]


def test_rankings_keep_their_styles_and_have_a_band_over_runs():
    fractions = np.linspace(0, 1, 3)
    styles = dict(zip("abcdefgh", RANKINGS, strict=True))
    curves = {"d": np.array([[1.0, 0.5, 0.0], [0.5, 0.25, 0.0]])}
    axis = charts.ranking_curves({"deletion": curves, "insertion": curves}, styles, fractions, "t", "y", 1).axes[0]
    (line,) = axis.lines
    assert line.get_color() == BLUE
    assert line.get_ydata().tolist() == [0.75, 0.375, 0.0]
    assert len(axis.collections) == 1
    assert axis.get_ylim() == (0, 1)


def test_ranges_are_percentiles_of_the_known_values():
    values = np.stack([np.arange(101.0), np.full(101, 7.0)], axis=1)
    values[0, 1] = np.nan
    figure = charts.new_figure(4, 3)
    charts.draw_ranges(figure, values, ("rising", "even"))
    everything, most = figure.axes[0].collections
    np.testing.assert_allclose([line[:, 1] for line in everything.get_segments()], [[0, 100], [7, 7]])
    np.testing.assert_allclose([line[:, 1] for line in most.get_segments()], [[5, 95], [7, 7]])
    assert figure.axes[0].lines[0].get_ydata().tolist() == [50, 7]


@pytest.mark.parametrize(("text", "lines"), [("short", 1), ("a name of a class that is long", 2), ("word " * 40, 3)])
def test_names_take_three_lines_at_most(text, lines):
    assert len(charts.wrapped(text).splitlines()) == lines


@pytest.mark.parametrize("name", ["$x^{$", "costs $5 or $6", "a\\b", "\\frac{"])
def test_a_name_with_dollars_or_backslashes_is_no_formula(name):
    figure = charts.new_figure(2, 1)
    axis = figure.add_subplot()
    axis.set_title(name)
    axis.set_xticks([0, 1], [name, "b"])
    figure.suptitle(name)
    for suffix in (".png", ".svg"):
        assert charts.encoded(figure, suffix, dpi=50)
    assert f"<!-- {name} -->" in charts.encoded(figure, ".svg", dpi=50).decode()
