"""Transforms of whole sequences, and the table of the names by which a saved model repeats them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError
from .augment import (
    DropSteps,
    FlipLeftRight,
    Jitter,
    MaskJoints,
    MaskTime,
    RandomCropFlip,
    RandomRotation,
    RandomScale,
    RandomStretch,
    rotation_matrix,
)
from .base import Compose, Transform, arguments_of
from .body import AlignView, ConvertLayout, OriginAtBodyCentre, UnitBodySize
from .features import Keep, MotionFeatures, Standardise, Stream
from .sampling import (
    CentreCrop,
    JoinSteps,
    LimitSteps,
    PermuteSteps,
    RandomCrop,
    Resample,
    UniformSampling,
)
from .streamed import Streamed, push_together

__all__ = [
    "Compose",
    "Standardise",
    "Streamed",
    "Transform",
    "push_together",
    "rotation_matrix",
    "transform_from_config",
]

KINDS: dict[str, type[Transform]] = {
    kind.name: kind
    for kind in (
        *(AlignView, CentreCrop, Compose, ConvertLayout, DropSteps, FlipLeftRight, Jitter, JoinSteps, Keep),
        *(
            LimitSteps,
            MaskJoints,
            MaskTime,
            MotionFeatures,
            OriginAtBodyCentre,
            PermuteSteps,
            RandomCrop,
            RandomCropFlip,
        ),
        *(RandomRotation, RandomScale, RandomStretch, Resample, Standardise, Stream, UniformSampling, UnitBodySize),
    )
}


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
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(f"unknown transform {name!r}; there are {', '.join(sorted(KINDS))}")
    unknown = set(arguments) - set(arguments_of(kind))
    if unknown:
        raise ConfigError(f"{name}: unknown argument {min(unknown)!r}; it takes {', '.join(arguments_of(kind))}")
    missing = [
        key for key, p in inspect.signature(kind).parameters.items() if p.default is p.empty and key not in arguments
    ]
    if missing:
        raise ConfigError(f"{name}: needs the argument {missing[0]!r}; it takes {', '.join(arguments_of(kind))}")
    return kind(**arguments)
