"""Joint layouts: the names of a skeleton's joints and the bones between them, one JSON file a layout."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ....errors import ConfigError, DataError
from ...options import whole


@dataclass(frozen=True)
class JointLayout:
    """The joints of a skeleton.

    Args:
        name: what a :class:`Schema` calls it.
        title: what it is, in words.
        joints: the name of each joint, in the order of the data.
        bones: pairs of joint indices, the one nearer to the body's centre first.
        centre: index of the joint taken as the body's centre.
    """

    name: str
    title: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    centre: int

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Indices of the joints called "left ..." and "right ...", as (left, right); none for one hand.

        Example:
            >>> get_layout("kinect-20").pairs[:2]
            ((4, 8), (5, 9))
        """
        place = {name: i for i, name in enumerate(self.joints)}
        lefts = [name for name in self.joints if name.startswith("left ")]
        return tuple((place[name], place["right " + name.removeprefix("left ")]) for name in lefts)


def list_layouts() -> list[str]:
    """The names of the layouts in the package.

    Example:
        >>> [name for name in list_layouts() if "-25" in name]
        ['ntu-25', 'openpose-25']
    """
    return sorted(f.name[:-5] for f in files(__package__).iterdir() if f.name.endswith(".json"))


@cache
def get_layout(name: str) -> JointLayout:
    """The layout of that name.

    Raises:
        ConfigError: there is none.

    Example:
        >>> get_layout("kinect-20").joints[1]
        'spine'
    """
    if name not in list_layouts():
        raise ConfigError(f"unknown joint layout {name!r}; there are {', '.join(list_layouts())}")
    values = json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return JointLayout(
        name=values["name"],
        title=values["title"],
        joints=tuple(values["joints"]),
        bones=tuple((a, b) for a, b in values["bones"]),
        centre=values["centre"],
    )


_PLANAR = ("coco-17", "jhmdb-15", "openpose-18", "openpose-25")  # layouts of pictures: x, y; all others are x, y, z
_AXIS = re.compile(r"[a-z]+", re.IGNORECASE)


def frame_shape(
    shape: tuple[int, ...],
    layout: str | None,
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
        layout: the name of the layout.
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
    joints = len(get_layout(layout).joints)
    if values is not None:
        whole(where, "values", values, 1)
    if len(shape) == 1:
        told = values or _recurring(names, joints)
        each, rest = divmod(shape[0], joints)
        few = (2, 3, 4) if layout in _PLANAR or each % 3 else (3, 4)
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
                "--option values=N or --data.options.values N"
            )
        return each // fitting[0], joints, fitting[0]
    full = shape if len(shape) == 3 else (1, *shape)
    if len(full) != 3 or full[1] != joints:
        raise DataError(f"{where}: frames {shape} are not (persons, {joints}, coordinates), as {layout} needs")
    if values is not None and full[2] != values:
        raise DataError(f"{where}: frames {shape} have {full[2]} values a joint, not {values}")
    return full


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
