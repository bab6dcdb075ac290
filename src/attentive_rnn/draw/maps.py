"""Values as colours, as matplotlib figures: maps over time, masks over images, and words on coloured grounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .charts import ATTENDED, Drawing, Quantity, new_figure, without_frame
from .colours import MASK, TIME_MAP, TRACES, WORDS

ROWS = 40  # of a map; of more groups, those attended to most
_CLASSES = 100  # of a map of classes
_STRENGTH = 0.75  # of a mask over its grey image
_COLUMNS, _LINES = 130, 40  # characters of a line, lines of a text; what is longer is cut
_LINE = 0.26  # inches


def time_map(one: Drawing, groups: Sequence[str], signals: Sequence[tuple[str, np.ndarray]]) -> Any:
    """Signals over time; under them the relevance of every group at every step, of the 40 attended to most.

    Args:
        one: the map and the title of the figure.
        groups: names.
        signals: names and values (T,), at most six.
    """
    relevance = one.relevance
    rows = sorted(np.argsort(-relevance.mean(0), kind="stable")[:ROWS].tolist())
    height = max(1.2, 0.2 * len(rows))
    figure = new_figure(9.5, 2.9 + height)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.0, height])
    steps = np.arange(len(relevance))
    for (colour, dashes), (name, signal) in zip(TRACES, signals, strict=False):
        upper.plot(steps, signal, color=colour, linestyle=dashes, linewidth=1.3, label=name)
    upper.set_ylabel("input", fontsize=9)
    upper.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    without_frame(upper)
    upper.tick_params(labelsize=8)
    image = _show_map(lower, relevance[:, rows], one.quantity.limits(relevance[:, rows]))
    lower.set_yticks(range(len(rows)), [groups[i] for i in rows], fontsize=8 if len(rows) < 25 else 6)
    lower.set_xlabel("step", fontsize=9)
    lower.xaxis.get_major_locator().set_params(integer=True)
    lower.tick_params(axis="x", labelsize=8)
    _colour_bar(figure, image, one.quantity.label(), ax=lower, fraction=0.05, pad=0.01)
    if len(rows) < len(groups):
        lower.set_title(f"the {len(rows)} of {len(groups)} features attended to most", fontsize=9)
    figure.suptitle(one.title, fontsize=10)
    return figure


def time_maps(maps: Sequence[Drawing]) -> Any:
    """A small map for each sequence, without its signals, all of one scale."""
    figure = new_figure(9.5, 1.9 * len(maps) + 0.6)
    axes = figure.subplots(len(maps), 1, squeeze=False)[:, 0]
    quantity = maps[0].quantity
    limits = quantity.limits(np.concatenate([one.relevance.ravel() for one in maps]))
    for axis, one in zip(axes, maps, strict=True):
        shown = _show_map(axis, one.relevance, limits)
        axis.set_title(one.title, fontsize=8)
        axis.set_yticks([])
        axis.tick_params(labelsize=7)
    axes[-1].set_xlabel("step", fontsize=8)
    _colour_bar(figure, shown, quantity.label(), 7, ax=axes, fraction=0.03, pad=0.01)
    return figure


def class_map(found: Mapping[str, np.ndarray], groups: Sequence[str], quantity: Quantity = ATTENDED) -> Any:
    """Classes against groups: for each class its relevance (groups,); of many groups the 40 that differ most.

    At most 100 classes are drawn, the first.
    """
    classes = list(found)[:_CLASSES]
    values = np.stack([found[name] for name in classes])
    columns = sorted(np.argsort(-values.std(0), kind="stable")[:ROWS].tolist())
    figure = new_figure(3 + max(2.0, 0.33 * len(columns)), 1.8 + max(0.8, 0.3 * len(classes)))
    axis = figure.subplots()
    low, high = quantity.limits(values[:, columns])
    image = axis.imshow(values[:, columns], cmap=TIME_MAP, aspect="auto", vmin=low, vmax=high)
    axis.set_yticks(range(len(classes)), classes, fontsize=8)
    axis.set_xticks(range(len(columns)), [groups[i] for i in columns], fontsize=8, rotation=40, ha="right")
    _colour_bar(figure, image, quantity.unit_of_all, ax=axis, fraction=0.05, pad=0.01)
    some = "" if len(columns) == len(groups) else f"; the {len(columns)} of {len(groups)} that differ most"
    first = "" if len(classes) == len(found) else f", the first {len(classes)} of {len(found)}"
    figure.suptitle(f"{quantity.name}, mean over the sequences of each class{first}{some}", fontsize=10)
    return figure


def show_image(axis: Any, image: np.ndarray, title: str = "") -> None:
    """Draw an image (H, W, 3) into a chart."""
    axis.imshow(image)
    axis.set_title(title, fontsize=8)
    axis.set_axis_off()


def show_mask(axis: Any, image: np.ndarray, mask: np.ndarray, title: str = "") -> None:
    """Draw an image in grey under a mask (H, W), which is scaled to its largest value: dark is little, bright much."""
    axis.imshow(image.mean(-1), cmap="gray", vmin=0, vmax=1)
    axis.imshow(mask / max(mask.max(), 1e-30), cmap=MASK, vmin=0, vmax=1, alpha=_STRENGTH)
    axis.set_title(title, fontsize=8)
    axis.set_axis_off()


def coloured_texts(texts: Sequence[Drawing]) -> Any:
    """Texts whose words stand on a ground that is the darker, the more they were attended to."""
    from matplotlib import colormaps

    shown = [_lines(one.words) for one in texts]
    heights = [len(lines) + 2.4 for lines in shown]
    figure = new_figure(9.5, _LINE * sum(heights) + 0.7)
    axes = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    quantity = texts[0].quantity
    low, high = quantity.limits(np.concatenate([one.relevance[:, 0] for one in texts]))
    colours = colormaps[WORDS]
    for axis, one, lines in zip(axes, texts, shown, strict=True):
        axis.set(xlim=(0, _COLUMNS), ylim=(len(lines), -1))
        axis.set_axis_off()
        axis.set_title(one.title, fontsize=9, loc="left")
        for number, line in enumerate(lines):
            for column, t in line:
                share = float(np.clip((one.relevance[t, 0] - low) / ((high - low) or 1), 0, 1))
                ground = {"facecolor": colours(0.75 * share), "edgecolor": "none", "boxstyle": "round,pad=0.12"}
                word = one.words[t].replace("$", r"\$")
                axis.text(column, number, word, fontsize=8, family="monospace", va="center", bbox=ground)
    label = f"{quantity.name} of a word, {quantity.unit_of_all}"
    _colour_bar(
        figure, _scale(colours, low, high), label, ax=list(axes), location="bottom", fraction=0.02, aspect=60, pad=0.01
    )
    return figure


def _show_map(axis: Any, values: np.ndarray, limits: tuple[float, float]) -> Any:
    """Draw values (T, rows) with steps, from 0, across, in colours between the limits."""
    edges = (-0.5, len(values) - 0.5, values.shape[1] - 0.5, -0.5)
    return axis.imshow(
        values.T, cmap=TIME_MAP, aspect="auto", interpolation="nearest", extent=edges, vmin=limits[0], vmax=limits[1]
    )


def _colour_bar(figure: Any, image: Any, label: str, size: int = 8, **place: Any) -> None:
    bar = figure.colorbar(image, **place)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=size)


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
