"""Changes of the frames of a sequence: crops, samples, other rates and other orders."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..options import number, whole
from ..schema import NO_JOINTS, Schema
from .base import Compose, Transform, present
from .presence import has_joints

_MOST = 1_000_000  # frames to which a sequence is sampled


class RandomCrop(Transform):
    """Keep one span of the frames, drawn anew each time.

    The span has round(f T) frames, at least one, with f ~ U[low, high], and starts anywhere. In testing it lies in the
    middle and f = test.

    Args:
        low, high: smallest and largest share of the frames, above 0 and at most 1.
        test: share of the frames in testing; 1 keeps them all.

    Raises:
        ConfigError: shares out of range or out of order.

    Example:
        >>> import numpy as np, torch
        >>> y = RandomCrop(0.5, 0.5)(torch.arange(20.0), np.random.default_rng(0))
        >>> len(y), y.diff().unique().tolist()
        (10, [1.0])
    """

    name = "random_crop"
    random = True

    def __init__(self, low: float = 0.5, high: float = 1.0, test: float = 1.0) -> None:
        self.low = number(self.name, "low", low, 0, 1, above=True)
        self.high = number(self.name, "high", high, 0, 1, above=True)
        self.test = number(self.name, "test", test, 0, 1, above=True)
        if self.low > self.high:
            raise ConfigError(f"{self.name}: low must not be above high, got {low} and {high}")

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        frames = len(sequence)
        length = max(1, round(rng.uniform(self.low, self.high) * frames))
        start = int(rng.integers(0, frames - length, endpoint=True))
        return sequence[start : start + length]

    def in_test(self) -> Transform:
        return CentreCrop(self.test) if self.test < 1 else Compose([])


class CentreCrop(Transform):
    """Keep the middle of the frames: round(f T) of them, at least one.

    Args:
        share: f, above 0 and at most 1.

    Raises:
        ConfigError: a share out of range.

    Example:
        >>> import numpy as np, torch
        >>> CentreCrop(0.5)(torch.arange(8.0), np.random.default_rng(0))
        tensor([2., 3., 4., 5.])
    """

    name = "centre_crop"

    def __init__(self, share: float) -> None:
        self.share = number(self.name, "share", share, 0, 1, above=True)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        length = max(1, round(self.share * len(sequence)))
        start = (len(sequence) - length) // 2
        return sequence[start : start + length]


class UniformSampling(Transform):
    """Take n frames, one from each of n equal parts of the sequence, in order.

    Frame i is x[floor((i + u_i) T / n)]. In training u_i ~ U[0, 1), so that each epoch shows other frames; in
    testing u_i = 1/2, the centre of the part. A sequence shorter than n repeats frames. The two lines
    ``{name: random_crop, low: 0.6}`` and ``{name: uniform_sampling, frames: 40, random: true}`` of a recipe's
    ``data.augmentation`` show in each epoch another part at another pace, and in testing the whole sequence.

    Source: Duan et al., "Revisiting skeleton-based action recognition", CVPR 2022, section 3.3.

    Args:
        frames: n, the number of frames to take.
        random: whether to draw u_i in training (as augmentation) or to take the centres there too.

    Example:
        >>> import numpy as np, torch
        >>> x = torch.arange(12.0)
        >>> UniformSampling(4)(x, np.random.default_rng(0))
        tensor([ 1.,  4.,  7., 10.])
        >>> UniformSampling(4, random=True)(x, np.random.default_rng(0))
        tensor([1., 3., 6., 9.])
    """

    name = "uniform_sampling"

    def __init__(self, frames: int, random: bool = False) -> None:
        self.frames = whole(self.name, "frames", frames, 1)
        if self.frames > _MOST:
            raise ConfigError(f"{self.name}: frames must be at most {_MOST}, got {frames}")
        if not isinstance(random, bool):
            raise ConfigError(f"{self.name}: random must be true or false, got {random!r}")
        self.random = random

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        offsets = rng.random(self.frames) if self.random else np.full(self.frames, 0.5)
        chosen = np.floor((np.arange(self.frames) + offsets) * len(sequence) / self.frames).astype(np.int64)
        return sequence[torch.from_numpy(np.minimum(chosen, len(sequence) - 1))]

    def in_test(self) -> Transform:
        return UniformSampling(self.frames)

    def schema_after(self, schema: Schema) -> Schema:
        return replace(schema, rate=None)


class Resample(Transform):
    """Change the rate of a sequence from ``before`` to ``after`` frames per second, by linear interpolation in time.

    Output frame i is at the input position p = i before / after, for all p <= T - 1; between frames
    x' = (1 - w) x[floor p] + w x[floor p + 1], w = p - floor p. Where a joint (or all of a frame) is absent on one
    side, the nearer frame is taken. There is no low-pass filter.

    Args:
        before: frames per second of the data, above 0.
        after: frames per second wanted, above 0.

    Raises:
        ConfigError: a rate that is not above 0, or, for the schema, data of another rate.

    Example:
        >>> import numpy as np, torch
        >>> Resample(before=10, after=20)(torch.tensor([[1.0], [2.0], [4.0]]), np.random.default_rng(0)).flatten()
        tensor([1.0000, 1.5000, 2.0000, 3.0000, 4.0000])
    """

    name = "resample"

    def __init__(self, before: float, after: float) -> None:
        self.before = number(self.name, "before", before, 0, math.inf, above=True)
        self.after = number(self.name, "after", after, 0, math.inf, above=True)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        frames = math.floor((len(sequence) - 1) * self.after / self.before + 1e-9) + 1
        position = torch.arange(frames, dtype=torch.float64) * (self.before / self.after)
        return between_frames(sequence, position, self.schema)

    def schema_after(self, schema: Schema) -> Schema:
        if schema.rate is not None and not math.isclose(schema.rate, self.before, rel_tol=1e-3):
            raise ConfigError(f"{self.name}: the data have {schema.rate:g} frames per second, not {self.before:g}")
        return replace(schema, rate=self.after)


class PermuteSteps(Transform):
    """Put the steps of every sequence into one fixed random order, as for permuted MNIST.

    Args:
        seed: of the order, which is ``np.random.default_rng(seed).permutation(T)`` for sequences of T steps.

    Raises:
        ConfigError: the seed is negative.

    Example:
        >>> import numpy as np, torch
        >>> PermuteSteps(seed=0)(torch.arange(5), np.random.default_rng(1))
        tensor([2, 4, 3, 0, 1])
    """

    name = "permute_steps"

    def __init__(self, seed: int = 0) -> None:
        self.seed = whole(self.name, "seed", seed, 0)
        self._orders: dict[int, Tensor] = {}

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        steps = len(sequence)
        if steps not in self._orders:
            self._orders[steps] = torch.from_numpy(np.random.default_rng(self.seed).permutation(steps))
        return sequence[self._orders[steps]]


class JoinSteps(Transform):
    """Make one frame of each `steps` successive frames, such as a row of its pixels.

    Args:
        steps: frames that become one; the length of a sequence must be a multiple.

    Raises:
        ConfigError: steps below 1, or a sequence whose length is no multiple of it.

    Example:
        >>> import numpy as np, torch
        >>> JoinSteps(3)(torch.zeros(12, 1), np.random.default_rng(0)).shape
        torch.Size([4, 3])
    """

    name = "join_steps"

    def __init__(self, steps: int) -> None:
        self.steps = whole(self.name, "steps", steps, 1)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if len(sequence) % self.steps:
            raise ConfigError(f"{self.name}: {len(sequence)} frames are no multiple of steps={self.steps}")
        return sequence.reshape(len(sequence) // self.steps, -1)

    def schema_after(self, schema: Schema) -> Schema:
        rate = None if schema.rate is None else schema.rate / self.steps
        return replace(schema, shape=(self.steps * schema.size,), features=(), layout=None, rate=rate, **NO_JOINTS)


class LimitSteps(Transform):
    """Keep a part of a sequence that is longer than a limit.

    Args:
        steps: the most that are kept.
        keep: which are kept, "first" or "last".

    Raises:
        ConfigError: steps below 1, or another part.

    Example:
        >>> import numpy as np, torch
        >>> limit, rng = LimitSteps(2, keep="last"), np.random.default_rng(0)
        >>> limit(torch.arange(5), rng), limit(torch.arange(1), rng)
        (tensor([3, 4]), tensor([0]))
    """

    name = "limit_steps"

    def __init__(self, steps: int, keep: str = "first") -> None:
        self.steps, self.keep = whole(self.name, "steps", steps, 1), keep
        if keep not in ("first", "last"):
            raise ConfigError(f"{self.name}: keep must be first or last, got {keep!r}")

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        return sequence[: self.steps] if self.keep == "first" else sequence[-self.steps :]


def between_frames(sequence: Tensor, position: Tensor, schema: Schema | None) -> Tensor:
    """The sequence (T, *shape) at fractional positions (N,) from 0 to T - 1, by linear interpolation, (N, *shape).

    Where a joint (or all of a frame) is absent on one side, the nearer frame is taken.
    """
    last = len(sequence) - 1
    lower = position.floor().clamp(max=last).long()
    upper = (lower + 1).clamp(max=last)
    weight = (position - lower).clamp(0, 1).to(sequence.dtype).reshape(-1, *[1] * (sequence.ndim - 1))
    skeletons = has_joints(sequence, schema)
    seen = ~sequence.isnan().all(-1, keepdim=True) if skeletons else present(sequence)
    both = seen[lower] & seen[upper]
    nearer = (weight > 0.5).expand_as(both)
    blend = torch.lerp(sequence[lower], sequence[upper], torch.where(both, weight, nearer.to(sequence.dtype)))
    # NaN on the other side would come through a weight of 0.
    return torch.where(both, blend, torch.where(nearer, sequence[upper], sequence[lower])) if skeletons else blend
