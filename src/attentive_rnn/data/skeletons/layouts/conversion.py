"""Conversion of skeletons between joint layouts: by the names of joints, synonyms, and joints derived from others.

Input is the names of the joints that there are and of those that are wanted; output is, for each wanted joint, the
joints whose middle it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import lcm
from typing import NamedTuple

import torch
from torch import Tensor

# The same place under another name; each row is one place.
SYNONYMS = (
    ("head", "face"),
    ("spine", "belly", "spine centre"),
    ("neck", "shoulder centre", "spine shoulder"),
    ("hip centre", "pelvis", "centre hip", "hips", "spine base"),
    ("left foot", "left foot index", "left big toe"),
    ("right foot", "right foot index", "right big toe"),
)
# A joint as the middle of others; the first row of which all are there counts.
_BODY = {
    "hip centre": (("left hip", "right hip"),),
    "shoulder centre": (("left shoulder", "right shoulder"),),
    "spine": (("hip centre", "shoulder centre"),),
    "head": (("left ear", "right ear"), ("nose",)),
}
# Of each side: the middle of others, or else the next joint of the same limb in its stead.
_SIDE = {
    "hand": (("wrist", "index", "pinky"), ("wrist",)),
    "foot": (("ankle",),),
    "hand tip": (("index",), ("hand",)),
    "thumb": (("hand",),),
    "small toe": (("big toe",),),
    "heel": (("ankle",),),
}
_HAND = {"palm": (("wrist", "middle base"),)}
_RULES: dict[str, tuple[tuple[str, ...], ...]] = {
    **_BODY,
    **_HAND,
    **{
        f"{side} {joint}": tuple(tuple(f"{side} {name}" for name in row) for row in rows)
        for side in ("left", "right")
        for joint, rows in _SIDE.items()
    },
}


class JointMap(NamedTuple):
    """The joints of one skeleton out of those of another.

    Args:
        parents: for each wanted joint, the indices of the joints whose mean it is, which may occur several times; none
            where it cannot be had.
        derived: what is not just renamed, in words.
        missing: the names of the wanted joints that cannot be had.

    Example:
        >>> found = joint_map(("left hip", "right hip", "nose"), ("hip centre", "right hip", "left eye"))
        >>> found.parents, found.derived, found.missing
        (((0, 1), (1,), ()), ('hip centre = the middle of left hip and right hip',), ('left eye',))
    """

    parents: tuple[tuple[int, ...], ...]
    derived: tuple[str, ...]
    missing: tuple[str, ...]

    def __call__(self, frames: Tensor, vector: tuple[int, int] | None = None) -> Tensor:
        """The wanted joints (..., V', C) of frames (..., V, C), with NaN for joints that are absent in both.

        A joint derived from several has their mean coordinates and the lowest of their confidences, and is absent where
        one of them is; a joint that is just renamed is exactly as it was.

        Args:
            frames: of skeletons.
            vector: the coordinates and the numbers of one vector of a joint, as a schema has them; None: all are
                coordinates.
        """
        made = frames[..., [parents[0] for parents in self.parents if parents], :]
        for v, parents in enumerate(self.parents):
            if len(parents) > 1:
                several = frames[..., list(parents), :]
                made[..., v, :] = several.mean(-2)
                if vector is not None and vector[0] < vector[1]:
                    sure = torch.arange(frames.shape[-1]) % vector[1] >= vector[0]
                    made[..., v, sure] = several[..., sure].amin(-2)
        return made


@lru_cache(maxsize=256)
def joint_map(names: tuple[str, ...], wanted: tuple[str, ...]) -> JointMap:
    """How to have the wanted joints out of those of the given names."""
    found = [_parents(name, names, ()) for name in wanted]
    derived = [
        f"{name} = {_middle([names[i] for i in dict.fromkeys(parents)])}"
        for name, parents in zip(wanted, found, strict=True)
        if parents and (len(parents) > 1 or same_joint(name, names) is None)
    ]
    missing = tuple(name for name, parents in zip(wanted, found, strict=True) if not parents)
    return JointMap(tuple(found), tuple(derived), missing)


def turn_between(up: str | None, wanted: str | None, coordinates: int) -> Tensor | None:
    """The rotation (C, C) that brings one axis that points up to another; None where they are the same or not known.

    Opposite axes differ by half a turn about the axis along which a camera looks, so that left and right stay those of
    the body; a picture is turned over.

    Example:
        >>> turn_between("-y", "+y", 3).diag().tolist(), turn_between("-y", "+y", 2).diag().tolist()
        ([-1.0, -1.0, 1.0], [1.0, -1.0])
        >>> (turn_between("+z", "+y", 3) @ torch.tensor([0.0, 0.0, 2.0])).tolist()
        [0.0, 2.0, 0.0]
    """
    if up is None or wanted is None or up == wanted:
        return None
    (a, from_sign), (b, to_sign) = (("xyz".index(axis[1]), 1.0 if axis[0] == "+" else -1.0) for axis in (up, wanted))
    if max(a, b) >= coordinates:
        return None
    turn = torch.eye(coordinates)
    if a == b:
        turn[a, a] = -1.0
        if coordinates == 3:
            other = 0 if a != 0 else 1
            turn[other, other] = -1.0
        return turn
    turn[[a, b]] = turn[[b, a]]
    turn[b, a], turn[a, b] = from_sign * to_sign, -from_sign * to_sign
    return turn


def same_joint(name: str, joints: Sequence[str]) -> int | None:
    """The index among joints of the one with that name, or else with a synonym of it; None where there is neither.

    Example:
        >>> same_joint("neck", ("head", "shoulder centre")), same_joint("left eye", ("head",))
        (1, None)
    """
    return next((joints.index(other) for other in _names(name) if other in joints), None)


def _names(name: str) -> tuple[str, ...]:
    """A name and its synonyms."""
    row = next((row for row in SYNONYMS if name in row), ())
    return name, *(other for other in row if other != name)


def _parents(name: str, names: Sequence[str], above: tuple[str, ...]) -> tuple[int, ...]:
    """The joints whose middle a joint is, by rules that may build on each other."""
    found = same_joint(name, names)
    if found is not None:
        return (found,)
    if name in above:
        return ()
    for rows in (_RULES[other] for other in _names(name) if other in _RULES):
        for row in rows:
            parts = [_parents(one, names, (*above, *_names(name))) for one in row]
            if all(parts):
                count = lcm(*map(len, parts))  # every part counts as much as the others
                return tuple(i for part in parts for i in part * (count // len(part)))
    return ()


def _middle(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"the middle of {', '.join(names[:-1])} and {names[-1]}"
