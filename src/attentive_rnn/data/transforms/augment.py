"""Random changes of training sequences and images that leave their class as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from ..options import number, whole
from ..skeletons.layouts import Layout, get_layout, known_layout
from .base import Transform, check_skeletons, present
from .presence import has_joints, unmark
from .sampling import between_frames


class RandomRotation(Transform):
    """Rotate a skeleton sequence about the origin, by one draw for the whole sequence.

    x' = R x, R = Rz Ry Rx, each angle uniform in [-degrees, degrees] of its axis. Distances are kept, and an absent
    joint stays absent. Where a joint carries several vectors, such as position and velocity (C a
    multiple of 3), each of them is rotated. Joints of two coordinates (C = 2) are rotated in their plane, by the angle
    about z alone: [0, 45, 0] leaves them as they are. A confidence beside the coordinates is not turned.

    Source: the augmentation "(aug.)" of Zhang et al., ECCV 2018, section 5.1 (degrees = 35); the order of the
    axes is that of the authors' View-Adaptive code.

    Args:
        degrees: largest angle about each axis, or a list of those about x, y and z: [0, 45, 0] turns a body whose
            y points up and leaves it upright.

    Raises:
        ConfigError: angles that are not one or three from 0 to 180, or a sequence that is not (T, M, V, C)
            with C = 2 or a multiple of 3.

    Example:
        >>> import numpy as np, torch
        >>> x = torch.rand(6, 1, 20, 3)
        >>> y = RandomRotation(35.0)(x, np.random.default_rng(0))
        >>> torch.allclose(y.norm(dim=-1), x.norm(dim=-1), atol=1e-5)
        True
    """

    name = "random_rotation"
    random = True

    def __init__(self, degrees: float | Sequence[float] = 35.0) -> None:
        several = isinstance(degrees, list | tuple)
        each: list[Any] = list(degrees) if isinstance(degrees, list | tuple) else [degrees] * 3
        if len(each) != 3:
            raise ConfigError(f"{self.name}: degrees must be one number or three, for x, y and z, got {degrees!r}")
        angles = [number(self.name, "degrees", angle, 0, 180) for angle in each]
        self.degrees = angles if several else angles[0]
        self._limits = np.radians(angles)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence)
        coordinates = self.vector(sequence)[0]
        if coordinates % 3 and coordinates != 2:
            raise ConfigError(f"{self.name}: needs 2 coordinates or vectors of 3, got C = {sequence.shape[-1]}")
        coordinates = 2 if coordinates == 2 else 3
        x, y, z = rng.uniform(-self._limits, self._limits)
        matrix = rotation_matrix(x, y, z) if coordinates == 3 else rotation_matrix(0, 0, z)[:2, :2]
        rotation = torch.as_tensor(matrix.T, dtype=sequence.dtype)
        return self.on_coordinates(
            sequence, lambda values: (values.unflatten(-1, (-1, coordinates)) @ rotation).flatten(-2)
        )


class Jitter(Transform):
    """Add Gaussian noise to every value of every frame: x' = x + e, e ~ N(0, std^2).

    An absent joint, an empty frame and a confidence stay as they are. Works on skeletons and on plain features.

    Source: the input noise of the authors' View-Adaptive code (std = 0.075, coordinates in metres).

    Args:
        std: standard deviation, in the unit of the data.

    Example:
        >>> import numpy as np, torch
        >>> y = Jitter(0.1)(torch.ones(400, 12), np.random.default_rng(0))
        >>> round(float(y.mean()), 2), round(float(y.std()), 2)
        (1.0, 0.1)
    """

    name = "jitter"
    random = True

    def __init__(self, std: float = 0.075) -> None:
        self.std = number(self.name, "std", std, 0, math.inf)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        noise = torch.as_tensor(rng.normal(scale=self.std, size=tuple(sequence.shape)), dtype=sequence.dtype)
        if has_joints(sequence, self.schema):
            noise *= self.on_coordinates(torch.zeros_like(sequence), torch.ones_like)
        return torch.where(present(unmark(sequence)), sequence + noise, sequence)


class RandomScale(Transform):
    """Multiply every feature by a factor of its own, one draw for the whole sequence: x'[t, d] = s_d x[t, d].

    s_d ~ N(1, std^2). An absent joint and a confidence stay as they are. For features about zero, such as standardised
    ones: sensors are worn tighter or looser, and movements are larger or smaller.

    Source: the scaling of Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring
    using convolutional neural networks", ICMI 2017, section 3.

    Args:
        std: standard deviation of the factors.

    Example:
        >>> import numpy as np, torch
        >>> RandomScale(0.1)(torch.ones(2, 3), np.random.default_rng(0))
        tensor([[1.0126, 0.9868, 1.0640],
                [1.0126, 0.9868, 1.0640]])
    """

    name = "random_scale"
    random = True

    def __init__(self, std: float = 0.1) -> None:
        self.std = number(self.name, "std", std, 0, math.inf)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        factors = torch.as_tensor(rng.normal(1, self.std, tuple(sequence.shape[1:])), dtype=sequence.dtype)
        if not has_joints(sequence, self.schema):
            return sequence * factors
        confidence = self.on_coordinates(torch.ones_like(sequence), torch.zeros_like)
        return torch.where(confidence > 0, sequence, sequence * factors)


class RandomStretch(Transform):
    """Show one span of the frames drawn out to the length of the whole, so that it seems to move more slowly.

    The span is a share f ~ U[low, high] of the time and starts anywhere; the sequence keeps its T frames, by linear
    interpolation. Where a joint is absent on one side of a new frame, the nearer frame is taken.

    Source: the window slicing of Le Guennec et al., "Data augmentation for time series classification using
    convolutional neural networks", AALTD 2016, section 3.1, drawn out as in the random resized crop of images.

    Args:
        low, high: smallest and largest share of the time, above 0 and at most 1.

    Raises:
        ConfigError: shares out of range or out of order.

    Example:
        >>> import numpy as np, torch
        >>> RandomStretch(0.5, 0.5)(torch.arange(1.0, 6.0)[:, None], np.random.default_rng(0)).flatten()
        tensor([1.5396, 2.0396, 2.5396, 3.0396, 3.5396])
    """

    name = "random_stretch"
    random = True

    def __init__(self, low: float = 0.7, high: float = 1.0) -> None:
        self.low = number(self.name, "low", low, 0, 1, above=True)
        self.high = number(self.name, "high", high, 0, 1, above=True)
        if self.low > self.high:
            raise ConfigError(f"{self.name}: low must not be above high, got {low} and {high}")

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        last = len(sequence) - 1
        share = rng.uniform(self.low, self.high)
        start = rng.uniform(0, (1 - share) * last)
        position = start + share * torch.arange(len(sequence), dtype=torch.float64)
        return between_frames(sequence, position.clamp(max=last), self.schema)


class MaskJoints(Transform):
    """Make some joints of all persons absent (zeros) for the whole sequence, as if they were hidden.

    k ~ U{0, ..., floor(fraction V)} joints, drawn without repetition.

    Args:
        fraction: largest share of the V joints, at least 0 and below 1.

    Raises:
        ConfigError: a fraction out of range, or a sequence that is not (T, M, V, C).

    Example:
        >>> import numpy as np, torch
        >>> y = MaskJoints(0.5)(torch.ones(6, 1, 20, 3), np.random.default_rng(0))
        >>> int((y == 0).all(3).all(0).sum()), int((y == 0).all(3).any(0).sum())
        (5, 5)
    """

    name = "mask_joints"
    random = True

    def __init__(self, fraction: float = 0.1) -> None:
        self.fraction = number(self.name, "fraction", fraction, 0, math.nextafter(1, 0))

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence)
        joints = sequence.shape[2]
        masked = rng.permutation(joints)[: rng.integers(0, math.floor(self.fraction * joints), endpoint=True)]
        sequence = sequence.clone()
        sequence[:, :, masked] = torch.nan if has_joints(sequence, self.schema) else 0
        return sequence


class MaskTime(Transform):
    """Set one span of frames to zero, as if nothing had been recorded in it.

    The span has k ~ U{0, ..., floor(fraction T)} frames and starts anywhere.

    Source: the time mask of Park et al., "SpecAugment", Interspeech 2019, section 2.

    Args:
        fraction: largest share of the T frames, at least 0 and below 1.

    Example:
        >>> import numpy as np, torch
        >>> y = MaskTime(0.5)(torch.ones(20, 12), np.random.default_rng(0))
        >>> (y[:, 0] == 0).nonzero().flatten().tolist()
        [7, 8, 9, 10, 11, 12, 13, 14, 15]
    """

    name = "mask_time"
    random = True

    def __init__(self, fraction: float = 0.1) -> None:
        self.fraction = number(self.name, "fraction", fraction, 0, math.nextafter(1, 0))

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        frames = len(sequence)
        length = int(rng.integers(0, math.floor(self.fraction * frames), endpoint=True))
        start = int(rng.integers(0, frames - length, endpoint=True))
        sequence = sequence.clone()
        sequence[start : start + length] = torch.nan if has_joints(sequence, self.schema) else 0
        return sequence


class DropSteps(Transform):
    """Leave out each step of a sequence with a fixed chance, so that it becomes shorter: words of a text, frames.

    Of a sequence that would lose all its steps, one of them stays.

    Source: the random deletion of Wei & Zou, "EDA: Easy data augmentation techniques for boosting performance on text
    classification tasks", EMNLP-IJCNLP 2019, section 2.

    Args:
        chance: that a step is left out, at least 0 and below 1.

    Example:
        >>> import numpy as np, torch
        >>> DropSteps(0.5)(torch.arange(10), np.random.default_rng(0)).tolist()
        [0, 4, 5, 6, 7, 8, 9]
    """

    name = "drop_steps"
    random = True

    def __init__(self, chance: float = 0.1) -> None:
        self.chance = number(self.name, "chance", chance, 0, math.nextafter(1, 0))

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        stays = rng.random(len(sequence)) >= self.chance
        if not stays.any():
            stays[rng.integers(len(stays))] = True
        return sequence[torch.from_numpy(stays)]


class FlipLeftRight(Transform):
    """Show a sequence in the mirror with a given probability: left and right joints change places, x becomes -x.

    x'[t, m, v, axis] = -x[t, m, mirror(v), axis], the other numbers unsigned. The pairs are the joints that the
    layout calls "left ..." and "right ..."; a hand, which has none, becomes the other hand. The mirror is the plane
    through the origin, so move the body there first (:class:`OriginAtBodyCentre`). Two flips give the sequence back.

    Args:
        layout: joint layout.
        probability: of a flip, from 0 to 1; with 0 or 1 nothing is random.
        axis: the coordinate from left to right; 0 is x.

    Raises:
        ConfigError: an unknown layout, or a sequence that is not (T, M, V, C) with its joints.

    Example:
        >>> import numpy as np, torch
        >>> x = torch.rand(6, 1, 20, 3)
        >>> y = FlipLeftRight("kinect-20", probability=1.0)(x, np.random.default_rng(0))
        >>> torch.equal(y[:, :, 8], x[:, :, 4] * torch.tensor([-1.0, 1.0, 1.0]))
        True
    """

    name = "flip_left_right"
    depends = "frame"

    def __init__(self, layout: Layout, probability: float = 0.5, axis: int = 0) -> None:
        joints = get_layout(layout).joints
        index = {joint: v for v, joint in enumerate(joints)}
        self._mirror = [index.get(_other_side(joint), v) for v, joint in enumerate(joints)]
        self.layout = known_layout(layout)
        self.probability = number(self.name, "probability", probability, 0, 1)
        self.axis = whole(self.name, "axis", axis, 0)
        self.random = 0 < probability < 1

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=len(self._mirror))
        if rng.random() >= self.probability:
            return sequence
        coordinates, size = self.vector(sequence)
        if self.axis >= coordinates:
            raise ConfigError(
                f"{self.name}: axis must be below {coordinates}, the coordinates of a joint, got {self.axis}"
            )
        sign = torch.ones(sequence.shape[-1])
        sign[self.axis :: size] = -1
        return sequence[:, :, self._mirror] * sign


def _other_side(joint: str) -> str:
    sides = {"left": "right", "right": "left"}
    return " ".join(sides.get(word, word) for word in joint.split())


class RandomCropFlip(Transform):
    """Shift an image by up to `padding` pixels each way, black moving in, and mirror every other one.

    Source: the augmentation of CIFAR in He et al., "Deep residual learning for image recognition", CVPR 2016, section
    4.2 (padding = 4).

    Args:
        padding: largest shift in pixels.

    Raises:
        ConfigError: what is given is not an image (C, H, W).

    Example:
        >>> import numpy as np, torch
        >>> RandomCropFlip(4)(torch.rand(3, 32, 32), np.random.default_rng(0)).shape
        torch.Size([3, 32, 32])
    """

    name = "random_crop_flip"
    random = True

    def __init__(self, padding: int = 4) -> None:
        self.padding = whole(self.name, "padding", padding, 0)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if sequence.dim() != 3:
            raise ConfigError(f"{self.name}: is for images (C, H, W), got {tuple(sequence.shape)}")
        _, height, width = sequence.shape
        top, left = (int(v) for v in rng.integers(0, 2 * self.padding + 1, 2))
        image = F.pad(sequence, (self.padding,) * 4)[:, top : top + height, left : left + width]
        return image.flip(2) if rng.random() < 0.5 else image


def rotation_matrix(x: float, y: float, z: float) -> np.ndarray:
    """Rz(z) Ry(y) Rx(x), (3, 3) float64, for angles in radians and column vectors."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([x, y, z]), np.sin([x, y, z])
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return rz @ ry @ rx
