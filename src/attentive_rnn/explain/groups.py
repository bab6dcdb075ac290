"""The elements of a frame by what they belong to: the coordinates of a joint, the axes of a sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data import Schema, get_layout

_AXES = frozenset("xyzw")


@dataclass(frozen=True)
class Group:
    """A joint, a sensor or a single feature: its name and the indices of its elements in the flattened frame."""

    name: str
    elements: tuple[int, ...]


def groups_of(schema: Schema, width: int | None = None) -> list[Group]:
    """The groups of a frame, in its order: joints of a skeleton, features that differ in their axis only, features.

    Of text there is one group, the word, which is all of the vector that it becomes.

    Args:
        schema: of the frames.
        width: the length of a word's vector, for text.

    Example:
        >>> schema = Schema(classes=(), shape=(4,), features=("gyroscope x", "gyroscope y", "gyroscope z", "pressure"))
        >>> [(group.name, group.elements) for group in groups_of(schema)]
        [('gyroscope', (0, 1, 2)), ('pressure', (3,))]
    """
    if schema.vocabulary:
        return [Group("word", tuple(range(width or 1)))]
    if len(schema.shape) == 3:
        persons, joints, axes = schema.shape
        known = get_layout(schema.layout).joints if schema.layout else ()
        names = known if len(known) == joints else tuple(f"joint {v}" for v in range(joints))
        return [
            Group(
                name if person == 0 else f"{name} (person {person + 1})",
                tuple(range((person * joints + v) * axes, (person * joints + v + 1) * axes)),
            )
            for person in range(persons)
            for v, name in enumerate(names)
        ]
    found: dict[str, list[int]] = {}
    for i, feature in enumerate(schema.features or tuple(f"feature {i}" for i in range(schema.size))):
        stem, _, axis = feature.replace("_", " ").rpartition(" ")
        found.setdefault(stem if stem and axis.lower() in _AXES else feature, []).append(i)
    return [Group(name, tuple(elements)) for name, elements in found.items()]


def by_group(values: np.ndarray, groups: list[Group]) -> np.ndarray:
    """Values (..., D) of the elements averaged over each group, (..., len(groups)).

    The paper adds the relative responses of a joint's coordinates; the mean ranks joints alike, and stays comparable
    between groups of different size, with 1 for what the network attends to as much as it does on average.
    """
    return np.stack([values[..., list(group.elements)].mean(-1) for group in groups], axis=-1)
