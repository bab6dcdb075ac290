"""Flat views of skeletons: from (M, V, C) coordinates to the points of a picture."""

from __future__ import annotations

import math

import numpy as np

from ..data.check.skeletons import up_axis
from ..data.schema import Schema
from ..data.skeletons.layouts import get_layout
from ..data.transforms.presence import absent, numbers_of

_TURN = math.radians(25)  # a body seen from straight ahead hides its depth


def flatten(frames: np.ndarray, schema: Schema) -> np.ndarray:
    """The frames (T, M, V, C) of one sequence as points (T, M, V, 2) of a picture, y up; NaN where a joint is absent.

    A body is seen from the front and a little from its left, upright; a hand from the side that shows most of it.
    """
    first = frames[..., : schema.vector[1]] if schema.coordinates is not None else frames
    known = Schema((), first.shape[1:], coordinates=schema.coordinates)
    gone = absent(first, known)
    seen = ~gone.all(2)
    bodies = np.where(gone[seen][..., None], np.nan, frames[seen].astype(np.float64))
    flat = np.full((*frames.shape[:3], 2), np.nan)
    if len(bodies) == 0:
        return flat
    if frames.shape[-1] < 3 or numbers_of(first[seen], schema.layout, (), schema.coordinates).coordinates == 2:
        flat[seen] = bodies[..., :2] * (1, 1 if schema.upward == "+y" else -1)
        # A joint of a picture at exactly (0, 0) was not found.
        flat[(frames[..., :2] == 0).all(-1)] = np.nan
        return flat
    points = bodies[..., :3]
    whole = points[np.isfinite(points).all((1, 2))]
    flat[seen] = points @ _view(whole if len(whole) else np.nan_to_num(points), schema).T
    return flat


def middle_of(points: np.ndarray) -> np.ndarray:
    """The middle (2,) of the box round points (..., 2); (0, 0) where all are NaN."""
    known = points[np.isfinite(points).all(-1)]
    return (known.min(0) + known.max(0)) / 2 if len(known) else np.zeros(2)


def spread(points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Frames from the start to the end of a sequence, each centred.

    Args:
        points: (T, M, V, 2).
        count: frames, at most.

    Returns:
        The numbers of the frames (n,), their points (n, M, V, 2) round their middle, and the largest coordinate.
    """
    times = np.unique(np.linspace(0, len(points) - 1, count).round().astype(int))
    centred = np.stack([points[t] - middle_of(points[t]) for t in times])
    return times, centred, float(np.nanmax(np.abs(centred), initial=0))


def clearest_pose(frames: list[np.ndarray]) -> np.ndarray:
    """The upright one of some frames (M, V, 2) in which joints hide each other least, round its middle.

    Args:
        frames: at least one; those with nobody in them count only if all are so, and the result is then zeros.
    """
    found = [points - middle_of(points) for points in frames if np.isfinite(points).any()]
    if not found:
        return np.zeros_like(frames[0])
    heights = np.array([np.nanmax(points[..., 1]) for points in found])
    upright = [points for points, height in zip(found, heights, strict=True) if height >= np.median(heights)]
    return max(upright, key=_clearance)


def _clearance(points: np.ndarray) -> float:
    """The mean distance of a joint of (M, V, 2) to the nearest other one, for the height of the body."""
    joints = points[np.isfinite(points).all(-1)]
    distances = np.linalg.norm(joints[:, None] - joints, axis=-1) + np.diag(np.full(len(joints), np.inf))
    return float(distances.min(1).mean() / (np.ptp(joints[:, 1]) or 1)) if len(joints) > 1 else 0.0


def _view(points: np.ndarray, schema: Schema) -> np.ndarray:
    """Rows: the directions (3,) that point right and up in the picture."""
    up, across = _up(points, schema), _across(points, schema)
    if up is None or across is None:
        centred = (points - points.mean(axis=1, keepdims=True)).reshape(-1, 3)
        if up is not None:
            centred = centred - (centred @ up)[:, None] * up
        _, _, axes = np.linalg.svd(centred[:: max(1, len(centred) // 2000)], full_matrices=False)
        if up is not None:
            return np.stack([axes[0], up])
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
    if schema.layout is None or not get_layout(schema.layout).pairs:
        return None
    layout = get_layout(schema.layout)
    shoulders = [pair for pair in layout.pairs if layout.joints[pair[0]] == "left shoulder"]
    left, right = np.array(shoulders or layout.pairs).T
    early = points[: max(1, len(points) // 4)]
    both = ~(absent(early[:, left]) | absent(early[:, right]))
    return (early[:, left] - early[:, right])[both].mean(0) if both.any() else None
