"""Skeletons: in figures, in films and on the frames of a film, with joints as large as what is shown of them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.schema import Schema
from ..data.skeletons.layouts import get_layout
from ..errors import needed_for
from . import projection
from .charts import ATTENDED, Drawing, Quantity, new_figure, wrapped
from .colours import BLUE, BONE, GREEN, GREY, ORANGE, PEOPLE, PINK, SKY

MORE, LESS = ORANGE, BLUE  # of joints, or of those that a class attends to more and less than the others
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
_FRAMES = 7
_CLASSES, _COLUMNS, _MANY = 120, 5, 8  # in a picture of classes; more than 20 of them stand in more columns
_MARGIN = 1.15  # of a window round joints as large as the attention to them
_SURE = 0.3  # joints that an estimator is less sure of are not drawn


class Scale:
    """From the relevance of a joint to its size, between the limits of the quantity that is drawn.

    The diameter, which is what the eye compares, grows in proportion.

    Args:
        relevance: everything that one picture shows.
        quantity: what it is.
        largest: the area of a joint at the upper end, in square points.

    Example:
        >>> scale = Scale(np.linspace(0, 40, 51))
        >>> scale.high, scale.area(np.array([0.0, scale.high / 2, 50.0])).tolist()
        (39.2, [2.0, 49.0, 190.0])
    """

    def __init__(self, relevance: np.ndarray, quantity: Quantity = ATTENDED, largest: float = _LARGEST) -> None:
        self.quantity, self.largest = quantity, largest
        self.low, self.high = quantity.limits(relevance)

    def area(self, relevance: np.ndarray) -> np.ndarray:
        """The area in square points."""
        share = np.clip((relevance - self.low) / (self.high - self.low), 0, 1)
        return _SMALLEST + (self.largest - _SMALLEST) * share**2

    def legend(self, figure: Any, title: str) -> None:
        """Put under a figure what three sizes mean."""
        from matplotlib.lines import Line2D

        look: Any = {"marker": "o", "linestyle": "none", "color": MORE, "alpha": 0.85}
        look |= {"markeredgewidth": 0.5, "markeredgecolor": "white"}
        handles = [
            Line2D([], [], markersize=float(self.area(value)) ** 0.5, label=self.quantity.form.format(value), **look)
            for value in np.linspace(self.low, self.high, 3)
        ]
        room = self.largest**0.5 / 9  # of a handle, in units of the text
        look = {
            "handleheight": room,
            "handlelength": room,
            "ncols": 3,
            "frameon": False,
            "fontsize": 9,
            "title": title,
            "title_fontsize": 9,
        }
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
    quantity = drawings[0].quantity
    scale = Scale(np.concatenate([one.relevance.ravel() for one in drawings]), quantity)
    for row, one in zip(rows, drawings, strict=True):
        times, centred, reach = projection.spread(one.points, _FRAMES)
        axes = row.subplots(1, _FRAMES)
        for axis in axes[len(times) :]:
            axis.set_axis_off()
        for axis, t, points in zip(axes, times, centred, strict=False):
            draw_skeletons(axis, points, schema, scale.area(one.relevance[t]))
            square_window(axis, (0, 0), _MARGIN * reach)
            axis.set_title(f"frame {t}", fontsize=7, y=-0.1)
        row.suptitle(one.title, fontsize=9)
    scale.legend(figure, quantity.label())
    return figure


def film(
    title: str,
    points: np.ndarray,
    schema: Schema,
    relevance: np.ndarray | None = None,
    quantity: Quantity = ATTENDED,
) -> list[np.ndarray]:
    """A picture (H, W, 3) uint8 for every frame of a sequence of points (T, M, V, 2).

    Without the relevance of the joints, (T, M, V), a quantity, bones have the colours of their side.
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
        scale = Scale(relevance, quantity, _LARGEST_IN_FILM)
        scale.legend(figure, quantity.label())
        areas = scale.area(relevance)  # type: ignore[assignment]
    pictures = []
    for t, (frame, sizes) in enumerate(zip(points, areas, strict=True)):
        axis.clear()
        draw_skeletons(axis, frame, schema, sizes)
        square_window(axis, middle, reach)
        axis.set_title(f"{title}   frame {t}", fontsize=10 if plain else 9, wrap=not plain)
        figure.canvas.draw()
        # What fits round the first frame fits round all; finding it anew would take most of the time.
        figure.set_layout_engine("none")
        pictures.append(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    return pictures


def class_averages(
    found: Mapping[str, np.ndarray],
    pose: np.ndarray,
    joints: Sequence[str],
    schema: Schema,
    quantity: Quantity = ATTENDED,
) -> Any:
    """A figure with one pose for each class, its joints as large as what the class's sequences attend to.

    A joint is orange where the class attends to it clearly more than the mean of the classes, and blue where less. The
    heading of a class names the two orange joints of the largest difference, if there are any.

    Args:
        found: for each class the relevance of every joint, (M V,); at most 120 are drawn, and the title says so.
        pose: the points (M, V, 2).
        joints: the M V names.
        schema: with a layout.
        quantity: what the relevance is of.
    """
    shown = list(found)[:_CLASSES]
    columns = min(len(shown), _COLUMNS if len(shown) <= 20 else _MANY)
    rows = -(-len(shown) // columns)
    figure = new_figure(max(5.5, 2.2 * columns + 0.3), 3.0 * rows + 1.2)
    reach = float(np.nanmax(np.abs(pose), initial=0))
    scale = Scale(np.stack([found[name] for name in shown]), quantity)
    mean = np.mean(list(found.values()), axis=0)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, shown, strict=False):
        more = found[name] > (1 + quantity.telling) * mean
        less = found[name] < (1 - quantity.telling) * mean
        colours = np.where(more, MORE, np.where(less, LESS, BONE)).reshape(pose.shape[:2])
        draw_skeletons(axis, pose, schema, scale.area(found[name].reshape(pose.shape[:2])), colours)
        square_window(axis, (0, 0), _MARGIN * reach)
        order = np.argsort(mean - found[name], kind="stable")
        named = [joints[i] for i in order[:2] if more[i]]
        axis.set_title("\n".join([wrapped(name), *(["+ " + ", ".join(named)] if named else [])]), fontsize=8)
    some = "" if len(shown) == len(found) else f", the first {len(shown)} of {len(found)}"
    figure.suptitle(f"{quantity.name} of each joint, mean over the sequences of each class{some}", fontsize=11)
    by = f"{100 * quantity.telling:.0f} %"
    note = f"orange, +: over {by} more than the mean of the classes; blue: over {by} less"
    scale.legend(figure, f"{quantity.name}, {quantity.unit_of_all}\n{note}")
    return figure


class Labelled(NamedTuple):
    """A person on the frame of a film, or the frame as a whole.

    Args:
        text: the label.
        colour: the number of a colour; equal numbers are of one person.
        joints: (V, 2 or more) in units of the picture's height, x to the right and y down; None: only the label.
        confidence: of the joints, (V,) from 0 to 1; those below 0.3 are not drawn.
        weights: the sizes of the joints, areas in which 1 is the mean joint's, (V,); None: all alike.
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
        from PIL import Image, ImageDraw
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture, "RGBA")
    height = image.shape[0]
    font = _font(max(10, height // 20))
    for row, one in enumerate(people):
        colour = PEOPLE[one.colour % len(PEOPLE)]
        corner = (height / 60, row * height / 14 + height / 60)
        if one.joints is not None and one.confidence is not None:
            corner = _draw_on_frame(pen, one.joints[:, :2] * height, one, bones, height, colour)
        pen.rectangle(pen.textbbox(corner, one.text, font=font), fill=(0, 0, 0, 160))
        pen.text(corner, one.text, fill=colour, font=font)
    return np.asarray(picture)


@functools.lru_cache(maxsize=4)
def _font(size: int) -> Any:
    """The font of the labels, which Pillow would make anew for each frame."""
    from PIL import ImageFont

    return ImageFont.load_default(size=size)


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
    weights = np.ones(len(points)) if one.weights is None else one.weights
    radii = (height / 70 * weights.clip(0.1, 9.0) ** 0.5)[:, None]
    ends, discs, drawn = points.tolist(), np.hstack([points - radii, points + radii]).tolist(), sure.tolist()
    for a, b in bones:
        if drawn[a] and drawn[b]:
            pen.line([*ends[a], *ends[b]], fill=(*colour, 200), width=max(1, height // 160))
    for disc in itertools.compress(discs, drawn):
        pen.ellipse(disc, fill=(*colour, 230), outline=(0, 0, 0, 255))
    shown = points[sure] if sure.any() else points
    return max(0.0, float(shown[:, 0].min())), max(0.0, float(shown[:, 1].min()) - height / 12)
