"""Picture of the choice of joints or features: accuracy against how many are kept, and which they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from ..data.schema import Schema
from .charts import new_figure, without_frame
from .colours import BLUE, BONE, GUIDE, MODELS, ORANGE
from .skeletons import draw_skeletons, square_window

_NAMED = 40  # the most bars that have room for their names
_AREAS = 15.0, 200.0  # of the joints with the least and the most, in square points


def picture(
    curves: Mapping[str, np.ndarray],
    shares: np.ndarray,
    names: Sequence[str],
    kept: int,
    least: float,
    measured_on: str,
    pose: np.ndarray | None = None,
    schema: Schema | None = None,
) -> Any:
    """A figure of two charts: the curves, and the joints on a body or the features as bars, the kept ones coloured.

    Args:
        curves: for each ranking the accuracy when its first 1 .. G are kept, (G,) from 0 to 1.
        shares: of each joint or feature in the attended input, (G,), in the order of the frame.
        names: of them, G.
        kept: how many are kept, those with the largest shares.
        least: the accuracy that was asked for.
        measured_on: the sequences of the curves, in words.
        pose: the points (M, V, 2) of one frame; None: bars are drawn.
        schema: of the pose, with a layout.
    """
    count = len(names)
    chosen = np.zeros(count, dtype=bool)
    chosen[np.argsort(-shares, kind="stable")[:kept]] = True
    figure = new_figure(11, max(4.4, 0.19 * count + 1.2 if pose is None and count <= _NAMED else 4.4))
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    for (name, curve), (colour, dashes) in zip(curves.items(), cycle(MODELS), strict=False):
        left.plot(np.arange(1, count + 1), 100 * curve, color=colour, linestyle=dashes, label=name)
    left.axhline(100 * least, color=GUIDE, linewidth=0.8, linestyle=":", label=f"asked for: {100 * least:.1f} %")
    left.axvline(kept, color=ORANGE, linewidth=0.8, label=f"chosen: {kept} of {count}")
    left.set_xlabel("kept, of each ranking the first; the others at their mean")
    left.set_ylabel(f"accuracy in %\non {measured_on}", fontsize=9)
    left.xaxis.get_major_locator().set_params(integer=True)
    left.grid(color="0.9")
    left.legend(frameon=False)
    without_frame(left)
    if pose is not None and schema is not None:
        areas = np.interp(shares, (0, shares.max() or 1), _AREAS).reshape(pose.shape[:2])
        draw_skeletons(right, pose, schema, areas, np.where(chosen, ORANGE, BONE).reshape(pose.shape[:2]))
        square_window(right, (0, 0), 1.15 * float(np.nanmax(np.abs(pose), initial=0)))
        right.set_title("orange: kept; the larger, the more attended input in training", fontsize=9)
        return figure
    order = np.argsort(shares, kind="stable")
    right.barh(range(count), 100 * shares[order], color=np.where(chosen, BLUE, BONE)[order])
    right.set_yticks(range(count) if count <= _NAMED else [], [names[i] for i in order] if count <= _NAMED else [])
    right.tick_params(axis="y", labelsize=7)
    right.set_xlabel("% of the attended input in training; blue: kept")
    without_frame(right)
    return figure
