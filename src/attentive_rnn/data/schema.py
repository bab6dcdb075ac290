"""Schema: the meaning of the frames and the labels of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Any, Literal, get_args

from ..errors import ConfigError

Target = Literal["class", "number", "image"]
Medium = Literal["sequence", "image", "maps"]


@dataclass(frozen=True)
class Schema:
    """The meaning of a frame and of a label.

    Args:
        classes: the name of each class; the label i is ``classes[i]``. Empty for unlabelled data, and for numbers.
        shape: shape of one frame, ``(D,)`` for features, ``(M, V, C)`` for a skeleton of M persons, V joints and C
            coordinates (metres), or (channels, height, width) of an image.
        features: a name for each of the flattened features of a frame, or empty.
        layout: name of the joint layout of a skeleton (see :func:`get_layout`), or None.
        rate: frames per second, or None where the format does not say.
        target: what a label is: "class", an index into ``classes``; "number", a real number to be predicted; or
            "image", an image like the given one.
        vocabulary: for text, the words; a frame is then of shape (1,) and holds the index of one. For images, the
            words of the questions about them. Else empty.
        medium: "sequence"; "image" where an item is a single frame, an image; or "maps" where each frame is maps of
            features (channels, height, width).

    Raises:
        ConfigError: a shape that is not positive, feature names that do not match it, classes beside numbers, or a
            vocabulary with frames that are no single index, or images asked for where there are none.

    Example:
        >>> Schema(classes=("sit", "stand"), shape=(1, 20, 3), layout="kinect-20").size
        60
    """

    classes: tuple[str, ...]
    shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    layout: str | None = None
    rate: float | None = None
    target: Target = "class"
    vocabulary: tuple[str, ...] = ()
    medium: Medium = "sequence"

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise ConfigError(f"schema: shape must be positive integers, got {self.shape}")
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
        if self.vocabulary and self.medium != "image" and self.shape != (1,):
            raise ConfigError(f"schema: with a vocabulary a frame is one index, shape (1,), got {self.shape}")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise ConfigError("schema: a word occurs twice in vocabulary")

    @property
    def outputs(self) -> int:
        """Numbers in a model's output: one a class, or the number itself; 0 for an image."""
        return 1 if self.target == "number" else len(self.classes)

    @property
    def size(self) -> int:
        """Number of features of one flattened frame."""
        return prod(self.shape)

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain values that JSON can hold."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Schema:
        """The schema that :meth:`to_dict` wrote.

        Raises:
            ConfigError: a key is missing, unknown or of the wrong type; the message names it.

        Example:
            >>> Schema.from_dict({"classes": ["a", "b"], "shape": [12]}) == Schema(("a", "b"), (12,))
            True
        """
        known = {field.name for field in fields(cls)}
        for key in values:
            if key not in known:
                raise ConfigError(f"schema: unknown key {key!r}; the keys are {', '.join(sorted(known))}")
        for key in ("classes", "shape"):
            if key not in values:
                raise ConfigError(f"schema: the key {key!r} is missing")
        layout, rate = values.get("layout"), values.get("rate")
        if layout is not None and not isinstance(layout, str):
            raise ConfigError(f"schema: layout must be a name or null, got {layout!r}")
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float)):
            raise ConfigError(f"schema: rate must be a number or null, got {rate!r}")
        return cls(
            classes=_tuple_of(str, "classes", values["classes"]),
            shape=_tuple_of(int, "shape", values["shape"]),
            features=_tuple_of(str, "features", values.get("features", ())),
            layout=layout,
            rate=None if rate is None else float(rate),
            target=values.get("target", "class"),
            vocabulary=_tuple_of(str, "vocabulary", values.get("vocabulary", ())),
            medium=values.get("medium", "sequence"),
        )


def _tuple_of(kind: type, key: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list | tuple) or not all(type(v) is kind for v in values):
        raise ConfigError(f"schema: {key} must be a list of {kind.__name__}, got {values!r}")
    return tuple(values)
