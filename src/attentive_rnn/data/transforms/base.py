"""Changes of a whole sequence, named so that a saved model can repeat them."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor

from ...errors import ConfigError
from ..schema import Schema

# Which frames decide an output frame: that frame alone; also the first one with person 0; also the one before it.
Depends = Literal["frame", "first", "previous"]


class Transform(ABC):
    """A function of a sequence, called as ``transform(sequence, rng)`` with (T, *shape) in and out.

    A transform is named in a config by ``name``; its constructor's arguments are its attributes. A subclass
    registers itself by having a name. ``random`` says whether the result depends on ``rng``. One that changes the
    shape or the rate of the frames says so in :meth:`schema_after`; a random one that has a counterpart without
    chance gives it in :meth:`in_test`. ``depends`` says of which frames an output frame is made, so that it can be made
    in a stream; None: of any, or the frames that come out are others than those that go in.
    """

    name: ClassVar[str] = ""
    random: bool = False
    depends: Depends | None = None
    _known: ClassVar[dict[str, type[Transform]]] = {}

    def __init_subclass__(cls) -> None:
        if cls.name:
            Transform._known[cls.name] = cls

    @abstractmethod
    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        """The changed sequence, (T, *shape); the given one is left as it is."""

    def schema_after(self, schema: Schema) -> Schema:
        """The schema of the sequences that come out, for that of those that go in."""
        return schema

    def in_test(self) -> Transform:
        """What takes this transform's place in validation, testing and use, where nothing is drawn.

        A deterministic transform stays as it is. A random one leaves the sequence as it is, unless it says otherwise.
        """
        return Compose([]) if self.random else self

    def to_config(self) -> dict[str, Any]:
        """The name and the arguments, as plain values that JSON can hold."""
        return {"name": self.name, **{key: getattr(self, key) for key in _arguments(type(self))}}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={getattr(self, k)!r}" for k in _arguments(type(self)))
        return f"{type(self).__name__}({arguments})"


class Compose(Transform):
    """Transforms one after the other; an empty list changes nothing.

    Example:
        >>> from attentive_rnn.data import OriginAtBodyCentre, RandomRotation
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

    def schema_after(self, schema: Schema) -> Schema:
        for transform in self.transforms:
            schema = transform.schema_after(schema)
        return schema

    def in_test(self) -> Compose:
        kept = [t.in_test() for t in self.transforms]
        return Compose([t for t in kept if not (isinstance(t, Compose) and not t.transforms)])

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name, "transforms": [t.to_config() for t in self.transforms]}


def transform_from_config(config: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Transform:
    """The transform that a config names: what ``to_config`` wrote, or a list of such, applied in order.

    Raises:
        ConfigError: an unknown name, an argument that the transform does not take, or one that it needs and lacks.

    Example:
        >>> from attentive_rnn.data import OriginAtBodyCentre
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
    missing = [
        key for key, p in inspect.signature(kind).parameters.items() if p.default is p.empty and key not in arguments
    ]
    if missing:
        raise ConfigError(f"{name}: needs the argument {missing[0]!r}; it takes {', '.join(_arguments(kind))}")
    return kind(**arguments)


def _arguments(kind: type[Transform]) -> list[str]:
    return list(inspect.signature(kind).parameters)
