"""Changes of a whole sequence, named so that a saved model can repeat them."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError


class Transform(ABC):
    """A function of a sequence, called as ``transform(sequence, rng)`` with (T, *shape) in and out.

    A transform is named in a config by ``name``; its constructor's arguments are its attributes. A subclass
    registers itself by having a name. ``random`` says whether the result depends on ``rng``.
    """

    name: ClassVar[str] = ""
    random: bool = False
    _known: ClassVar[dict[str, type[Transform]]] = {}

    def __init_subclass__(cls) -> None:
        if cls.name:
            Transform._known[cls.name] = cls

    @abstractmethod
    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        """The changed sequence, (T, *shape); the given one is left as it is."""

    def to_config(self) -> dict[str, Any]:
        """The name and the arguments, as plain values that JSON can hold."""
        return {"name": self.name, **{key: getattr(self, key) for key in _arguments(type(self))}}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={getattr(self, k)!r}" for k in _arguments(type(self)))
        return f"{type(self).__name__}({arguments})"


class Compose(Transform):
    """Transforms one after the other; an empty list changes nothing.

    Example:
        >>> both = Compose([OriginAtBodyCentre(joint=1), RandomRotation(degrees=35.0)])
        >>> both.random, len(both.to_config()["transforms"])
        (True, 2)
    """

    name = "compose"

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = list(transforms)
        self.random = any(t.random for t in self.transforms)

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        for transform in self.transforms:
            sequence = transform(sequence, rng)
        return sequence

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name, "transforms": [t.to_config() for t in self.transforms]}


class OriginAtBodyCentre(Transform):
    """Move a skeleton sequence so that the first person starts at the origin.

    x'[t, m, v] = x[t, m, v] - x[t0, 0, joint], with t0 the first frame in which person 0 is present. One shift for
    the whole sequence, so that the motion through the room stays. A person who is absent from a frame (all
    zeros) stays all zeros; a sequence without person 0 is returned as it is.

    Source: the sequence-level preprocessing of Zhang et al., "Adding Attentiveness to the Neurons in Recurrent
    Neural Networks", ECCV 2018, section 5.1.

    Args:
        joint: index of the body centre; 1, the middle of the spine, in the Kinect layouts.

    Raises:
        ConfigError: a sequence that is not (T, M, V, C), or has no such joint.

    Example:
        >>> import numpy as np, torch
        >>> x = torch.rand(6, 1, 20, 3)
        >>> OriginAtBodyCentre(joint=1)(x, np.random.default_rng(0))[0, 0, 1]
        tensor([0., 0., 0.])
    """

    name = "origin_at_body_centre"

    def __init__(self, joint: int = 1) -> None:
        if isinstance(joint, bool) or not isinstance(joint, int) or joint < 0:
            raise ConfigError(f"{self.name}: joint must be an index >= 0, got {joint!r}")
        self.joint = joint

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if sequence.ndim != 4 or sequence.shape[2] <= self.joint:
            raise ConfigError(
                f"{self.name}: needs skeletons (T, M, V, C) with a joint {self.joint}, got {tuple(sequence.shape)}"
            )
        present = (sequence != 0).flatten(2).any(2)
        frames = present[:, 0].nonzero()
        if len(frames) == 0:
            return sequence
        origin = sequence[frames[0, 0], 0, self.joint]
        return torch.where(present[:, :, None, None], sequence - origin, 0.0)


class RandomRotation(Transform):
    """Rotate a skeleton sequence about the origin, by one draw for the whole sequence.

    x' = R x, R = Rz Ry Rx, the three angles uniform in [-degrees, degrees]. Distances are kept, and an absent
    person (all zeros) stays absent.

    Source: the augmentation "(aug.)" of Zhang et al., ECCV 2018, section 5.1 (degrees = 35); the order of the
    axes is that of the authors' View-Adaptive code.

    Args:
        degrees: largest angle about each axis.

    Raises:
        ConfigError: a sequence whose frames are not (M, V, 3).

    Example:
        >>> import numpy as np, torch
        >>> x = torch.rand(6, 1, 20, 3)
        >>> y = RandomRotation(35.0)(x, np.random.default_rng(0))
        >>> torch.allclose(y.norm(dim=-1), x.norm(dim=-1), atol=1e-5)
        True
    """

    name = "random_rotation"
    random = True

    def __init__(self, degrees: float = 35.0) -> None:
        if isinstance(degrees, bool) or not isinstance(degrees, int | float) or not 0 <= degrees <= 180:
            raise ConfigError(f"{self.name}: degrees must be from 0 to 180, got {degrees!r}")
        self.degrees = float(degrees)

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if sequence.ndim != 4 or sequence.shape[3] != 3:
            raise ConfigError(f"{self.name}: needs skeletons (T, M, V, 3), got {tuple(sequence.shape)}")
        limit = math.radians(self.degrees)
        rotation = rotation_matrix(*rng.uniform(-limit, limit, size=3))
        return sequence @ torch.as_tensor(rotation.T, dtype=sequence.dtype)


def rotation_matrix(x: float, y: float, z: float) -> np.ndarray:
    """Rz(z) Ry(y) Rx(x), (3, 3) float64, for angles in radians and column vectors."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([x, y, z]), np.sin([x, y, z])
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return rz @ ry @ rx


def transform_from_config(config: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Transform:
    """The transform that a config names: what ``to_config`` wrote, or a list of such, applied in order.

    Raises:
        ConfigError: an unknown name, or arguments that the transform does not take.

    Example:
        >>> transform_from_config([{"name": "origin_at_body_centre", "joint": 1}]).to_config()
        {'name': 'compose', 'transforms': [{'name': 'origin_at_body_centre', 'joint': 1}]}
    """
    if isinstance(config, list | tuple):
        return Compose([transform_from_config(c) for c in config])
    if not isinstance(config, Mapping) or "name" not in config:
        raise ConfigError(f"a transform is given as {{'name': ..., arguments}}, got {config!r}")
    arguments = dict(config)
    name = arguments.pop("name")
    if name == Compose.name and set(arguments) == {"transforms"}:
        parts = arguments["transforms"]
        if not isinstance(parts, list | tuple):
            raise ConfigError(f"compose: transforms must be a list, got {parts!r}")
        return transform_from_config(parts)
    kind = Transform._known.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(f"unknown transform {name!r}; there are {', '.join(sorted(Transform._known))}")
    unknown = set(arguments) - set(_arguments(kind))
    if unknown:
        raise ConfigError(f"{name}: unknown argument {min(unknown)!r}; it takes {', '.join(_arguments(kind))}")
    return kind(**arguments)


def _arguments(kind: type[Transform]) -> list[str]:
    return list(inspect.signature(kind).parameters)
