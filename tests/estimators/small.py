"""Small estimators that train in a moment, and sequences to learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from attentive_rnn.estimators import AttentiveClassifier, AttentiveRegressor

SMALL: dict[str, Any] = {
    "hidden_size": 4,
    "num_layers": 1,
    "max_epochs": 3,
    "batch_size": 8,
    "device": "cpu",
    "random_state": 0,
}


def classifier(**options: Any) -> AttentiveClassifier:
    return AttentiveClassifier(**SMALL | options)


def regressor(**options: Any) -> AttentiveRegressor:
    return AttentiveRegressor(**SMALL | options)


def sequences(count: int = 24, width: int = 3) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences (T, D) of noise whose first channel is higher in every other one, and the words for both."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(length), width)) for length in rng.integers(4, 9, size=count)]
    for one in X[::2]:
        one[:, 0] += 3
    return X, np.array(["high", "low"] * (count // 2))
