"""Order of the columns of skeletons: joint after joint, told by their names.

Input is the names of columns such as x0, x1, ..., y0, ... or hip_x, hip_y, knee_x, ..., and a joint layout; output is
the columns in the order of the layout's joints, each with x, y, z and what else it has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....errors import DataError
from .layout import Layout, get_layout, plain_name

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_AXES = ("x", "y", "z")
_SURE = ("v", "vis", "visibility", "c", "conf", "confidence", "s", "score", "p", "likelihood", "presence")


def joint_order(names: Sequence[str], layout: Layout, where: str, values: int | None = None) -> list[int] | None:
    """The columns joint after joint, in the order of a layout; None where they are so, or their names do not tell.

    Joints with numbers are ordered by these, and joints with names as the layout has them, if it knows all of them.

    Args:
        names: of the columns.
        layout: of the joints.
        where: the file, for messages.
        values: how many a joint has, as it was given; None: as the names tell.

    Raises:
        DataError: some names are joints of the layout that would be in another place, and some are none.

    Example:
        >>> own = get_layout({"joints": ["hip", "knee"], "bones": [["hip", "knee"]]})
        >>> joint_order(["x0", "x1", "y0", "y1"], own, "here")
        [0, 2, 1, 3]
        >>> joint_order(["knee_x", "knee_y", "hip_x", "hip_y"], own, "here")
        [2, 3, 0, 1]
    """
    joints, own = joints_in(names)
    if not joints or values not in (None, len(own)):
        return None
    order = [joints[joint][value] for joint in _in_order(list(joints), layout, where) for value in own]
    return None if order == list(range(len(names))) else order


def by_place_note(names: Sequence[str], layout: Layout, where: str) -> list[str]:
    """A note on joints whose names are none of the layout's, so that their places tell; none on others.

    Example:
        >>> own = get_layout({"joints": ["hip", "knee"], "bones": [["hip", "knee"]]})
        >>> by_place_note(["hip_x", "hip_y", "knie_x", "knie_y"], own, "here")[0].partition(";")[0]
        "here: 1 of 2 joints are none of own by their names and are taken by their places, the first, 'knie', as 'knee'"
    """
    joints, wanted = list(joints_in(names)[0]), get_layout(layout).joints
    if len(joints) != len(wanted) or any(word.isdecimal() for joint in joints for word in joint):
        return []
    called = [plain_name(" ".join(joint)) for joint in joints]
    strange = [i for i, name in enumerate(called) if name not in wanted]
    if not strange:
        return []
    first = f"{' '.join(joints[strange[0]])!r}, as {wanted[strange[0]]!r}"
    return [
        f"{where}: {len(strange)} of {len(wanted)} joints are none of {get_layout(layout).name} by their names and are "
        f"taken by their places, the first, {first}; name the columns as the joints of the layout if they are in "
        "another order"
    ]


def joints_in(names: Sequence[str]) -> tuple[dict[tuple[str, ...], dict[str, int]], list[str]]:
    """The column of each value of each joint, and the values of a joint in order; none where names do not tell all.

    Example:
        >>> joints_in(["x0", "x1", "y0", "y1"])
        ({('0',): {'x': 0, 'y': 2}, ('1',): {'x': 1, 'y': 3}}, ['x', 'y'])
    """
    joints: dict[tuple[str, ...], dict[str, int]] = {}
    for i, name in enumerate(names):
        told = _joint_and_value(name)
        if told is None or told[1] in joints.setdefault(told[0], {}):
            return {}, []
        joints[told[0]][told[1]] = i
    if len(joints) < 2 or len({frozenset(found) for found in joints.values()}) > 1:
        return {}, []
    first = next(iter(joints.values()))
    others = [value for value in first if value not in _AXES]
    own = [axis for axis in _AXES if axis in first] + others
    return (joints, own) if own[:2] == ["x", "y"] and len(others) < 2 else ({}, [])


def _joint_and_value(name: str) -> tuple[tuple[str, ...], str] | None:
    """The words of a name that tell the joint, and the one that tells which of its values it is."""
    words = _WORDS.findall(name)
    lower = [word.lower() for word in words]
    for known in (_AXES, _SURE):
        places = [i for i, word in enumerate(lower) if word in known]
        place = next((i for i in (len(words) - 1, 0, *(places if len(places) == 1 else ())) if i in places), None)
        if place is not None:
            return tuple(words[:place] + words[place + 1 :]), lower[place]
    return None


def _in_order(joints: list[tuple[str, ...]], layout: Layout, where: str) -> list[tuple[str, ...]]:
    """The joints in the order of the layout, where it has them, or in that of their numbers."""
    wanted = get_layout(layout).joints
    numbers = {joint: [int(word) for word in joint if word.isdecimal()] for joint in joints}
    words = {tuple(word for word in joint if not word.isdecimal()) for joint in joints}
    if all(numbers.values()) and len(words) == 1:
        return sorted(joints, key=numbers.__getitem__)
    if len(joints) != len(wanted):
        return joints
    called = {plain_name(" ".join(joint)): joint for joint in joints}
    if set(called) == set(wanted):
        return [called[joint] for joint in wanted]
    placed = [joint in wanted and wanted.index(joint) != i for i, joint in enumerate(called)]
    if len(called) == len(joints) and any(placed):
        strange = [joint for joint in called if joint not in wanted]
        lacking = [joint for joint in wanted if joint not in called]
        raise DataError(
            f"{where}: by their names the columns are of joints in another order than those of {layout}, which has "
            f"{lacking[0]!r} and not {strange[0]!r}; name the columns as the joints of the layout, or give a layout "
            "of your own, --option layout=FILE.yaml"
        )
    return joints
