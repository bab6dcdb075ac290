"""Skeletons of one joint layout as those of another, by the names of the joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from ...errors import ConfigError
from ..schema import Schema
from ..skeletons.layouts import get_layout
from .base import Transform

# The same place under another name; each row is one place.
SYNONYMS = (
    ("head", "face"),
    ("spine", "belly"),
    ("neck", "shoulder centre"),
    ("left foot", "left foot index", "left big toe"),
    ("right foot", "right foot index", "right big toe"),
)


class ConvertLayout(Transform):
    """Take the joints of a target layout out of skeletons of a source layout, by name.

    x'[t, m, v] = x[t, m, s(v)], with s(v) the joint of the source that has the name of the target's joint v, or else a
    synonym of it (see ``SYNONYMS``). Nothing is interpolated: every joint of the target must be there.

    Args:
        source: name of the layout of the skeletons.
        target: name of the layout to make.

    Raises:
        ConfigError: an unknown layout, joints of the target that the source does not have, or a sequence that is not
            (T, M, V, C) with the source's joints.

    Example:
        >>> import numpy as np, torch
        >>> convert = ConvertLayout("ntu-25", "kinect-20")
        >>> tuple(convert(torch.rand(6, 2, 25, 3), np.random.default_rng(0)).shape)
        (6, 2, 20, 3)
    """

    name = "convert_layout"
    depends = "frame"

    def __init__(self, source: str, target: str) -> None:
        joints, wanted = get_layout(source).joints, get_layout(target).joints
        found = [same_joint(name, joints) for name in wanted]
        self.indices = [i for i in found if i is not None]
        missing = [name for name, i in zip(wanted, found, strict=True) if i is None]
        if missing:
            raise ConfigError(
                f"{self.name}: {source} has no joint for {', '.join(missing)} of {target}; "
                "choose a target whose joints it has"
            )
        self.source, self.target = source, target
        self._count = len(joints)

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if sequence.ndim != 4 or sequence.shape[2] != self._count:
            raise ConfigError(
                f"{self.name}: needs skeletons (T, M, {self._count}, C) of {self.source}, got {tuple(sequence.shape)}"
            )
        return sequence[:, :, self.indices]

    def schema_after(self, schema: Schema) -> Schema:
        if schema.layout != self.source:
            raise ConfigError(f"{self.name}: the data have the layout {schema.layout}, not {self.source}")
        persons, _, coordinates = schema.shape
        return replace(schema, shape=(persons, len(self.indices), coordinates), layout=self.target, features=())


def same_joint(name: str, joints: Sequence[str]) -> int | None:
    """The index among joints of the one with that name, or else with a synonym of it; None where there is neither.

    Example:
        >>> same_joint("neck", ("head", "shoulder centre")), same_joint("left eye", ("head",))
        (1, None)
    """
    row = next((row for row in SYNONYMS if name in row), ())
    return next((joints.index(other) for other in (name, *row) if other in joints), None)
