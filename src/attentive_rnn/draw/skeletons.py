"""Skeletons: in figures, in films and on the frames of a film, with joints as large as the attention they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.schema import Schema
from ..data.skeletons.layouts import get_layout
from ..errors import needed_for
from . import projection
from .charts import Drawing, new_figure, wrapped
from .colours import BLUE, BONE, GREEN, GREY, ORANGE, PEOPLE, PINK, SKY

MORE, LESS = ORANGE, BLUE  # of joints that are attended to, or to more and to less than elsewhere
_GROUPS = {
    "left": BLUE,
    "right": ORANGE,
    "thumb": ORANGE,
    "index": BLUE,
    "middle": GREEN,
    "ring": PINK,
    "little": SKY,
}
_SMALLEST, _LARGEST, _LARGEST_IN_FILM = 2.0, 190.0, 700.0  # areas of a joint, in square points
_FRAMES, _CLASSES, _COLUMNS = 7, 20, 5
_MARGIN = 1.15  # of a window round joints as large as the attention to them
_TELLING = 0.05  # share by which a class must differ from the mean of the classes to be coloured
_SURE = 0.3  # joints that an estimator is less sure of are not drawn


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

        look: Any = {"marker": "o", "linestyle": "none", "color": MORE, "alpha": 0.85}
        look |= {"markeredgewidth": 0.5, "markeredgecolor": "white"}
        handles = [
            Line2D([], [], markersize=float(self.area(value)) ** 0.5, label=f"{value:.2f}", **look)
            for value in np.linspace(self.low, self.high, 3)
        ]
        title = f"attention to a joint, times the usual{note}"
        look = {"ncols": 3, "frameon": False, "fontsize": 9, "title": title, "title_fontsize": 9}
        figure.legend(handles=handles, loc="outside lower center", **look)


def has_skeletons(schema: Schema) -> bool:
    """Whether frames are skeletons of a known layout, which can be drawn."""
    return schema.layout is not None and len(schema.shape) == 3


def bone_groups(schema: Schema) -> dict[str, tuple[str, list[tuple[int, int]]]]:
    """The bones of a layout by what they belong to: {"left": (colour, bones), ...}, "centre" for the rest."""
    assert schema.layout is not None
    layout = get_layout(schema.layout)
    groups: dict[str, tuple[str, list[tuple[int, int]]]] = {}
    for a, b in layout.bones:
        name = next((word for word in layout.joints[b].split() if word in _GROUPS), "centre")
        groups.setdefault(name, (_GROUPS.get(name, GREY), []))[1].append((a, b))
    return groups


def side_legend(figure: Any, schema: Schema) -> None:
    """Put under a figure what the colours of bones mean, if there are several."""
    from matplotlib.lines import Line2D

    groups = bone_groups(schema)
    handles = [Line2D([], [], color=colour, linewidth=2.5, label=name) for name, (colour, _) in groups.items()]
    if len(handles) > 1:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)


def draw_skeletons(
    axis: Any, points: np.ndarray, schema: Schema, areas: np.ndarray | None = None, colours: np.ndarray | None = None
) -> None:
    """Draw the persons of one frame into a chart.

    Args:
        axis: of matplotlib.
        points: (M, V, 2); a person of NaN is not there.
        schema: with a layout.
        areas: of the joints in square points, (M, V), over grey bones; None: bones in the colours of their side, small
            joints, and other persons than the first lighter.
        colours: of the joints, (M, V).
    """
    from matplotlib.collections import LineCollection

    assert schema.layout is not None
    grey = {"": (BONE, list(get_layout(schema.layout).bones))}
    for person, joints in enumerate(points):
        if not np.isfinite(joints).any():
            continue
        alpha = None if areas is not None else 1.0 if person == 0 else 0.45
        for colour, bones in (bone_groups(schema) if areas is None else grey).values():
            look: Any = {"colors": colour, "linewidths": 1.8 if areas is None else 1.6, "alpha": alpha}
            axis.add_collection(LineCollection(joints[np.array(bones)], capstyle="round", **look))
        if areas is None:
            axis.scatter(*joints.T, s=4, color=GREY, alpha=alpha, linewidths=0, zorder=3)
        else:
            look = {"alpha": 0.85, "linewidths": 0.5, "edgecolors": "white", "zorder": 3}
            axis.scatter(*joints.T, s=areas[person], c=MORE if colours is None else colours[person], **look)


def square_window(axis: Any, middle: np.ndarray | tuple[float, float], reach: float) -> None:
    """Show of a chart a square round a middle, without its axes."""
    reach = reach or 1.0
    axis.set_axis_off()
    axis.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    axis.set_aspect("equal")


def strips(drawings: Sequence[Drawing], schema: Schema) -> Any:
    """A figure with a row for each sequence: frames from its start to its end."""
    figure = new_figure(1.45 * _FRAMES + 0.3, 2.3 * len(drawings) + 0.8)
    rows = figure.subfigures(len(drawings), 1, squeeze=False)[:, 0]
    scale = Scale(np.concatenate([one.relevance.ravel() for one in drawings]))
    for row, one in zip(rows, drawings, strict=True):
        times, centred, reach = projection.spread(one.points, _FRAMES)
        axes = row.subplots(1, _FRAMES)
        for axis in axes[len(times) :]:
            axis.set_axis_off()
        for axis, t, points in zip(axes, times, centred, strict=False):
            draw_skeletons(axis, points, schema, scale.area(one.relevance[t]))
            square_window(axis, (0, 0), _MARGIN * reach)
            axis.set_title(f"{t + 1} / {len(one.points)}", fontsize=7, y=-0.1)
        row.suptitle(one.title, fontsize=9)
    scale.legend(figure)
    return figure


def film(title: str, points: np.ndarray, schema: Schema, relevance: np.ndarray | None = None) -> list[np.ndarray]:
    """A picture (H, W, 3) uint8 for every frame of a sequence of points (T, M, V, 2).

    Without the attention to the joints, (T, M, V), bones have the colours of their side.
    """
    plain = relevance is None
    figure = new_figure(4.8, 4.8 if plain else 5.2)
    axis = figure.subplots()
    known = points[np.isfinite(points).all(-1)]
    reach = (1.0 if plain else _MARGIN) * (0.55 * float(np.ptp(known, axis=0).max()) if len(known) else 1.0)
    middle = projection.middle_of(points)
    areas: Sequence[np.ndarray | None] = [None] * len(points)
    if relevance is None:
        side_legend(figure, schema)
    else:
        scale = Scale(relevance, _LARGEST_IN_FILM)
        scale.legend(figure)
        areas = scale.area(relevance)  # type: ignore[assignment]
    pictures = []
    for t, (frame, sizes) in enumerate(zip(points, areas, strict=True)):
        axis.clear()
        draw_skeletons(axis, frame, schema, sizes)
        square_window(axis, middle, reach)
        axis.set_title(f"{title}   {t + 1} / {len(points)}", fontsize=10 if plain else 9, wrap=not plain)
        figure.canvas.draw()
        # What fits round the first frame fits round all; finding it anew would take most of the time.
        figure.set_layout_engine("none")
        pictures.append(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    return pictures


def class_averages(found: Mapping[str, np.ndarray], pose: np.ndarray, joints: Sequence[str], schema: Schema) -> Any:
    """A figure with one pose for each class, its joints as large as the attention that the class's sequences paid.

    A title names the joints that stand out most from the mean over the classes.

    Args:
        found: for each class the relevance of every joint, (M V,); at most 20 are drawn.
        pose: the points (M, V, 2).
        joints: the M V names.
        schema: with a layout.
    """
    shown = list(found)[:_CLASSES]
    rows, columns = -(-len(shown) // _COLUMNS), min(len(shown), _COLUMNS)
    figure = new_figure(2.2 * columns + 0.3, 3.0 * rows + 1.0)
    reach = float(np.nanmax(np.abs(pose), initial=0))
    scale = Scale(np.stack([found[name] for name in shown]))
    mean = np.mean([found[name] for name in shown], axis=0)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, shown, strict=False):
        relevance, ratio = found[name].reshape(pose.shape[:2]), (found[name] / mean).reshape(pose.shape[:2])
        colours = np.where(ratio > 1 + _TELLING, MORE, np.where(ratio < 1 - _TELLING, LESS, BONE))
        draw_skeletons(axis, pose, schema, scale.area(relevance), colours)
        square_window(axis, (0, 0), _MARGIN * reach)
        first, second = np.argsort(-ratio.ravel(), kind="stable")[:2]
        axis.set_title(f"{wrapped(name)}\n+ {joints[first]}, {joints[second]}", fontsize=8)
    figure.suptitle("attention to each joint, mean over the sequences of each class", fontsize=11)
    scale.legend(figure, "; orange: over 5 % more than the mean of the classes, blue: over 5 % less")
    return figure


class Labelled(NamedTuple):
    """A person on the frame of a film, or the frame as a whole.

    Args:
        text: the label.
        colour: the number of a colour; equal numbers are of one person.
        joints: (V, 2 or more) in units of the picture's height, x to the right and y down; None: only the label.
        confidence: of the joints, (V,) from 0 to 1; those below 0.3 are not drawn.
        weights: the sizes of the joints relative to the usual, (V,); None: all alike.
    """

    text: str
    colour: int
    joints: np.ndarray | None = None
    confidence: np.ndarray | None = None
    weights: np.ndarray | None = None


def annotate(image: np.ndarray, people: Sequence[Labelled], bones: Sequence[tuple[int, int]]) -> np.ndarray:
    """A frame of a film with everyone's skeleton, joints sized by their weights, and label.

    It is drawn by Pillow, for matplotlib would take longer than the time from one frame of a camera to the next.

    Args:
        image: (H, W, 3) uint8; left as it is.
        people: in the order of their labels where these have no joints to stand at.
        bones: pairs of joints.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    with needed_for("drawing needs Pillow: pip install 'attentive-rnn[report]'"):
        from PIL import Image, ImageDraw, ImageFont
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture, "RGBA")
    height = image.shape[0]
    font = ImageFont.load_default(size=max(10, height // 20))
    for row, one in enumerate(people):
        colour = PEOPLE[one.colour % len(PEOPLE)]
        corner = (height / 60, row * height / 14 + height / 60)
        if one.joints is not None and one.confidence is not None:
            corner = _draw_on_frame(pen, one.joints[:, :2] * height, one, bones, height, colour)
        pen.rectangle(pen.textbbox(corner, one.text, font=font), fill=(0, 0, 0, 160))
        pen.text(corner, one.text, fill=colour, font=font)
    return np.asarray(picture)


def _draw_on_frame(
    pen: Any,
    points: np.ndarray,
    one: Labelled,
    bones: Sequence[tuple[int, int]],
    height: int,
    colour: tuple[int, int, int],
) -> tuple[float, float]:
    """Draw the bones and joints; the place for the label, above them."""
    assert one.confidence is not None
    sure = one.confidence > _SURE
    for a, b in bones:
        if sure[a] and sure[b]:
            pen.line([*points[a], *points[b]], fill=(*colour, 200), width=max(1, height // 160))
    weights = np.ones(len(points)) if one.weights is None else one.weights
    for (x, y), weight, drawn in zip(points, weights, sure, strict=True):
        if drawn:
            radius = height / 70 * float(np.clip(weight, 0.2, 3.0))
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(*colour, 230), outline=(0, 0, 0, 255))
    shown = points[sure] if sure.any() else points
    return max(0.0, float(shown[:, 0].min())), max(0.0, float(shown[:, 1].min()) - height / 12)
