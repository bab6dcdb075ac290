"""Shapes of the frames of skeletons: the persons, joints and values of a frame in a joint layout, told or asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ....errors import DataError, either
from ...options import whole
from .columns import joints_in
from .layout import Layout, get_layout, list_layouts, plain_name

_FEWEST = 5  # joints of what may be a skeleton
_AXIS = re.compile(r"[a-z]+", re.IGNORECASE)


def frame_shape(
    shape: tuple[int, ...],
    layout: Layout | None,
    where: str,
    values: int | None = None,
    names: Sequence[str] = (),
) -> tuple[int, ...]:
    """The shape (M, V, C) that frames take in a joint layout, or the given one without a layout.

    Frames of D features are read person by person, joint by joint, value by value. A joint has two, three or four
    values (x, y, z and a score or visibility), and not two where three fit a layout in space. How many these are
    follows from D, from the names of the columns where their axes recur (x0, y0, z0, v0, x1, ...), or from ``values``.

    Args:
        shape: of a frame as it is stored.
        layout: the layout.
        where: the file in messages.
        values: C, where D can be read in two ways.
        names: of the D features, if they have some.

    Raises:
        DataError: frames of this shape are not of the layout, or can be read in two ways.
        ConfigError: there is no such layout.

    Example:
        >>> frame_shape((120,), "kinect-20", "here"), frame_shape((20, 3), "kinect-20", "here")
        ((2, 20, 3), (1, 20, 3))
    """
    if layout is None:
        return shape
    known = get_layout(layout)
    joints = len(known.joints)
    if values is not None:
        whole(where, "values", values, 1)
    if len(shape) == 1:
        told = values or _recurring(names, joints)
        each, rest = divmod(shape[0], joints)
        few = (2, 3, 4) if known.coordinates == 2 or each % 3 else (3, 4)
        fitting = [c for c in ([told] if told else few) if rest == 0 and each % c == 0 and each]
        if not fitting:
            told_so = f" with values={told} each" if told else ""
            raise DataError(
                f"{where}: {shape[0]} features a frame are not those of {joints} joints, as {layout} has{told_so}"
            )
        if len(fitting) > 1:
            readings = " or ".join(f"{each // c} persons x {joints} joints x {c} values (values={c})" for c in fitting)
            raise DataError(
                f"{where}: {shape[0]} features a frame can be {readings}; say which with the option values, "
                "--option values=N"
            )
        return each // fitting[0], joints, fitting[0]
    full = shape if len(shape) == 3 else (1, *shape)
    if len(full) != 3 or full[1] != joints:
        others = fitting_layouts(full[1]) if len(full) == 3 and full[2] in (2, 3, 4) else []
        hint = f"; {full[1]} joints have {either(others, quote=False)}: --option layout={others[0]}" if others else ""
        raise DataError(f"{where}: frames {shape} are not (persons, {joints}, coordinates), as {layout} needs{hint}")
    if values is not None and full[2] != values:
        raise DataError(f"{where}: frames {shape} have {full[2]} values a joint, not {values}")
    return full


def fitting_layouts(joints: int, values: int | None = None) -> list[str]:
    """The layouts of the package with so many joints; of pictures if joints have 2 values, of space if they have 4.

    Example:
        >>> fitting_layouts(25), fitting_layouts(25, 2)
        (['ntu-25', 'openpose-25'], ['openpose-25'])
    """
    found = [get_layout(name) for name in list_layouts()]
    fitting = [layout for layout in found if len(layout.joints) == joints]
    better = [layout for layout in fitting if values in (2, 4) and (layout.coordinates == 2) == (values == 2)]
    return [layout.name for layout in better or fitting]


def asked_for_layout(shape: tuple[int, ...], where: str, names: Sequence[str] = ()) -> list[str]:
    """A note on frames without a layout that may be of skeletons, and how to say so; none on others.

    Args:
        shape: of a frame, (V, C) or (M, V, C), or of D features with names whose axes recur.
        where: the file in messages.
        names: of the D features, if they have some.

    Example:
        >>> asked_for_layout((25, 3), "mine.npz")[0].partition(";")[0]
        'mine.npz: frames (25, 3) may be 25 joints of 3 values, ntu-25 or openpose-25'
    """
    named = len(shape) == 1
    if named:
        values = next((n for n in (4, 3, 2) if _recurring(names, max(1, shape[0] // n)) == n), len(joints_in(names)[1]))
        shape = (shape[0] // values, values) if values else shape
    if len(shape) not in (2, 3) or shape[-1] not in (2, 3, 4) or shape[-2] < _FEWEST:
        return []
    joints, values = shape[-2:]
    fitting = fitting_layouts(joints, values)
    if named:
        words = [joint for joint in joints_in(names)[0] if not any(word.isdecimal() for word in joint)]
        called = {plain_name(" ".join(joint)) for joint in words}
        # A layout of so many joints would name them wrongly where some are called otherwise.
        fitting = [name for name in fitting if called <= set(get_layout(name).joints)]
        if not fitting and not any(called & set(get_layout(name).joints) for name in list_layouts()):
            return []  # such as the axes of several sensors
    frames = f"{joints * values} columns" if named else f"frames {shape}"
    asked = f"{', '.join(fitting[:-1])}{' or ' * (len(fitting) > 1)}{fitting[-1]}" if fitting else "of no known layout"
    said = fitting[0] if fitting else "FILE.yaml, which names them and their bones"
    return [
        f"{where}: {frames} may be {joints} joints of {values} values, {asked}; say so with --option layout={said}, "
        "or else they are features, which are neither drawn nor turned as a body"
    ]


def stored_layout(array: np.ndarray | None) -> str | None:
    """The layout of the package that an array of a file names; a file names no other file.

    Example:
        >>> stored_layout(np.array("kinect-20")), stored_layout(np.array("/etc/layout.yaml")), stored_layout(None)
        ('kinect-20', None, None)
    """
    name = str(array.item()) if array is not None and array.size == 1 and array.dtype.kind == "U" else None
    return name if name in list_layouts() else None


def _recurring(names: Sequence[str], joints: int) -> int | None:
    """After how many names their axes recur, as in x0, y0, z0, x1, y1, z1; None where they do not tell."""
    if not names or len(names) % joints:
        return None
    axes = [_axis(name) for name in names]
    for period in (2, 3, 4):
        own = axes[:period]
        distinct = own[:2] == ["x", "y"] and len(set(own)) == period
        if distinct and len(names) % (joints * period) == 0 and axes == own * (len(names) // period):
            return period
    return None


def _axis(name: str) -> str:
    """The axis in the name of a feature: its last word, or the first where the name begins with x, y or z."""
    words = _AXIS.findall(name.lower())
    return next((w for w in (words[-1], words[0]) if w in ("x", "y", "z")), words[-1]) if words else ""
