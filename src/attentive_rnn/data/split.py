"""A part of the training sequences held out to choose the epoch with."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigError, DataError
from .dataset import SequenceDataset


def validation_split(dataset: SequenceDataset, fraction: float, seed: int) -> tuple[SequenceDataset, SequenceDataset]:
    """Split a training set in (train, valid), the same way for the same seed.

    Where every sequence names its subject and there are three or more, whole subjects are held out, so that the
    validation score is that of people not seen in training. Otherwise each class gives the same share, and keeps
    at least one sequence for training.

    Args:
        dataset: the training sequences.
        fraction: share to hold out, between 0 and 1; at least one sequence or subject is.
        seed: a non-negative integer.

    Raises:
        ConfigError: a fraction outside (0, 1) or a negative seed.
        DataError: nothing can be held out without emptying a class.

    Example:
        >>> from attentive_rnn.data import load
        >>> train, valid = validation_split(load("basic-motions").train, 0.2, seed=0)
        >>> len(train), len(valid), np.bincount(valid.labels).tolist()
        (32, 8, [2, 2, 2, 2])
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the validation fraction must be between 0 and 1, got {fraction}")
    if seed < 0:
        raise ConfigError(f"the seed of the validation split must not be negative, got {seed}")
    rng = np.random.default_rng(seed)
    if all("subject" in meta for meta in dataset.metas):
        subjects = dataset.groups("subject")
        names = np.unique(subjects)
        if len(names) >= 3:
            count = min(max(round(fraction * len(names)), 1), len(names) - 1)
            held_out = np.isin(subjects, rng.permutation(names)[:count])
            return _by_mask(dataset, held_out)
    return _by_mask(dataset, _stratified(dataset, fraction, rng))


def _stratified(dataset: SequenceDataset, fraction: float, rng: np.random.Generator) -> np.ndarray:
    classes, counts = np.unique(dataset.labels, return_counts=True)
    if len(classes) == 0 or counts.max() < 2:
        raise DataError(f"{dataset.name or 'data'}: no class has two sequences, so none can be held out for validation")
    most = np.minimum(np.ceil(fraction * counts).astype(int), counts - 1)
    quotas = np.minimum(np.floor(fraction * counts).astype(int), counts - 1)
    wanted = min(max(round(fraction * counts.sum()), 1), int(most.sum()))
    # The classes that rounding down took most from give the sequences that are still missing.
    while quotas.sum() < wanted:
        quotas[np.argmax(np.where(quotas < most, fraction * counts - quotas, -np.inf))] += 1
    held_out = np.zeros(len(dataset), dtype=bool)
    for label, quota in zip(classes, quotas, strict=True):
        held_out[rng.permutation(np.flatnonzero(dataset.labels == label))[:quota]] = True
    return held_out


def _by_mask(dataset: SequenceDataset, held_out: np.ndarray) -> tuple[SequenceDataset, SequenceDataset]:
    return dataset.subset(np.flatnonzero(~held_out)), dataset.subset(np.flatnonzero(held_out))
