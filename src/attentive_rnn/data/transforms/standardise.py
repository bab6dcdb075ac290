"""Features of mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from .base import Transform


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
