"""Attention over time: the signal above, time against features below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..draw.samples import TRACES, new_figure
from .answer import heading
from .explanation import Explanation, class_relevance

COLOURS = "cividis"  # even in lightness, and the same to people with any colour vision
_ROWS = 40  # groups in a map; of more, those attended to most


def time_map(explanation: Explanation, classes: Sequence[str]) -> Any:
    """A figure: the elements attended to most, over time; under them the relevance of every group at every step."""
    relevance, groups = explanation.relevance, explanation.groups
    order = np.argsort(-relevance.mean(0), kind="stable")
    rows = sorted(order[:_ROWS].tolist())
    figure = new_figure(9.5, 2.9 + max(1.2, 0.2 * len(rows)))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.0, max(1.2, 0.2 * len(rows))])
    steps = np.arange(1, len(relevance) + 1)
    elements = explanation.schema.features
    shown = [i for group in order for i in groups[group].elements][: len(TRACES)]
    for (colour, dashes), i in zip(TRACES, shown, strict=False):
        name = elements[i] if elements else _element(explanation, i)
        upper.plot(steps, explanation.inputs[:, i], color=colour, linestyle=dashes, linewidth=1.3, label=name)
    upper.set_ylabel("input", fontsize=9)
    upper.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    upper.spines[["top", "right"]].set_visible(False)
    upper.tick_params(labelsize=8)
    image = lower.imshow(
        relevance[:, rows].T,
        cmap=COLOURS,
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, len(relevance) + 0.5, len(rows) - 0.5, -0.5),
    )
    lower.set_yticks(range(len(rows)), [groups[i].name for i in rows], fontsize=8 if len(rows) < 25 else 6)
    lower.set_xlabel("step", fontsize=9)
    lower.xaxis.get_major_locator().set_params(integer=True)
    lower.tick_params(axis="x", labelsize=8)
    bar = figure.colorbar(image, ax=lower, fraction=0.05, pad=0.01)
    bar.set_label("attention, times the usual", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    if len(rows) < len(groups):
        lower.set_title(f"the {len(rows)} of {len(groups)} features attended to most", fontsize=9)
    figure.suptitle(f"{heading(explanation, classes)}\n{explanation.in_words()}", fontsize=10)
    return figure


def time_maps(explanations: Sequence[Explanation], classes: Sequence[str]) -> Any:
    """A figure with a small map for each sequence, without the signal."""
    figure = new_figure(9.5, 1.9 * len(explanations) + 0.6)
    axes = figure.subplots(len(explanations), 1, squeeze=False)[:, 0]
    low, high = np.percentile(np.concatenate([one.relevance.ravel() for one in explanations]), (2, 98))
    for axis, one in zip(axes, explanations, strict=True):
        edges = (0.5, len(one.relevance) + 0.5, len(one.groups) - 0.5, -0.5)
        look = {"cmap": COLOURS, "aspect": "auto", "interpolation": "nearest", "extent": edges}
        shown = axis.imshow(one.relevance.T, vmin=low, vmax=high, **look)
        axis.set_title(f"{heading(one, classes)}: {one.in_words()}", fontsize=8)
        axis.set_yticks([])
        axis.tick_params(labelsize=7)
    axes[-1].set_xlabel("step", fontsize=8)
    bar = figure.colorbar(shown, ax=axes, fraction=0.03, pad=0.01)
    bar.set_label("attention, times the usual", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure


def class_map(explanations: Sequence[Explanation], classes: Sequence[str]) -> Any:
    """A figure of classes against groups: the relevance, mean over the sequences of each class."""
    found = class_relevance(explanations)
    groups = explanations[0].groups
    values = np.stack(list(found.values()))
    columns = sorted(np.argsort(-values.std(0), kind="stable")[:_ROWS].tolist())
    figure = new_figure(3 + max(2.0, 0.33 * len(columns)), 1.8 + max(0.8, 0.3 * len(found)))
    axis = figure.subplots()
    image = axis.imshow(values[:, columns], cmap=COLOURS, aspect="auto")
    axis.set_yticks(range(len(found)), [classes[label] for label in found], fontsize=8)
    axis.set_xticks(range(len(columns)), [groups[i].name for i in columns], fontsize=8, rotation=40, ha="right")
    bar = figure.colorbar(image, ax=axis, fraction=0.05, pad=0.01)
    bar.set_label("times the usual", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    some = "" if len(columns) == len(groups) else f"; the {len(columns)} of {len(groups)} that differ most"
    figure.suptitle(f"attention, mean over the sequences of each class{some}", fontsize=10)
    return figure


def moments(explanation: Explanation, count: int = 3) -> list[int]:
    """The steps, from 1, at which the input as a whole was attended to most, in their order.

    Example:
        Of video features: the frames that mattered.
    """
    order = np.argsort(-explanation.response.mean(1), kind="stable")[:count]
    return sorted(int(t) + 1 for t in order)


def _element(explanation: Explanation, index: int) -> str:
    group = next(group for group in explanation.groups if index in group.elements)
    axis = "" if len(group.elements) == 1 else f" {'xyz'[group.elements.index(index) % 3]}"
    return group.name + axis
