"""Features computed from the frames: bones and motion of skeletons, and standardised values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..options import one_of, whole
from ..schema import Schema
from ..skeletons.layouts import get_layout
from .base import Transform, check_skeletons, present

Kind = Literal["joint", "bone", "joint_motion", "bone_motion"]


class Stream(Transform):
    """One of the four streams of a skeleton sequence.

    joint: x itself. bone: b[t, m, v] = x[t, m, v] - x[t, m, parent(v)], zero for the joint at the root. The motions
    are s[t + 1] - s[t] of these, zero in the last frame and where a person is absent from one of the two frames.
    Train one model a stream and join them with :func:`attentive_rnn.experiments.fusion.fuse`.

    Source: Shi et al., "Skeleton-based action recognition with multi-stream adaptive graph convolutional networks",
    TIP 2020, section III-D.

    Args:
        kind: joint, bone, joint_motion or bone_motion.
        layout: name of the joint layout; needed for bones.

    Raises:
        ConfigError: an unknown kind or layout, or a sequence that is not (T, M, V, C) with the layout's joints.

    Example:
        >>> import numpy as np, torch
        >>> bones = Stream("bone", "kinect-20")(torch.ones(6, 1, 20, 3), np.random.default_rng(0))
        >>> bones.abs().max()
        tensor(0.)
    """

    name = "stream"

    def __init__(self, kind: Kind, layout: str | None = None) -> None:
        one_of(self.name, "kind", kind, get_args(Kind))
        self.kind, self.layout = kind, layout
        self.depends = None if kind.endswith("motion") else "frame"
        self._bones = torch.empty(0, 2, dtype=torch.int64)
        if kind.startswith("bone"):
            if layout is None:
                raise ConfigError(f"{self.name}: the kind {kind} needs a layout, which says what the bones are")
            self._bones = torch.tensor(get_layout(layout).bones)

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        joints = int(self._bones.max()) + 1 if len(self._bones) else 1
        check_skeletons(self.name, sequence, joints=joints)
        stream = sequence
        if self.kind.startswith("bone"):
            stream = torch.zeros_like(sequence)
            stream[:, :, self._bones[:, 1]] = sequence[:, :, self._bones[:, 1]] - sequence[:, :, self._bones[:, 0]]
        if self.kind.endswith("motion"):
            steps = torch.zeros_like(stream)
            steps[:-1] = _step(stream, present(sequence))
            stream = steps
        return stream


class MotionFeatures(Transform):
    """Put position, velocity and position relative to a root joint side by side: C coordinates become 3 C.

    x' = (x[t], x[t] - x[t-1], x[t] - x[t, m, root]). The velocity is that since the frame before, so that it is known
    in a stream too; it is zero in the first frame and where a person was absent. An absent person stays all zeros.

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

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=self.root + 1)
        velocity = torch.zeros_like(sequence)
        velocity[1:] = _step(sequence, present(sequence))
        return torch.cat([sequence, velocity, sequence - sequence[:, :, self.root, None]], dim=-1)

    def schema_after(self, schema: Schema) -> Schema:
        if len(schema.shape) != 3:
            raise ConfigError(f"{self.name}: needs skeletons (M, V, C), the data have frames {schema.shape}")
        persons, joints, coordinates = schema.shape
        return replace(schema, shape=(persons, joints, 3 * coordinates), features=())


class Standardise(Transform):
    """Bring every feature to mean 0 and standard deviation 1: x' = (x - mean) / std.

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
            if not isinstance(values, list | tuple) or not all(type(v) in (int, float) for v in values):
                raise ConfigError(f"{self.name}: {key} must be a list of numbers")
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise ConfigError(f"{self.name}: mean and std must be of one length, and every std above 0")
        self.mean, self.std = list(mean), list(std)
        self._mean, self._std = torch.tensor(self.mean), torch.tensor(self.std)

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        frames = sequence.flatten(1)
        if frames.shape[1] != len(self.mean):
            raise ConfigError(f"{self.name}: is for {len(self.mean)} features a frame, got {frames.shape[1]}")
        return ((frames - self._mean) / self._std).reshape(sequence.shape)


def _step(stream: Tensor, somebody: Tensor) -> Tensor:
    """stream[t + 1] - stream[t], (T - 1, ...), zero where somebody is absent from either frame."""
    return torch.where(somebody[1:] & somebody[:-1], stream[1:] - stream[:-1], 0.0)
