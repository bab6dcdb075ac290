"""What is done to every sequence before the model sees it; kept with the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..data import Compose, LabelledDataset, SequenceDataset, Transform, preprocess, transform_from_config
from ..data.dataset import sequences_only
from ..errors import ConfigError
from .config import DataConfig


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


def measure(dataset: SequenceDataset) -> Standardise:
    """The standardisation by all frames of a data set; a feature that never changes is only centred.

    Raises:
        ConfigError: a value is missing (NaN).
    """
    frames = torch.cat([sequence.flatten(1) for sequence in dataset.sequences]).double()
    if not frames.isfinite().all():
        raise ConfigError(
            f"{dataset.name}: a value is missing or infinite, so the features cannot be standardised; "
            "fill gaps with --data.options.missing interpolate, or set --data.standardise false"
        )
    # float32 values, so that they are the same after a round trip through JSON and through a tensor.
    std = frames.std(0, correction=0).float()
    std = torch.where(std > 0, std, torch.ones_like(std))
    return Standardise(frames.mean(0).float().tolist(), std.tolist())


def fit_preprocessing(config: DataConfig, train: LabelledDataset) -> Compose:
    """The preprocessing that a configuration names, with its statistics taken from training sequences."""
    chosen = transform_from_config(config.preprocessing or [])
    steps = list(chosen.transforms) if isinstance(chosen, Compose) else [chosen]
    if config.standardise:
        steps.append(measure(sequences_only(preprocess(train, Compose(steps)))))
    return Compose(steps)


def in_test(config: DataConfig, fitted: Compose) -> Compose:
    """What is done to a sequence outside training: the fitted preprocessing, then the augmentation without chance.

    Example:
        >>> steps = [{"name": "random_crop"}, {"name": "uniform_sampling", "frames": 40, "random": True}]
        >>> in_test(DataConfig(augmentation=steps), Compose([])).to_config()["transforms"]
        [{'name': 'uniform_sampling', 'frames': 40, 'random': False}]
    """
    return Compose([*fitted.transforms, *map(transform_from_config, config.augmentation or [])]).in_test()
