"""Charts of plain numbers as matplotlib figures: losses, confusion, calibration, answers, ranges, lags, curves."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.io.files import write_file
from ..errors import needed_for
from .colours import BLUE, GREY, GUIDE, MODELS, ORANGE, SKY

_NUMBERED = 25  # the most classes whose counts fit into the cells of a confusion matrix
_ACCURACIES = 100  # the most classes of a chart of accuracies
_RANGES = 24  # the most features of a chart of ranges
_LOSSES = {"train_loss": "training loss", "valid_loss": "validation loss"}

Rows = Sequence[Mapping[str, float]]


class Bin(NamedTuple):
    """Answers given with a probability above `low` and up to `high`: how many, its mean, and how many are right."""

    low: float
    high: float
    sequences: int
    probability: float
    accuracy: float


class Quantity(NamedTuple):
    """A quantity of the groups of a frame that pictures show by sizes and colours.

    Args:
        name, unit: in words; the unit at one step of a sequence, and of a whole sequence.
        form: of a value in a text.
        least: the ends of a scale are at least as far apart as these two, so that equal values look equal; where the
            first is 0, every scale begins there.
        telling: the share by which a class must differ from the mean of the classes to be coloured.
    """

    name: str
    unit: str
    unit_of_all: str
    form: str
    least: tuple[float, float]
    telling: float

    def label(self) -> str:
        """What a scale of single steps shows.

        Example:
            >>> RELATIVE.label()
            'relative attention, times the usual'
        """
        return f"{self.name}, {self.unit}"

    def limits(self, values: np.ndarray) -> tuple[float, float]:
        """The lower and the upper end of a scale for values, most of which lie between."""
        low, high = (float(value) for value in np.percentile(values, (2, 98)))
        low, high = min(low, self.least[0]), max(high, self.least[1])
        return (0.0 if self.least[0] == 0 else low), high


ATTENDED = Quantity("attended input", "% of a mean step's", "% of the sequence's", "{:.0f} %", (0.0, 1e-6), 0.25)
RELATIVE = Quantity("relative attention", "times the usual", "times the usual", "{:.2f}", (0.5, 1.5), 0.05)


class Drawing(NamedTuple):
    """A sequence to draw: a title and what is shown of it.

    Args:
        title: of the drawing.
        relevance: of every group at every step, (T, groups); of a skeleton (T, M, V).
        points: of a skeleton (T, M, V, 2), as :func:`attentive_rnn.draw.projection.flatten` makes them; else empty.
        words: of a text, T; else none.
    """

    title: str
    relevance: np.ndarray
    points: np.ndarray = np.empty(0)
    words: Sequence[str] = ()
    quantity: Quantity = ATTENDED


def new_figure(width: float, height: float) -> Any:
    """A matplotlib figure of a size in inches, apart from pyplot and its windows.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with needed_for("pictures need matplotlib: pip install 'attentive-rnn[report]'"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.text import Text

    class Literal(Figure):
        """A figure whose texts are shown as they are: names of classes with a $ or a backslash are no formulas."""

        def draw(self, renderer: Any) -> None:
            for text in self.findobj(Text):
                text.set_parse_math(False)
            super().draw(renderer)

    figure = Literal(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def encoded(figure: Any, suffix: str, dpi: int) -> bytes:
    """A figure as the bytes of a file that ends in .png or .svg."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:].lower(), dpi=dpi)
    return buffer.getvalue()


def save(figure: Any, path: Path, dpi: int) -> None:
    """Write a figure in one step."""
    write_file(path, encoded(figure, path.suffix, dpi))


def without_frame(axis: Any) -> None:
    """Hide the upper and the right edge of a chart."""
    axis.spines[["top", "right"]].set_visible(False)


def wrapped(text: str) -> str:
    """A class name on at most three lines."""
    return "\n".join(textwrap.wrap(text, 18)[:3])


def losses(curves: Mapping[str, Sequence[Rows]], title: str, loss: str, epoch: str = "epoch") -> Any:
    """Training and, if all runs have one, validation loss over the epochs.

    For each model the mean over its runs, and a band from the lowest to the highest of them, as far as all runs went;
    behind them every run, thin, to its end.

    Args:
        curves: for each model its runs, each the rows of its metrics.csv.
        title: of the figure.
        loss: the name of the loss, for the vertical axis.
        epoch: the name of an epoch, for the horizontal axis.
    """
    figure = new_figure(10, 4.2)
    rows = [run[0] for runs in curves.values() for run in runs]
    shown = {column: label for column, label in _LOSSES.items() if all(column in row for row in rows)}
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, (column, label) in zip(axes, shown.items(), strict=True):
        for (name, runs), (colour, dashes) in zip(curves.items(), cycle(MODELS), strict=False):
            lines = [np.array([row[column] for row in run]) for run in runs]
            common = min(map(len, lines))
            look = {"color": colour, "linestyle": dashes}
            for line in lines if len(lines) > 1 else ():
                axis.plot(np.arange(1, len(line) + 1), line, linewidth=0.6, alpha=0.5, **look)
            together = np.stack([line[:common] for line in lines])
            _draw_band(axis, np.arange(1, common + 1), together, 0.15, linewidth=2, label=name, **look)
        axis.set_title(label)
        axis.set_yscale("log")  # the late epochs, where models part, are hundreds of times below the first
        axis.yaxis.set_major_formatter("{x:g}")  # the usual one writes formulas
        axis.set_xlabel(epoch)
        axis.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 1.2
        _grid(axis)
    axes[0].set_ylabel(loss)
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].legend(frameon=False)
    count = max(map(len, curves.values()))
    figure.suptitle(f"{title}: " + ("one run of each" if count == 1 else f"mean and range of {count} runs of each"))
    return figure


def confusion(counts: np.ndarray, classes: Sequence[str]) -> Any:
    """Counts (K, K) of test items: a row for each true class, a column for each predicted one; the darker, the more."""
    number = len(classes)
    figure = new_figure(2.6 + 0.42 * number, 1.9 + 0.36 * number)
    axis = figure.subplots()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(number), classes, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(number), classes, fontsize=8)
    axis.set_xlabel("taken for", fontsize=9)
    axis.set_ylabel("true class", fontsize=9)
    for i, j in np.argwhere(counts) if number <= _NUMBERED else ():
        colour = "w" if shares[i, j] > 0.5 else "k"
        axis.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=8, color=colour)
    return figure


def class_accuracies(names: Sequence[str], intervals: Sequence[tuple[float, float, float]], overall: float) -> Any:
    """A bar with its interval for each class, the least accurate one below; of many classes the 100 least accurate.

    Args:
        names: of the classes.
        intervals: for each (accuracy, lower end, upper end), from 0 to 1.
        overall: the accuracy over all classes.
    """
    order = np.argsort([one[0] for one in intervals], kind="stable")[:_ACCURACIES]
    figure = new_figure(7, 1.2 + 0.26 * len(order))
    axis = figure.subplots()
    values = np.array([intervals[i] for i in order]) * 100
    errors = np.abs(values[:, 1:] - values[:, :1]).T
    axis.barh(range(len(order)), values[:, 0], xerr=errors, color=BLUE, ecolor=GUIDE, capsize=2)
    axis.set_yticks(range(len(order)), [names[i] for i in order], fontsize=8)
    axis.set_xlabel("accuracy, %; lines: 95 % intervals", fontsize=9)
    axis.set_xlim(0, 100)
    axis.axvline(100 * overall, color=ORANGE, linestyle="--", linewidth=1.2)
    some = "" if len(order) == len(names) else f"; bars: the {len(order)} least accurate of {len(names)}"
    axis.set_title(f"dashed: all classes{some}", fontsize=9, color=ORANGE)
    without_frame(axis)
    return figure


def calibration(bins: Sequence[Bin], error: float) -> Any:
    """The accuracy of answers by the probability they were given with, and the expected calibration error."""
    figure, axis = _square("probability that the model states; numbers: answers", "share that is right")
    for one in bins:
        axis.bar((one.low + one.high) / 2, one.accuracy, one.high - one.low - 0.01, color=BLUE)
        axis.text((one.low + one.high) / 2, 0.015, str(one.sequences), ha="center", fontsize=7, color="w")
    axis.plot([0, 1], [0, 1], color=GUIDE, linestyle="--", linewidth=1)
    axis.set(xlim=(0, 1), ylim=(0, 1))
    axis.set_title(f"expected calibration error {100 * error:.1f} points", fontsize=9)
    return figure


def answers(predicted: np.ndarray, truth: np.ndarray) -> Any:
    """Predicted numbers (N,) against true ones (N,)."""
    figure, axis = _square("true number", "predicted number")
    axis.scatter(truth, predicted, s=12, color=BLUE, alpha=0.6, linewidths=0)
    ends = [float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))]
    axis.plot(ends, ends, color=GUIDE, linestyle="--", linewidth=1)
    return figure


def lag_bars(weights: Mapping[str, np.ndarray], first_lags: Mapping[str, int]) -> Any:
    """The weights (K,) of several models or layers as bars over their lags, of which the first is given."""
    figure = new_figure(3.2 * len(weights), 2.8)
    axes = figure.subplots(1, len(weights), squeeze=False, sharey=True)[0]
    for axis, (title, values) in zip(axes, weights.items(), strict=True):
        lags = np.arange(len(values)) + first_lags[title]
        axis.bar(lags, values, color=BLUE)
        axis.axhline(1 / len(values), color="0.5", linestyle="--", linewidth=1)  # all alike
        axis.axhline(0, color="0", linewidth=0.8)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("lag (steps back)")
        axis.set_xticks(lags if len(lags) <= 10 else lags[:: len(lags) // 5])
        without_frame(axis)
    axes[0].set_ylabel("weight")
    return figure


def ranking_curves(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    styles: Mapping[str, tuple[str, str]],
    fractions: np.ndarray,
    title: str,
    ylabel: str,
    top: float | None,
) -> Any:
    """Deletion and insertion curves: for each ranking the mean over runs, and a band from the lowest to the highest.

    Args:
        panels: for each title the curves of each ranking, (runs, len(fractions)).
        styles: the colour and the dashes of each ranking.
        fractions: of the cells, from 0 to 1.
        title: of the figure.
        ylabel: the name of the values.
        top: the upper end of the vertical axis; None: as the values need.
    """
    figure = new_figure(10, 4.6)
    axes = figure.subplots(1, len(panels), sharey=True)
    for axis, (label, curves) in zip(axes, panels.items(), strict=True):
        for name, lines in curves.items():
            look = {"color": styles[name][0], "linestyle": styles[name][1]}
            _draw_band(axis, 100 * fractions, lines, 0.12, linewidth=1.8, label=name, **look)
        axis.set_title(label, fontsize=10)
        axis.set_xlabel("cells, %")
        axis.set_ylim(0, top)
        _grid(axis)
    axes[0].set_ylabel(ylabel)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    return figure


def draw_ranges(figure: Any, values: np.ndarray, names: Sequence[str]) -> None:
    """Draw the range and the median of each feature of values (frames, features), of at most 24, into a figure."""
    axis = figure.subplots()
    shown = min(len(names), _RANGES)
    low, first, middle, third, high = np.nanpercentile(values[:, :shown], [0, 5, 50, 95, 100], axis=0)
    at = np.arange(shown)
    axis.vlines(at, low, high, color=GREY, linewidth=1, label="all values")
    axis.vlines(at, first, third, color=SKY, linewidth=7, label="5 % to 95 %")
    axis.plot(at, middle, "o", color=ORANGE, markersize=5, label="median")
    axis.set_xticks(at, names[:shown], rotation=35, ha="right", fontsize=8)
    axis.set_xlim(-0.7, shown - 0.3)
    axis.tick_params(axis="y", labelsize=8)
    without_frame(axis)
    if shown < len(names):
        axis.set_xlabel(f"the first {shown} of {len(names)} features", fontsize=9)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)


def _square(xlabel: str, ylabel: str) -> tuple[Any, Any]:
    figure = new_figure(4.6, 4.4)
    axis = figure.subplots()
    axis.set_xlabel(xlabel, fontsize=9)
    axis.set_ylabel(ylabel, fontsize=9)
    without_frame(axis)
    return figure, axis


def _draw_band(axis: Any, x: np.ndarray, lines: np.ndarray, alpha: float, **look: Any) -> None:
    """Draw the mean of lines (runs, X) and, of several, a band from the lowest to the highest."""
    if len(lines) > 1:
        axis.fill_between(x, lines.min(0), lines.max(0), color=look["color"], alpha=alpha, linewidth=0)
    axis.plot(x, lines.mean(0), **look)


def _grid(axis: Any) -> None:
    axis.grid(color="0.9")
    axis.set_axisbelow(True)
    without_frame(axis)
