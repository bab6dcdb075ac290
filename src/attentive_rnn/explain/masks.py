"""Images with the attention laid over them: dark is little, bright is much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..draw.samples import new_figure, wrapped
from .answer import heading
from .images import ImageExplanation

_CLASSES, _COLUMNS = 20, 10  # in a picture of classes
COLOURS, STRENGTH = "inferno", 0.75  # of the attention over the grey image


def layer_masks(explanations: Sequence[ImageExplanation], classes: Sequence[str]) -> Any:
    """A figure with a row for each image: the image, the mask of every layer, and all of them multiplied.

    Each mask is scaled to its own largest value. Of a network that makes images the wanted one and its own follow.
    """
    first = explanations[0]
    columns = 1 + len(first.names) + (2 if first.made is not None else 0)
    figure = new_figure(1.75 * columns, 2.25 * len(explanations) + 0.2)
    rows = figure.subfigures(len(explanations), 1, squeeze=False)[:, 0]
    for row, one in zip(rows, explanations, strict=True):
        axes = row.subplots(1, columns)
        row.suptitle(_title(one, classes), fontsize=9)
        show_image(axes[0], one.image, "")
        shares = one.shares()
        for number, (name, mask) in enumerate(zip(one.names, (*one.masks, one.together), strict=False)):
            title = f"{name}, {100 * shares[number]:.0f} %" if shares else name
            show_mask(axes[1 + number], one.image, mask, title)
        if one.made is not None and one.wanted is not None:
            show_image(axes[-2], one.wanted, "wanted")
            show_image(axes[-1], one.made, "made")
    if first.shares():
        figure.supxlabel("%: how much of the mask lies in the box round the object asked about", fontsize=8)
    return figure


def class_masks(explanations: Sequence[ImageExplanation], classes: Sequence[str]) -> Any:
    """A figure with the mean image of each class, and under it the mean over its images of all masks multiplied."""
    own: dict[int, list[ImageExplanation]] = {}
    for one in explanations:
        if one.labelled:
            own.setdefault(int(one.label), []).append(one)
    shown = sorted(own)[:_CLASSES]
    columns = min(len(shown), _COLUMNS)
    figure = new_figure(1.5 * columns + 0.2, 3.4 * -(-len(shown) // columns))
    axes = figure.subplots(2 * -(-len(shown) // columns), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for place, label in enumerate(shown):
        row, column = 2 * (place // columns), place % columns
        image = np.mean([one.image for one in own[label]], axis=0)
        show_image(axes[row, column], image, wrapped(f"{classes[label]} ({len(own[label])})"))
        show_mask(axes[row + 1, column], image, np.mean([one.together for one in own[label]], axis=0), "")
    return figure


def compared_masks(models: Mapping[str, Sequence[ImageExplanation]], classes: Sequence[str]) -> Any:
    """A figure with a row for each image and a column for each network: the product of its masks, and its answer.

    Args:
        models: for each network, by what it is called, the same images.
        classes: their names.
    """
    items = next(iter(models.values()))
    edits = items[0].made is not None
    columns = 1 + edits + len(models) * (1 + edits)
    figure = new_figure(1.5 * columns, 1.7 * len(items))
    axes = figure.subplots(len(items), columns, squeeze=False)
    for row, one in zip(axes, items, strict=True):
        show_image(row[0], one.image, one.question or classes[int(one.label)])
        if one.wanted is not None:
            show_image(row[1], one.wanted, "wanted")
    for number, (name, explained) in enumerate(models.items()):
        for row, one in zip(axes, explained, strict=True):
            at = 1 + edits + number * (1 + edits)
            show_mask(row[at], one.image, one.together, name if edits else f"{name}: {classes[one.predicted]}")
            if one.made is not None:
                show_image(row[at + 1], one.made, "")
    return figure


def show_image(axis: Any, image: np.ndarray, title: str) -> None:
    """An image (H, W, 3)."""
    axis.imshow(image)
    axis.set_title(title, fontsize=8)
    axis.set_axis_off()


def show_mask(axis: Any, image: np.ndarray, mask: np.ndarray, title: str) -> None:
    """An image in grey under a mask (H, W), which is scaled to its largest value."""
    axis.imshow(image.mean(-1), cmap="gray", vmin=0, vmax=1)
    axis.imshow(mask / max(mask.max(), 1e-30), cmap=COLOURS, vmin=0, vmax=1, alpha=STRENGTH)
    axis.set_title(title, fontsize=8)
    axis.set_axis_off()


def _title(one: ImageExplanation, classes: Sequence[str]) -> str:
    said = heading(one, classes)
    return f"{wrapped(one.question)}: {said}" if one.question else said
