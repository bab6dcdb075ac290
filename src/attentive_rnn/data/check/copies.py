"""Sequences that occur more than once, value for value."""

from __future__ import annotations

import numpy as np

from ..dataset import LabelledDataset, Splits


def fingerprints(dataset: LabelledDataset) -> list[bytes]:
    """A digest of the content of each item; equal for equal items only."""
    return [dataset.fingerprint(i) for i in range(len(dataset))]


def copies_in_train(splits: Splits) -> np.ndarray:
    """Which test sequences are also in the training part, value for value; bool (len(test),).

    The accuracy on these says nothing about unseen sequences: report the rest, ``~copies_in_train(splits)``, beside
    the whole.

    Example:
        >>> from attentive_rnn.data import load
        >>> int(copies_in_train(load("japanese-vowels")).sum())
        0
    """
    known = set(fingerprints(splits.train))
    return np.asarray([f in known for f in fingerprints(splits.test)], dtype=bool)
