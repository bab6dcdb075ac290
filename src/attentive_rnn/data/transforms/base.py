"""Base of the transforms, functions of a whole sequence, and their composition."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..schema import Schema
from ..skeletons.layouts import JointLayout, Layout, get_layout
from .presence import guess, has_joints, mark, unmark

# Which frames decide an output frame: that frame alone; also the first of the best `ranks`; also the one before it.
Depends = Literal["frame", "first", "previous"]
NO_RANK = 2**31  # see Transform.ranks


class Transform(ABC):
    """A function of a sequence, called as ``transform(sequence, rng)`` with (T, *shape) in and out.

    A transform is named in a config by ``name``; its constructor's arguments are its attributes; the table of
    :func:`transform_from_config` lists those that configs may name. ``random`` says whether the result depends on
    ``rng``. One that changes the shape or the rate of the frames says so in :meth:`schema_after`; a random one that has
    a counterpart without chance gives it in :meth:`in_test`. ``depends`` says of which frames an output frame is made,
    so that it can be made in a stream; None: of any, or the frames that come out are others than those that go in.

    A joint that is absent (see :mod:`attentive_rnn.data.transforms.presence`) is all zeros before and after a call, and
    NaN in :meth:`apply`, which is what a transform defines.
    """

    name: ClassVar[str] = ""
    random: bool = False
    depends: Depends | None = None
    schema: Schema | None = None  # of what goes in, where it is known; see `bound`

    def __call__(self, sequence: Tensor, rng: np.random.Generator, presence: Tensor | None = None) -> Tensor:
        """The changed sequence, (T, *shape); the given one is left as it is.

        Args:
            sequence: (T, *shape).
            rng: what a random transform draws from.
            presence: of skeletons, bool (T, M, V), which joints are seen; None: those that are not all zeros.
        """
        if not has_joints(sequence, self.schema):
            return self.apply(sequence, rng)
        guessed = guess(sequence) if self.schema is None else None
        if guessed is not None:
            return self.bound(guessed)(sequence, rng, presence)
        return unmark(self.apply(mark(sequence, self.schema, presence), rng))

    @abstractmethod
    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        """The changed sequence, (T, *shape), with NaN for the joints that are absent; the given one stays as it is."""

    def bound(self, schema: Schema) -> Self:
        """The transform for data of a schema, from which it knows what is a coordinate and what a confidence."""
        made = copy.copy(self)
        made.schema = schema
        return made

    def knowing(self, schema: Schema) -> Self:
        """The transform itself, where it is bound to a schema, or else bound to this one."""
        return self if self.schema is not None else self.bound(schema)

    def ranks(self, sequence: Tensor) -> Tensor:
        """How well each frame of a sequence decides the output of a transform that depends on the "first", int64 (T,).

        The first frame of the lowest rank does; 0 is the best, ``NO_RANK`` is of a frame that cannot. The sequence has
        NaN for absent joints.
        """
        return torch.zeros(len(sequence), dtype=torch.int64)

    def lack(self, sequence: Tensor) -> str | None:
        """What a sequence, with NaN for absent joints, lacks that the transform needs, and what it does about that.

        In words that follow the number of such sequences; None where nothing is lacking.
        """
        return None

    @property
    def may_lack(self) -> bool:
        """Whether there is something that a sequence can lack."""
        return type(self).lack is not Transform.lack

    def parts(self) -> list[Transform]:
        """The transforms that this one applies one after the other."""
        return [self]

    def on_coordinates(self, sequence: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """The sequence (T, M, V, C) with ``change`` applied to its coordinates only: a confidence stays as it is."""
        coordinates, size = self.vector(sequence)
        if coordinates == size:
            return change(sequence)
        vectors = sequence.unflatten(-1, (-1, size))
        changed = change(vectors[..., :coordinates].flatten(-2)).unflatten(-1, (-1, coordinates))
        return torch.cat([changed, vectors[..., coordinates:]], dim=-1).flatten(-2)

    def vector(self, sequence: Tensor) -> tuple[int, int]:
        """Coordinates and numbers of one vector of a joint, as the schema has it, or else all C."""
        known = self.schema is not None and self.schema.shape[-1] == sequence.shape[-1]
        return self.schema.vector if known else (sequence.shape[-1],) * 2  # type: ignore[union-attr]

    def schema_after(self, schema: Schema) -> Schema:
        """The schema of the sequences that come out, for that of those that go in."""
        return schema

    def in_test(self) -> Transform:
        """The transform used in place of this one in validation, testing and prediction, where nothing is drawn.

        A deterministic transform stays as it is. A random one leaves the sequence as it is, unless it says otherwise.
        """
        return Compose([]) if self.random else self

    def to_config(self) -> dict[str, Any]:
        """The name and the arguments, as plain values that JSON can hold."""
        values = {key: getattr(self, key) for key in arguments_of(type(self))}
        plain = {key: value.to_dict() if isinstance(value, JointLayout) else value for key, value in values.items()}
        return {"name": self.name, **plain}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={getattr(self, k)!r}" for k in arguments_of(type(self)))
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

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        for transform in self.transforms:
            sequence = transform.apply(sequence, rng)
        return sequence

    def bound(self, schema: Schema) -> Compose:
        made, first = [], schema
        for transform in self.transforms:
            made.append(transform.bound(schema))
            schema = transform.schema_after(schema)
        result = Compose(made)
        result.schema = first
        return result

    def parts(self) -> list[Transform]:
        return [part for transform in self.transforms for part in transform.parts()]

    def schema_after(self, schema: Schema) -> Schema:
        for transform in self.transforms:
            schema = transform.schema_after(schema)
        return schema

    def in_test(self) -> Compose:
        kept = [t.in_test() for t in self.transforms]
        return Compose([t for t in kept if not (isinstance(t, Compose) and not t.transforms)])

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name, "transforms": [t.to_config() for t in self.transforms]}


def apply_parts(
    transform: Transform, rng: np.random.Generator, lacking: Counter[str] | None, index: int, marked: Tensor
) -> Tensor:
    """A sequence after a transform, which counts how many sequences lack something that a part of it needs.

    Args:
        transform: bound to the schema of the sequence.
        rng: what a random one draws from.
        lacking: the counts by what is lacking, in words with {} for the count and for that of all; None: not counted.
        index: the number of the sequence.
        marked: (T, *shape), with NaN for the joints that are absent.
    """
    for part in transform.parts():
        if lacking is not None and (lack := part.lack(marked)):
            lacking[f"{part.name}: {{}} of {{}} sequences {lack}"] += 1
        marked = part.apply(marked, rng)
    return marked


def arguments_of(kind: type[Transform]) -> list[str]:
    """The names of the arguments of a kind of transform."""
    return list(inspect.signature(kind).parameters)


def check_skeletons(name: str, sequence: Tensor, *, joints: int = 1, coordinates: int | None = None) -> None:
    """ConfigError unless the sequence is (T, M, V, C) with at least ``joints`` joints and, if given, that C."""
    fits = sequence.ndim == 4 and sequence.shape[2] >= joints and coordinates in (None, sequence.shape[-1])
    if not fits:
        wanted = f"(T, M, V, {coordinates or 'C'})" + (f" with V >= {joints}" if joints > 1 else "")
        raise ConfigError(f"{name}: needs skeletons {wanted}, got {tuple(sequence.shape)}")


def bones_of(layout: Layout, name: str) -> Tensor:
    """The bones of a layout, int64 (bones, 2); ConfigError where it has none, which the transform ``name`` needs."""
    bones = get_layout(layout).bones
    if not bones:
        raise ConfigError(f"{name}: needs bones, which the layout {layout} has not; give one, data.options.layout")
    return torch.tensor(bones)


def present(sequence: Tensor) -> Tensor:
    """Presence in frames that are no skeletons, bool (T, 1, ...), of maps (T, C, 1, 1): what is not all zeros."""
    kept = 2 if sequence.ndim == 4 else 1
    found = (sequence != 0).flatten(kept).any(kept) if sequence.ndim > kept else sequence != 0
    return found.reshape(*found.shape, *[1] * (sequence.ndim - kept))
