"""What a run's model answers to its test sequences: to each as it is, or to several random views of it together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data import AugmentedDataset, Compose, ImageDataset, Splits, preprocess, transform_from_config
from ..errors import ConfigError
from ..tasks.metrics import as_logits, probabilities
from ..training.config import Config
from ..training.preprocessing import fit_preprocessing
from ..training.saved_model import SavedModel
from ..training.setup import training_parts


def answers_in_test(config: Config, saved: SavedModel, splits: Splits, views: int = 1) -> np.ndarray:
    """The model's output for the test sequences of a run.

    Of one view these are its logits for each sequence without chance, of several views V

    .. math:: \\log \\frac{1}{V} \\sum_{v=1}^{V} \\mathrm{softmax}(f(x_v)),

    each x_v made of the sequence by the random augmentation that the run was trained with, drawn from the run's seed.

    Args:
        config: of the run.
        saved: its model.
        splits: its data, whose training sequences give the statistics of a standardisation.
        views: V, how many of each sequence.

    Returns:
        (N, K) float64 for N test sequences and K classes; of one view also (N, 1) for a number.

    Raises:
        ConfigError: fewer than one view; or several, and the run knows no random augmentation, or is not about classes
            of sequences.

    Source: multi-crop testing, Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
    NIPS 2012, section 4.1.
    """
    if views < 1:
        raise ConfigError(f"views must be at least 1, got {views}")
    if views == 1:
        return saved.logits(splits.test, config.training.batch_size)
    augmentation = transform_from_config(config.data.augmentation or [])
    if isinstance(splits.test, ImageDataset) or saved.schema.target != "class":
        raise ConfigError(f"{views} views: only of sequences that have classes are several views averaged")
    if not augmentation.random:
        raise ConfigError(f"{views} views: data.augmentation of the run holds nothing random, so all would be alike")
    fitted = fit_preprocessing(config.data, training_parts(config, splits.train)[0])
    drawn = AugmentedDataset(preprocess(splits.test, fitted), augmentation, config.seed)
    ready = replace(saved, schema=drawn.schema, preprocessing=Compose([]))
    shares = [probabilities(ready.logits(drawn.drawn(v), config.training.batch_size)) for v in range(views)]
    return as_logits(np.mean(shares, axis=0))
