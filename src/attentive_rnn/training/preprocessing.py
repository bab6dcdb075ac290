"""What is done to every sequence before the model sees it; kept with the model."""

from __future__ import annotations

import torch

from ..data import Compose, LabelledDataset, SequenceDataset, preprocess, transform_from_config
from ..data.dataset import sequences_only
from ..data.transforms import Standardise
from ..errors import ConfigError
from .config import DataConfig


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
