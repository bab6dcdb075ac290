"""Transforms of skeletons: position, view and size of the body, and another joint layout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..options import whole
from ..schema import Schema
from ..skeletons.layouts import Layout, get_layout, joint_map, known_layout
from .base import Transform, check_skeletons
from .presence import unmark


class OriginAtBodyCentre(Transform):
    """Move a skeleton sequence so that the first person starts at the origin.

    x'[t, m, v] = x[t, m, v] - x[t0, 0, joint], with t0 the first frame in which that joint of person 0 is present. One
    shift for the whole sequence, so that the motion through the room stays. A joint or person that is absent from a
    frame (all zeros) stays all zeros; a sequence in which person 0 never has the joint is returned as it is.

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
    depends = "first"

    def __init__(self, joint: int = 1) -> None:
        self.joint = whole(self.name, "joint", joint, 0)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=self.joint + 1)
        frames = (~sequence[:, 0, self.joint].isnan().all(-1)).nonzero()
        if len(frames) == 0:
            return sequence
        origin = sequence[frames[0, 0], 0, self.joint]
        return sequence - self.origin_in(origin)

    def starts(self, frame: Tensor) -> bool:
        return not bool(frame[0, 0, self.joint].isnan().all())

    def origin_in(self, joint: Tensor) -> Tensor:
        """What every joint is moved by, (C,), for the joint (C,) at the origin: its coordinates, and no confidence."""
        known = unmark(joint)
        return known - self.on_coordinates(known, torch.zeros_like)


class AlignView(Transform):
    """Turn a skeleton sequence so that the first person starts upright along z, shoulders along x.

    x' = R x with rows R = (e_x, e_y, e_z): e_z is the direction from the middle of the hips to that of the
    shoulders, e_x that from the right shoulder to the left one without its part along e_z, e_y = e_z x e_x; all
    taken from the first frame in which person 0 has these four joints. One rotation about the origin for the whole
    sequence, so that turning round stays; move the body there first (:class:`OriginAtBodyCentre`). An absent joint
    stays absent; a sequence whose trunk and shoulders give no directions is returned as it is.

    Source: Shahroudy et al., "NTU RGB+D", CVPR 2016, section 4 (their body axes); spine to z as in Shi et al.,
    "Two-stream adaptive graph convolutional networks", CVPR 2019.

    Args:
        layout: joint layout; it must have left and right hips and shoulders.

    Raises:
        ConfigError: another layout, a sequence that is not (T, M, V, 3), or poses in a picture with a confidence.

    Example:
        >>> import numpy as np, torch
        >>> y = AlignView("kinect-20")(torch.randn(6, 1, 20, 3), np.random.default_rng(0))
        >>> trunk = y[0, 0, [4, 8]].mean(0) - y[0, 0, [12, 16]].mean(0)
        >>> bool(trunk[:2].abs().max() < 1e-5 < trunk[2])
        True
    """

    name = "align_view"
    depends = "first"

    def __init__(self, layout: Layout) -> None:
        joints = get_layout(layout).joints
        needed = ("left shoulder", "right shoulder", "left hip", "right hip")
        missing = [joint for joint in needed if joint not in joints]
        if missing:
            name = get_layout(layout).name
            raise ConfigError(f"{self.name}: the layout {name} has no joint {missing[0]!r}, so that it has no trunk")
        self.layout = known_layout(layout)
        self._joints = [joints.index(joint) for joint in needed]

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=max(self._joints) + 1, coordinates=3)
        if self.schema is not None:
            self.schema_after(self.schema)
        frames = (~sequence[:, 0, self._joints].isnan().any(-1).any(-1)).nonzero()
        if len(frames) == 0:
            return sequence
        left, right, left_hip, right_hip = sequence[frames[0, 0], 0, self._joints].double()
        z = _unit((left + right) / 2 - (left_hip + right_hip) / 2)
        if z is None:
            return sequence
        across = left - right
        x = _unit(across - (across @ z) * z)
        if x is None:
            return sequence
        rotation = torch.stack([x, torch.linalg.cross(z, x), z])
        return (sequence.double() @ rotation.T).to(sequence.dtype)

    def starts(self, frame: Tensor) -> bool:
        return not bool(frame[0, 0, self._joints].isnan().any())

    def schema_after(self, schema: Schema) -> Schema:
        if schema.coordinates == 2:
            raise ConfigError(
                f"{self.name}: turns bodies in space, but these joints have x and y in a picture; leave it out"
            )
        return schema


class UnitBodySize(Transform):
    """Scale a skeleton sequence so that the bones of the first person have a mean length of 1.

    x' = x / s, where s is the median over the frames with person 0 of the mean length of the bones. A bone of which an
    end is absent from a frame counts there with its median length over the other frames, if it has one. One factor for
    the whole sequence and all persons, so that growing nearer and the ratio of two persons' sizes stay. A sequence
    without person 0 is returned as it is.

    Args:
        layout: joint layout.

    Raises:
        ConfigError: an unknown layout, or a sequence that is not (T, M, V, C) with its joints.

    Example:
        >>> import numpy as np, torch
        >>> x, rng = torch.rand(6, 1, 20, 3), np.random.default_rng(0)
        >>> scale = UnitBodySize("kinect-20")
        >>> torch.allclose(scale(7 * x, rng), scale(x, rng), atol=1e-4)
        True
    """

    name = "unit_body_size"

    def __init__(self, layout: Layout) -> None:
        self._bones = torch.tensor(get_layout(layout).bones)
        self.layout = known_layout(layout)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=int(self._bones.max()) + 1)
        first = sequence[:, 0, :, : self.vector(sequence)[0]].double()
        first = first[~first.isnan().all(-1).all(-1)]
        lengths = (first[:, self._bones[:, 1]] - first[:, self._bones[:, 0]]).norm(dim=-1)
        if lengths.isnan().any():
            usual = lengths.nanmedian(0).values
            lengths = torch.where(lengths.isnan(), usual, lengths)[:, ~usual.isnan()]
        if lengths.numel() == 0:
            return sequence
        size = float(lengths.mean(1).median())
        return self.on_coordinates(sequence, lambda values: values / size) if size > 0 else sequence


class ConvertLayout(Transform):
    """Make skeletons of a target layout out of those of a source layout, by the names of their joints.

    A joint of the target is the joint of the source that has its name, or else a synonym of it, or else the middle of
    others: the hip centre that of the hips, the neck that of the shoulders, the spine that of these two; a hand where
    there is none is the wrist (``derived`` says all). It is absent where a joint that it is made of is absent.

    Args:
        source: layout of the skeletons.
        target: layout to make.

    Raises:
        ConfigError: an unknown layout, joints of the target that cannot be had, or a sequence that is not (T, M, V, C)
            with the source's joints.

    Example:
        >>> import numpy as np, torch
        >>> convert = ConvertLayout("ntu-25", "kinect-20")
        >>> tuple(convert(torch.rand(6, 2, 25, 3), np.random.default_rng(0)).shape)
        (6, 2, 20, 3)
    """

    name = "convert_layout"
    depends = "frame"

    def __init__(self, source: Layout, target: Layout) -> None:
        self.source, self.target = known_layout(source), known_layout(target)
        joints, wanted = get_layout(source).joints, get_layout(target).joints
        self.map = joint_map(joints, wanted)
        if self.map.missing:
            raise ConfigError(
                f"{self.name}: {self.source} has no joint for {', '.join(self.map.missing)} of {self.target}; "
                "choose a target whose joints it has"
            )
        self._count = len(joints)

    @property
    def derived(self) -> tuple[str, ...]:
        """The joints of the target that are made of others, in words."""
        return self.map.derived

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if sequence.ndim != 4 or sequence.shape[2] != self._count:
            raise ConfigError(
                f"{self.name}: needs skeletons (T, M, {self._count}, C) of {self.source}, got {tuple(sequence.shape)}"
            )
        return self.map(sequence, self.vector(sequence))

    def schema_after(self, schema: Schema) -> Schema:
        if schema.layout != self.source:
            raise ConfigError(f"{self.name}: the data have the layout {schema.layout}, not {self.source}")
        persons, _, coordinates = schema.shape
        shape = (persons, len(self.map.parents), coordinates)
        up, units = schema.upward, schema.measured  # of the data, whatever the target's usually are
        return replace(schema, shape=shape, layout=self.target, features=(), up=up, units=units)


def _unit(vector: Tensor) -> Tensor | None:
    length = float(vector.norm())
    return vector / length if length > 1e-6 else None
