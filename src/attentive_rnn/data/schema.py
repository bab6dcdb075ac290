"""Schema: the meaning of the frames and the labels of a data set."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from ..errors import ConfigError, DataError, either
from .io.files import quoted
from .skeletons.layouts import AXES, UNITS, JointLayout, Layout, get_layout, known_layout

NO_JOINTS: dict[str, Any] = {"coordinates": None, "vectors": 1}  # fields of a schema whose frames are no skeletons
Target = Literal["class", "number", "image"]
Medium = Literal["sequence", "image", "maps"]


def has_control_characters(name: str) -> bool:
    """Whether a text has characters that a terminal would act on, or halves of characters.

    Example:
        >>> has_control_characters("left hand"), has_control_characters("left\\x1b[31m")
        (False, True)
    """
    return any(unicodedata.category(c) in ("Cc", "Cs") for c in name)


def same_rate(*rates: float) -> bool:
    """Whether frames per second count as one rate: the lowest of them is at most 5 % below the highest.

    Example:
        >>> same_rate(25.0, 23.976), same_rate(25.0, 30.0)
        (True, False)
    """
    return math.isclose(min(rates), max(rates), rel_tol=0.05)


@dataclass(frozen=True)
class Schema:
    """The meaning of a frame and of a label.

    Args:
        classes: the name of each class; the label i is ``classes[i]``. Empty for unlabelled data, and for numbers.
        shape: shape of one frame, ``(D,)`` for features, ``(M, V, C)`` for a skeleton of M persons, V joints and C
            coordinates (metres), or (channels, height, width) of an image.
        features: a name for each of the flattened features of a frame, or empty.
        layout: joint layout of a skeleton, the name of one of the package or one of your own (see :func:`get_layout`),
            or None.
        rate: frames per second, or None where the format does not say.
        target: what a label is: "class", an index into ``classes``; "number", a real number to be predicted; or
            "image", an image like the given one.
        vocabulary: for text, the words; a frame is then of shape (1,) and holds the index of one. For images, the
            words of the questions about them. Else empty.
        coordinates: how many leading numbers of a joint are coordinates, 2 or 3, where others follow that are none: 2
            for (x, y, confidence). None: all are coordinates.
        vectors: how many such vectors a joint has, such as position and velocity, one after the other.
        up: of skeletons, the axis that points up, such as "-y" in a picture; None: as the layout says, or not known.
        units: of their coordinates, such as "metres"; None: as the layout says, or not known. Neither these nor ``up``
            count when schemas are compared.
        medium: "sequence"; "image" where an item is a single frame, an image; or "maps" where each frame is maps of
            features (channels, height, width).

    Raises:
        ConfigError: a shape that is not positive, feature names or coordinates that do not match it, classes beside
            numbers, or a vocabulary with frames that are no single index, or images asked for where there are none.

    Example:
        >>> Schema(classes=("sit", "stand"), shape=(1, 20, 3), layout="kinect-20").size
        60
    """

    classes: tuple[str, ...]
    shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    layout: Layout | None = None
    rate: float | None = None
    target: Target = "class"
    vocabulary: tuple[str, ...] = ()
    medium: Medium = "sequence"
    coordinates: int | None = None
    vectors: int = 1
    up: str | None = field(default=None, compare=False)
    units: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise ConfigError(f"schema: shape must be positive integers, got {self.shape}")
        for name in (*self.classes, *self.features):
            if has_control_characters(name):
                raise DataError(
                    f"the name {quoted(name)} of a class or feature has control characters, which would not be "
                    "shown as they are; rename it"
                )
        if len(set(self.classes)) != len(self.classes):
            raise ConfigError("schema: a class name occurs twice in classes")
        if self.features and len(self.features) != self.size:
            raise ConfigError(f"schema: {len(self.features)} feature names for {self.size} features a frame")
        if self.target not in get_args(Target):
            raise ConfigError(f"schema: target must be {' or '.join(get_args(Target))}, got {self.target!r}")
        if self.medium not in get_args(Medium):
            raise ConfigError(f"schema: medium must be {' or '.join(get_args(Medium))}, got {self.medium!r}")
        if self.target != "class" and self.classes:
            raise ConfigError(f"schema: there are classes, but target says that a label is a {self.target}")
        if (self.medium != "sequence" and len(self.shape) != 3) or (self.medium != "image" and self.target == "image"):
            raise ConfigError(f"schema: images are (C, H, W) and of medium image, got {self.shape}, {self.medium}")
        if self.medium != "sequence" and self.target == "number":
            raise ConfigError("schema: of images a class or an image is predicted, of maps a class, not a number")
        for key, value, known in (("up", self.up, AXES), ("units", self.units, UNITS)):
            if value is not None and value not in known:
                raise ConfigError(f"schema: {key} must be {either(known)}, got {value!r}")
        self._check_joints()
        if self.vocabulary and self.medium != "image" and self.shape != (1,):
            raise ConfigError(f"schema: with a vocabulary a frame is one index, shape (1,), got {self.shape}")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise ConfigError("schema: a word occurs twice in vocabulary")

    def _check_joints(self) -> None:
        if self.coordinates is None and self.vectors == 1:
            return
        counts = all(type(n) is int and n > 0 for n in (self.coordinates or 1, self.vectors))
        if not counts or len(self.shape) != 3 or self.shape[-1] % self.vectors:
            raise ConfigError(
                f"schema: coordinates and vectors are of skeletons (M, V, C), a whole number of vectors a joint, got "
                f"{self.coordinates!r} and {self.vectors!r} for {self.shape}"
            )
        if self.coordinates is not None and not (
            self.coordinates in (2, 3) and self.coordinates <= self.shape[-1] // self.vectors <= self.coordinates + 1
        ):
            raise ConfigError(
                "schema: coordinates must be 2 or 3, with at most a confidence after them, "
                f"got {self.coordinates} for {self.vectors} vectors in joints of {self.shape[-1]} numbers"
            )

    @property
    def vector(self) -> tuple[int, int]:
        """Coordinates and numbers of one vector of a joint of (M, V, C); a number beside coordinates is a confidence.

        Example:
            >>> Schema((), (1, 17, 3), coordinates=2).vector, Schema((), (1, 20, 3)).vector
            ((2, 3), (3, 3))
        """
        size = self.shape[-1] // self.vectors
        return self.coordinates or size, size

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the numbers of one vector of a joint of (M, V, C): x, y, z, confidence; c0, c1, ... of others.

        Example:
            >>> Schema((), (1, 17, 3), coordinates=2).axes
            ('x', 'y', 'confidence')
        """
        coordinates, size = self.vector
        if coordinates > 3:
            return tuple(f"c{i}" for i in range(size))
        return (*"xyz"[:coordinates], *["confidence"] * (size - coordinates))

    @property
    def upward(self) -> str | None:
        """The axis that points up, as the data or else their layout say; None where neither does.

        Example:
            >>> Schema((), (1, 17, 2), layout="coco-17").upward
            '-y'
        """
        return self.up or (get_layout(self.layout).up if self.layout else None)

    @property
    def measured(self) -> str | None:
        """The units of coordinates, as the data or else their layout say; None where neither does."""
        return self.units or (get_layout(self.layout).unit if self.layout else None)

    @property
    def outputs(self) -> int:
        """Numbers in a model's output: one a class, or the number itself; 0 for an image."""
        return 1 if self.target == "number" else len(self.classes)

    @property
    def size(self) -> int:
        """Number of features of one flattened frame."""
        return math.prod(self.shape)

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain values that JSON can hold."""
        values = {key: list(v) if isinstance(v, tuple) else v for key, v in vars(self).items()}
        if isinstance(self.layout, JointLayout):
            values["layout"] = self.layout.to_dict()
        if self.coordinates is None and self.vectors == 1:  # as versions that do not know them write it
            del values["coordinates"], values["vectors"]
        for key in ("up", "units"):
            if values[key] is None:
                del values[key]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Schema:
        """The schema that :meth:`to_dict` wrote.

        Raises:
            ConfigError: a key is missing, unknown or of the wrong type; the message names it.

        Example:
            >>> Schema.from_dict({"classes": ["a", "b"], "shape": [12]}) == Schema(("a", "b"), (12,))
            True
        """
        known = {one.name for one in fields(cls)}
        for key in values:
            if key not in known:
                raise ConfigError(f"schema: unknown key {key!r}; the keys are {', '.join(sorted(known))}")
        for key in ("classes", "shape"):
            if key not in values:
                raise ConfigError(f"schema: the key {key!r} is missing")
        layout, rate = values.get("layout"), values.get("rate")
        if layout is not None and not isinstance(layout, str | Mapping | JointLayout):
            raise ConfigError(f"schema: layout must be a name, joints and bones, or null, got {layout!r}")
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float)):
            raise ConfigError(f"schema: rate must be a number or null, got {rate!r}")
        return cls(
            classes=_tuple_of(str, "classes", values["classes"]),
            shape=_tuple_of(int, "shape", values["shape"]),
            features=_tuple_of(str, "features", values.get("features", ())),
            layout=layout if isinstance(layout, str | None) else known_layout(layout),
            rate=None if rate is None else float(rate),
            target=values.get("target", "class"),
            vocabulary=_tuple_of(str, "vocabulary", values.get("vocabulary", ())),
            medium=values.get("medium", "sequence"),
            coordinates=values.get("coordinates"),
            vectors=values.get("vectors", 1),
            up=values.get("up"),
            units=values.get("units"),
        )


def _tuple_of(kind: type, key: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list | tuple) or not all(type(v) is kind for v in values):
        raise ConfigError(f"schema: {key} must be a list of {kind.__name__}, got {values!r}")
    return tuple(values)
