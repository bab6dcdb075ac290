"""Joint layouts: the names of a skeleton's joints and the bones between them, one JSON file a layout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ....errors import ConfigError, DataError


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


def frame_shape(shape: tuple[int, ...], layout: str | None, where: str) -> tuple[int, ...]:
    """The shape (M, V, C) that frames take in a joint layout, or the given one without a layout.

    Frames of D features are read person by person, joint by joint, coordinate by coordinate: with three coordinates
    where 3 V divides D, with two where only 2 V does.

    Raises:
        DataError: frames of this shape are not of the layout.
        ConfigError: there is no such layout.

    Example:
        >>> frame_shape((120,), "kinect-20", "here"), frame_shape((20, 3), "kinect-20", "here")
        ((2, 20, 3), (1, 20, 3))
    """
    if layout is None:
        return shape
    joints = len(get_layout(layout).joints)
    if len(shape) == 1:
        for coordinates in (3, 2):
            if shape[0] % (joints * coordinates) == 0:
                return shape[0] // (joints * coordinates), joints, coordinates
        raise DataError(f"{where}: {shape[0]} features a frame are not those of {joints} joints, as {layout} has")
    full = shape if len(shape) == 3 else (1, *shape)
    if len(full) != 3 or full[1] != joints:
        raise DataError(f"{where}: frames {shape} are not (persons, {joints}, coordinates), as {layout} needs")
    return full
