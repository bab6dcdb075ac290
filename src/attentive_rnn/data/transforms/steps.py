"""The steps of a sequence rearranged: in another order, several as one, or not all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..schema import Schema
from .arguments import count
from .base import Transform


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
        self.seed = count(self.name, "seed", seed, 0)
        self._orders: dict[int, Tensor] = {}

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
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
        self.steps = count(self.name, "steps", steps, 1)

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if len(sequence) % self.steps:
            raise ConfigError(f"{self.name}: {len(sequence)} frames are no multiple of steps={self.steps}")
        return sequence.reshape(len(sequence) // self.steps, -1)

    def schema_after(self, schema: Schema) -> Schema:
        rate = None if schema.rate is None else schema.rate / self.steps
        return replace(schema, shape=(self.steps * schema.size,), features=(), layout=None, rate=rate)


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
        self.steps, self.keep = count(self.name, "steps", steps, 1), keep
        if keep not in ("first", "last"):
            raise ConfigError(f"{self.name}: keep must be first or last, got {keep!r}")

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        return sequence[: self.steps] if self.keep == "first" else sequence[-self.steps :]
