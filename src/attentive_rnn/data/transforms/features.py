"""Features computed from the frames: bones and motion of skeletons, and standardised values."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..options import number, one_of, whole
from ..schema import Schema
from ..skeletons.layouts import Layout, known_layout
from .base import Transform, bones_of, check_skeletons
from .presence import has_joints

Kind = Literal["joint", "bone", "joint_motion", "bone_motion"]


class Stream(Transform):
    """One of the four streams of a skeleton sequence.

    joint: x itself. bone: b[t, m, v] = x[t, m, v] - x[t, m, parent(v)], zero for the joint at the root. The motions
    are s[t + 1] - s[t] of these, zero in the last frame. Where an end of a bone, or one of the two frames of a motion,
    is absent, there is none: zero. A confidence is not subtracted: each joint keeps its own.
    Train one model a stream and join them with :func:`attentive_rnn.experiments.fusion.fuse`.

    Source: Shi et al., "Skeleton-based action recognition with multi-stream adaptive graph convolutional networks",
    TIP 2020, section III-D.

    Args:
        kind: joint, bone, joint_motion or bone_motion.
        layout: joint layout; needed for bones.

    Raises:
        ConfigError: an unknown kind or layout, or a sequence that is not (T, M, V, C) with the layout's joints.

    Example:
        >>> import numpy as np, torch
        >>> bones = Stream("bone", "kinect-20")(torch.ones(6, 1, 20, 3), np.random.default_rng(0))
        >>> bones.abs().max()
        tensor(0.)
    """

    name = "stream"

    def __init__(self, kind: Kind, layout: Layout | None = None) -> None:
        one_of(self.name, "kind", kind, get_args(Kind))
        self.kind, self.layout = kind, known_layout(layout)
        self.depends = None if kind.endswith("motion") else "frame"
        self._bones = torch.empty(0, 2, dtype=torch.int64)
        if kind.startswith("bone"):
            if layout is None:
                raise ConfigError(f"{self.name}: the kind {kind} needs a layout, which says what the bones are")
            self._bones = bones_of(layout, self.name)
        self._joints = int(self._bones.max()) + 1 if len(self._bones) else 1

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=self._joints)
        stream = sequence
        if self.kind.startswith("bone"):
            stream = self.on_coordinates(sequence, self._bones_of)
        if self.kind.endswith("motion"):
            stream = self.on_coordinates(stream, _steps)
        return stream

    def _bones_of(self, joints: Tensor) -> Tensor:
        bones = _nothing(joints)
        bones[:, :, self._bones[:, 1]] = joints[:, :, self._bones[:, 1]] - joints[:, :, self._bones[:, 0]]
        return bones


class MotionFeatures(Transform):
    """Put position, velocity and position relative to a root joint side by side: C coordinates become 3 C.

    x' = (x[t], x[t] - x[t-1], x[t] - x[t, m, root]). The velocity is that since the frame before, so that it is known
    in a stream too; it is zero in the first frame and where the joint was absent, as is the position relative to an
    absent root. An absent joint stays all zeros. A confidence is not subtracted: it stands, as it is, after the
    coordinates of each of the three.

    Args:
        root: index of the root joint; 0, the middle of the hips, in the Kinect layouts.

    Raises:
        ConfigError: a sequence that is not (T, M, V, C), or has no such joint.

    Example:
        >>> import numpy as np, torch
        >>> MotionFeatures()(torch.rand(6, 1, 20, 3), np.random.default_rng(0)).shape
        torch.Size([6, 1, 20, 9])
    """

    name = "motion_features"
    depends = "previous"

    def __init__(self, root: int = 0) -> None:
        self.root = whole(self.name, "root", root, 0)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=self.root + 1)
        velocity = self.on_coordinates(sequence, _velocity)
        relative = self.on_coordinates(sequence, lambda values: values - values[:, :, self.root, None])
        return torch.cat([sequence, velocity, relative], dim=-1)

    def lack(self, sequence: Tensor) -> str | None:
        gone = sequence.isnan().all(-1)
        if not (gone[:, :, self.root].all(0) & ~gone.all(2).all(0)).any():
            return None
        return f"have a person who never shows the joint {self.root}, so that the positions relative to it are 0"

    def schema_after(self, schema: Schema) -> Schema:
        if len(schema.shape) != 3:
            raise ConfigError(f"{self.name}: needs skeletons (M, V, C), the data have frames {schema.shape}")
        persons, joints, numbers = schema.shape
        known = schema.coordinates or (numbers if numbers in (2, 3) and schema.vectors == 1 else None)
        shape = persons, joints, 3 * numbers
        return replace(schema, shape=shape, features=(), coordinates=known, vectors=3 * schema.vectors)


class Standardise(Transform):
    """Bring every feature to mean 0 and standard deviation 1: x' = (x - mean) / std; an absent joint stays all zeros.

    Args:
        mean, std: one number for each of the flattened features of a frame; std above 0.

    Raises:
        ConfigError: the lists differ in length, a deviation is not above 0, or a frame has another size.

    Example:
        >>> import numpy as np, torch
        >>> Standardise(mean=[1.0, 2.0], std=[2.0, 1.0])(torch.tensor([[3.0, 2.0]]), np.random.default_rng(0))
        tensor([[1., 0.]])
    """

    name = "standardise"
    depends = "frame"

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        for key, values in (("mean", mean), ("std", std)):
            if not isinstance(values, list | tuple):
                raise ConfigError(f"{self.name}: {key} must be a list of numbers")
            for value in values:
                number(self.name, f"each of {key}", value, -sys.float_info.max, sys.float_info.max)
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise ConfigError(f"{self.name}: mean and std must be of one length, and every std above 0")
        self.mean, self.std = list(mean), list(std)
        self._mean, self._std = torch.tensor(self.mean), torch.tensor(self.std)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        frames = sequence.flatten(1)
        if frames.shape[1] != len(self.mean):
            raise ConfigError(f"{self.name}: is for {len(self.mean)} features a frame, got {frames.shape[1]}")
        return ((frames - self._mean) / self._std).reshape(sequence.shape)


class Keep(Transform):
    """Keep some elements of a frame and put the others out of use: features at 0, joints absent.

    The frame keeps its shape, so that a model that was trained so takes the same data as any other.

    Args:
        elements: indices of the flattened frame, from 0; a joint is kept with all its numbers or not at all.

    Raises:
        ConfigError: no list of different indices, or a frame that has no such element.

    Example:
        >>> import numpy as np, torch
        >>> Keep(elements=[1])(torch.tensor([[3.0, 2.0]]), np.random.default_rng(0))
        tensor([[0., 2.]])
    """

    name = "keep"
    depends = "frame"

    def __init__(self, elements: Sequence[int]) -> None:
        whole_numbers = isinstance(elements, list | tuple) and all(type(i) is int and i >= 0 for i in elements)
        if not whole_numbers or not elements or len(set(elements)) < len(elements):
            raise ConfigError(f"{self.name}: elements must be a list of different numbers, 0 or more, got {elements!r}")
        self.elements = list(elements)
        self._kept = torch.tensor(self.elements)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        frames = sequence.flatten(1)
        if max(self.elements) >= frames.shape[1]:
            size = frames.shape[1]
            raise ConfigError(f"{self.name}: a frame has elements 0 to {size - 1}, got {max(self.elements)}")
        out = torch.full_like(frames, torch.nan if has_joints(sequence, self.schema) else 0.0)
        return out.index_copy(1, self._kept, frames[:, self._kept]).reshape(sequence.shape)


def _steps(stream: Tensor) -> Tensor:
    """stream[t + 1] - stream[t], (T, ...), zero in the last frame."""
    steps = _nothing(stream)
    steps[:-1] = stream[1:] - stream[:-1]
    return steps


def _velocity(stream: Tensor) -> Tensor:
    """stream[t] - stream[t - 1], (T, ...), zero in the first frame."""
    return torch.cat([_nothing(stream[:1]), stream[1:] - stream[:-1]])


def _nothing(stream: Tensor) -> Tensor:
    """Zeros, and NaN where a joint is absent."""
    return torch.where(stream.isnan(), stream, 0.0)
