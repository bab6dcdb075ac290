"""Charts of the loss of compared models over the epochs. This module imports matplotlib: import it late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .colours import BLACK, BLUE, GREEN, ORANGE, PINK, YELLOW

Rows = Sequence[Mapping[str, float]]

# The dashes tell the lines apart without colour.
STYLES: tuple[tuple[str, Any], ...] = (
    (BLUE, "-"),
    (ORANGE, "--"),
    (GREEN, "-."),
    (PINK, ":"),
    (YELLOW, (0, (5, 1, 1, 1, 1, 1))),
    (BLACK, (0, (8, 2))),
)
PANELS = {"train_loss": "training loss", "valid_loss": "validation loss"}


def plot_losses(curves: Mapping[str, Sequence[Rows]], title: str, loss: str, path: Path, epoch: str = "epoch") -> None:
    """Draw training and, if all runs have one, validation loss over the epochs into a PNG.

    For each model the mean over its runs, and a band from the lowest to the highest of them, as far as all runs went;
    behind them every run, thin, to its end.

    Args:
        curves: for each model its runs, each the rows of its metrics.csv.
        title: of the picture.
        loss: what it is, for the axis.
        path: of the PNG.
        epoch: what an epoch is called, for the other axis.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    rows = [run[0] for runs in curves.values() for run in runs]
    shown = {column: label for column, label in PANELS.items() if all(column in row for row in rows)}
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, (column, label) in zip(axes, shown.items(), strict=True):
        for (name, runs), (colour, dashes) in zip(curves.items(), cycle(STYLES), strict=False):
            _draw(axis, [np.array([row[column] for row in run]) for run in runs], name, colour, dashes)
        axis.set_title(label)
        axis.set_yscale("log")  # the late epochs, where models part, are hundreds of times below the first
        axis.set_xlabel(epoch)
        axis.grid(color="0.9")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(loss)
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].legend(frameon=False)
    count = max(map(len, curves.values()))
    figure.suptitle(f"{title}: " + ("one run of each" if count == 1 else f"mean and range of {count} runs of each"))
    figure.savefig(path, dpi=150)


def _draw(axis: Axes, losses: list[np.ndarray], name: str, colour: str, dashes: Any) -> None:
    common = min(map(len, losses))
    epochs = np.arange(1, common + 1)
    together = np.stack([loss[:common] for loss in losses])
    if len(losses) > 1:
        axis.fill_between(epochs, together.min(0), together.max(0), color=colour, alpha=0.15, linewidth=0)
        for loss in losses:
            axis.plot(np.arange(1, len(loss) + 1), loss, color=colour, linestyle=dashes, linewidth=0.6, alpha=0.5)
    axis.plot(epochs, together.mean(0), color=colour, linestyle=dashes, linewidth=2, label=name)
