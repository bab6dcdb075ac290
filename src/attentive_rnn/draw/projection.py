"""Skeletons as flat pictures: from which side to look, and what to draw in which colour."""

from __future__ import annotations

import math

import numpy as np

from ..data.check.skeletons import is_planar, up_axis
from ..data.schema import Schema
from ..data.skeletons.layouts import get_layout
from .colours import BLUE, GREEN, GREY, ORANGE, PINK, SKY

_GROUPS = {
    "left": BLUE,
    "right": ORANGE,
    "thumb": ORANGE,
    "index": BLUE,
    "middle": GREEN,
    "ring": PINK,
    "little": SKY,
}
_TURN = math.radians(25)  # a body seen from straight ahead hides its depth


def flatten(frames: np.ndarray, schema: Schema) -> np.ndarray:
    """The frames (T, M, V, C) of one sequence as points (T, M, V, 2) of a picture, y up; NaN where nobody is.

    A body is seen from the front and a little from its left, upright; a hand from the side that shows most of it.
    """
    seen = (frames != 0).any((2, 3))
    bodies = frames[seen].astype(np.float64)
    flat = np.full((*frames.shape[:3], 2), np.nan)
    if len(bodies) == 0:
        return flat
    if is_planar(bodies):
        flat[seen] = bodies[..., :2] * (1, -1)
        # A joint of a picture at exactly (0, 0) was not found.
        flat[(frames[..., :2] == 0).all(-1)] = np.nan
        return flat
    points = bodies[..., :3]
    flat[seen] = points @ _view(points, schema).T
    return flat


def bone_groups(schema: Schema) -> dict[str, tuple[str, list[tuple[int, int]]]]:
    """The bones of a layout by what they belong to: {"left": (colour, bones), ...}, "centre" for the rest."""
    assert schema.layout is not None
    layout = get_layout(schema.layout)
    groups: dict[str, tuple[str, list[tuple[int, int]]]] = {}
    for a, b in layout.bones:
        name = next((word for word in layout.joints[b].split() if word in _GROUPS), "centre")
        groups.setdefault(name, (_GROUPS.get(name, GREY), []))[1].append((a, b))
    return groups


def _view(points: np.ndarray, schema: Schema) -> np.ndarray:
    """Rows: the directions (3,) that point right and up in the picture."""
    up, across = _up(points, schema), _across(points, schema)
    if up is None or across is None:
        centred = (points - points.mean(axis=1, keepdims=True)).reshape(-1, 3)
        _, _, axes = np.linalg.svd(centred[:: max(1, len(centred) // 2000)], full_matrices=False)
        y, x = axes[0], axes[1]
        # The fingers, which are last in every layout of a hand, point up.
        y = y if (points[:, -1] - points[:, 0]).mean(0) @ y > 0 else -y
        return np.stack([x, y])
    across = across - (across @ up) * up
    across = across / (np.linalg.norm(across) or 1.0)
    # From the front, a person's left is on the right of the picture.
    return np.stack([math.cos(_TURN) * across + math.sin(_TURN) * np.cross(up, across), up])


def _up(points: np.ndarray, schema: Schema) -> np.ndarray | None:
    axis = up_axis(points, schema)
    if axis is None:
        return None
    return np.eye(3)["xyz".index(axis[1])] * (1 if axis[0] == "+" else -1)


def _across(points: np.ndarray, schema: Schema) -> np.ndarray | None:
    joints = get_layout(schema.layout).joints if schema.layout else ()
    if "left shoulder" not in joints or "right shoulder" not in joints:
        return None
    width = points[:, joints.index("left shoulder")] - points[:, joints.index("right shoulder")]
    return width[: max(1, len(width) // 4)].mean(0)
