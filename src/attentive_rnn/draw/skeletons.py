"""Skeletons whose joints are as large as the attention they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import Schema, get_layout
from ..explain.answer import heading
from ..explain.explanation import Explanation, class_relevance
from . import projection
from .colours import BLUE, ORANGE
from .samples import middle_of, new_figure, wrapped

COLOUR, _LESS = ORANGE, BLUE
_BONE = "#9AA0A6"
_SMALLEST, _LARGEST, _LARGEST_IN_FILM = 2.0, 190.0, 700.0  # areas of a joint, in square points
_FRAMES, _CLASSES, _COLUMNS = 7, 20, 5
_TELLING = 0.05  # share by which a class must differ from the mean of the classes to be coloured


class Scale:
    """From relevance to the size of a joint, between the 2nd and the 98th percentile of what is drawn.

    The diameter, which is what the eye compares, grows in proportion.

    Args:
        relevance: everything that one picture shows.
        largest: the area of a joint at the upper end, in square points.

    Example:
        >>> scale = Scale(np.linspace(0.5, 1.5, 101))
        >>> scale.area(np.array([0.0, 1.0, 2.0])).tolist()
        [2.0, 49.0, 190.0]
    """

    def __init__(self, relevance: np.ndarray, largest: float = _LARGEST) -> None:
        self.largest = largest
        self.low, self.high = (float(value) for value in np.percentile(relevance, (2, 98)))

    def share(self, relevance: np.ndarray) -> np.ndarray:
        """The place between low and high, from 0 to 1."""
        if self.high <= self.low:
            return np.full_like(relevance, 0.5, dtype=np.float64)
        return np.clip((relevance - self.low) / (self.high - self.low), 0, 1)

    def area(self, relevance: np.ndarray) -> np.ndarray:
        """The area in square points."""
        return _SMALLEST + (self.largest - _SMALLEST) * self.share(relevance) ** 2

    def legend(self, figure: Any, note: str = "") -> None:
        """Put under a figure what three sizes mean, and a note."""
        from matplotlib.lines import Line2D

        values = np.linspace(self.low, self.high, 3)
        look: Any = {
            "marker": "o",
            "linestyle": "none",
            "color": COLOUR,
            "alpha": 0.85,
            "markeredgewidth": 0.5,
            "markeredgecolor": "white",
        }
        handles = [
            Line2D([], [], markersize=float(self.area(value)) ** 0.5, label=f"{value:.2f}", **look) for value in values
        ]
        title = f"attention to a joint, times the usual{note}"
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=3,
            frameon=False,
            fontsize=9,
            title=title,
            title_fontsize=9,
        )


def strips(explanations: Sequence[Explanation], classes: Sequence[str]) -> Any:
    """A figure with a row for each sequence: frames from its start to its end."""
    figure = new_figure(1.45 * _FRAMES + 0.3, 2.3 * len(explanations) + 0.8)
    rows = figure.subfigures(len(explanations), 1, squeeze=False)[:, 0]
    scale = Scale(np.concatenate([one.relevance.ravel() for one in explanations]))
    for row, one in zip(rows, explanations, strict=True):
        flat, relevance = _drawable(one)
        times = np.unique(np.linspace(0, len(flat) - 1, _FRAMES).round().astype(int))
        middles = [middle_of(flat[t]) for t in times]
        reach = max(float(np.nanmax(np.abs(flat[t] - m), initial=0)) for t, m in zip(times, middles, strict=True))
        axes = row.subplots(1, _FRAMES)
        for axis in axes[len(times) :]:
            axis.set_axis_off()
        for axis, t, middle in zip(axes, times, middles, strict=False):
            draw(axis, flat[t] - middle, relevance[t], scale, one.schema)
            frame(axis, (0, 0), reach)
            axis.set_title(f"{t + 1} / {len(flat)}", fontsize=7, y=-0.1)
        row.suptitle(f"{heading(one, classes)}\n{one.in_words()}", fontsize=9)
    scale.legend(figure)
    return figure


def film(explanation: Explanation, classes: Sequence[str]) -> list[np.ndarray]:
    """A picture (H, W, 3) uint8 for every frame of a sequence."""
    flat, relevance = _drawable(explanation)
    figure = new_figure(4.8, 5.2)
    axis = figure.subplots()
    scale = Scale(relevance, _LARGEST_IN_FILM)
    known = flat[np.isfinite(flat).all(-1)]
    reach = 0.55 * float(np.ptp(known, axis=0).max()) if len(known) else 1.0
    middle = middle_of(flat.reshape(1, -1, 2))
    scale.legend(figure)
    pictures = []
    for t, points in enumerate(flat):
        axis.clear()
        draw(axis, points, relevance[t], scale, explanation.schema)
        frame(axis, middle, reach)
        axis.set_title(f"{heading(explanation, classes)}   {t + 1} / {len(flat)}", fontsize=9, wrap=True)
        figure.canvas.draw()
        # What fits round the first frame fits round all; finding it anew would take most of the time.
        figure.set_layout_engine("none")
        pictures.append(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    return pictures


def class_averages(explanations: Sequence[Explanation], classes: Sequence[str]) -> Any:
    """A figure with a skeleton for each class, its joints as large as the attention that the class's sequences paid.

    The pose is the same for all. A title names the joints that stand out most from the mean over the classes.
    """
    found = class_relevance(explanations)
    shown = sorted(found)[:_CLASSES]
    rows, columns = -(-len(shown) // _COLUMNS), min(len(shown), _COLUMNS)
    figure = new_figure(2.2 * columns + 0.3, 3.0 * rows + 1.0)
    schema, groups = explanations[0].schema, explanations[0].groups
    pose = _pose(explanations)
    reach = float(np.nanmax(np.abs(pose), initial=0))
    scale = Scale(np.stack([found[label] for label in shown]))
    mean = np.mean([found[label] for label in shown], axis=0)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis, label in zip(axes, shown, strict=False):
        ratio = (found[label] / mean).reshape(schema.shape[0], -1)
        colours = np.where(ratio > 1 + _TELLING, COLOUR, np.where(ratio < 1 - _TELLING, _LESS, _BONE))
        draw(axis, pose, found[label].reshape(ratio.shape), scale, schema, colours)
        frame(axis, (0, 0), reach)
        first, second = np.argsort(-(found[label] / mean), kind="stable")[:2]
        axis.set_title(f"{wrapped(classes[label])}\n+ {groups[first].name}, {groups[second].name}", fontsize=8)
    figure.suptitle("attention to each joint, mean over the sequences of each class", fontsize=11)
    scale.legend(figure, "; orange: over 5 % more than the mean of the classes, blue: over 5 % less")
    return figure


def _pose(explanations: Sequence[Explanation]) -> np.ndarray:
    """The points (M, V, 2) to draw class averages on: an upright first frame in which joints hide each other least."""
    firsts = []
    for one in explanations:
        flat = projection.flatten(one.positions[:1], one.schema)[0]
        if np.isfinite(flat).any():
            firsts.append(flat - middle_of(flat))
    if not firsts:
        return np.zeros((*explanations[0].schema.shape[:2], 2))
    heights = np.array([np.nanmax(points[..., 1]) for points in firsts])
    upright = [points for points, height in zip(firsts, heights, strict=True) if height >= np.median(heights)]
    return max(upright, key=_clearance)


def _clearance(points: np.ndarray) -> float:
    """The mean distance of a joint of (M, V, 2) to the nearest other one, for the height of the body."""
    joints = points[np.isfinite(points).all(-1)]
    distances = np.linalg.norm(joints[:, None] - joints, axis=-1) + np.diag(np.full(len(joints), np.inf))
    return float(distances.min(1).mean() / (np.ptp(joints[:, 1]) or 1)) if len(joints) > 1 else 0.0


def draw(
    axis: Any, points: np.ndarray, relevance: np.ndarray, scale: Scale, schema: Schema, colours: Any = None
) -> None:
    """Draw the persons (M, V, 2) of a frame with the relevance (M, V) of their joints, in colours (M, V) if given."""
    from matplotlib.collections import LineCollection

    assert schema.layout is not None
    bones = np.array(get_layout(schema.layout).bones)
    for person, (joints, sizes) in enumerate(zip(points, relevance, strict=True)):
        if not np.isfinite(joints).any():
            continue
        axis.add_collection(LineCollection(joints[bones], colors=_BONE, linewidths=1.6, capstyle="round"))
        colour = COLOUR if colours is None else colours[person]
        look = {"alpha": 0.85, "linewidths": 0.5, "edgecolors": "white", "zorder": 3}
        axis.scatter(*joints.T, s=scale.area(sizes), c=colour, **look)


def frame(axis: Any, middle: Any, reach: float) -> None:
    """A square window round a middle, with room for the circles."""
    axis.set_axis_off()
    reach = 1.15 * reach or 1.0
    axis.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    axis.set_aspect("equal")


def _drawable(explanation: Explanation) -> tuple[np.ndarray, np.ndarray]:
    """The points (T, M, V, 2) of a sequence and the relevance (T, M, V) of each."""
    flat = projection.flatten(explanation.positions, explanation.schema)
    return flat, explanation.relevance.reshape(flat.shape[:-1])
