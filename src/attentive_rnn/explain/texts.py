"""Texts whose words are coloured by the attention they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..draw.samples import new_figure
from .answer import heading
from .explanation import Explanation

COLOURS = "Oranges"
_COLUMNS, _LINES = 130, 40  # characters of a line, lines of a text; what is longer is cut
_LINE = 0.26  # inches


def texts(explanations: Sequence[Explanation], classes: Sequence[str]) -> Any:
    """A figure with each text, its words on a ground that is the darker, the more they were attended to."""
    from matplotlib import colormaps

    shown = [_lines(one.words) for one in explanations]
    heights = [len(lines) + 2.4 for lines in shown]
    figure = new_figure(9.5, _LINE * sum(heights) + 0.7)
    axes = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    low, high = np.percentile(np.concatenate([one.relevance[:, 0] for one in explanations]), (2, 98))
    colours = colormaps[COLOURS]
    for axis, one, lines in zip(axes, explanations, shown, strict=True):
        axis.set(xlim=(0, _COLUMNS), ylim=(len(lines), -1))
        axis.set_axis_off()
        axis.set_title(f"{heading(one, classes)}: {one.in_words()}", fontsize=9, loc="left")
        for number, line in enumerate(lines):
            for column, t in line:
                share = float(np.clip((one.relevance[t, 0] - low) / ((high - low) or 1), 0, 1))
                ground = {"facecolor": colours(0.75 * share), "edgecolor": "none", "boxstyle": "round,pad=0.12"}
                axis.text(
                    *(column, number, one.words[t].replace("$", r"\$")),
                    fontsize=8,
                    family="monospace",
                    va="center",
                    bbox=ground,
                )
    bar = figure.colorbar(
        _scale(colours, low, high), ax=list(axes), location="bottom", fraction=0.02, aspect=60, pad=0.01
    )
    bar.set_label("attention to a word, times the usual", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure


def _scale(colours: Any, low: float, high: float) -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    used = LinearSegmentedColormap.from_list("used", colours(np.linspace(0, 0.75, 64)))
    return ScalarMappable(Normalize(low, high), used)


def _lines(words: Sequence[str]) -> list[list[tuple[int, int]]]:
    """The words as lines of (column, index of the word)."""
    lines: list[list[tuple[int, int]]] = [[]]
    column = 0
    for t, word in enumerate(words):
        if column and column + len(word) > _COLUMNS:
            if len(lines) == _LINES:
                break
            lines.append([])
            column = 0
        lines[-1].append((column, t))
        column += len(word) + 1
    return lines
