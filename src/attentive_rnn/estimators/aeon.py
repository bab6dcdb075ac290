"""Classifier and regressor with the interface of aeon, around those of scikit-learn; they need aeon."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import clone

from ..errors import needed_for
from .estimator import AttentiveClassifier as _Classifier
from .estimator import AttentiveRegressor as _Regressor

with needed_for("attentive_rnn.estimators.aeon needs aeon: pip install aeon"):
    from aeon.classification import BaseClassifier
    from aeon.regression import BaseRegressor

_TAGS = {
    "X_inner_type": ["np-list", "numpy3D"],
    "algorithm_type": "deeplearning",
    "capability:multivariate": True,
    "capability:unequal_length": True,
}


class AttentiveClassifier(BaseClassifier):
    """Classifier of aeon's collections: series of any number of channels and any lengths.

    Args:
        estimator: :class:`attentive_rnn.estimators.AttentiveClassifier` with its parameters, but that `channels` is
            "first" here; None: one with its defaults.
        random_state: of the training; None: that of the estimator.
    """

    _tags = _TAGS

    def __init__(self, estimator: _Classifier | None = None, random_state: int | None = None) -> None:
        self.estimator = estimator
        self.random_state = random_state
        super().__init__()

    def _fit(self, X: Any, y: np.ndarray) -> Self:
        self.estimator_ = _ready(self, _Classifier()).fit(X, y)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        return self.estimator_.predict(X)

    def _predict_proba(self, X: Any) -> np.ndarray:
        return self.estimator_.predict_proba(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"estimator": _Classifier(**_SMALL)}


class AttentiveRegressor(BaseRegressor):
    """Regressor of aeon's collections: series of any number of channels and any lengths.

    Args:
        estimator: :class:`attentive_rnn.estimators.AttentiveRegressor` with its parameters, but that `channels` is
            "first" here; None: one with its defaults.
        random_state: of the training; None: that of the estimator.
    """

    _tags = _TAGS

    def __init__(self, estimator: _Regressor | None = None, random_state: int | None = None) -> None:
        self.estimator = estimator
        self.random_state = random_state
        super().__init__()

    def _fit(self, X: Any, y: np.ndarray) -> Self:
        self.estimator_ = _ready(self, _Regressor()).fit(X, y)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        return self.estimator_.predict(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"estimator": _Regressor(**_SMALL)}


_SMALL: dict[str, Any] = {"hidden_size": 3, "num_layers": 1, "max_epochs": 2, "random_state": 0, "device": "cpu"}


def _ready(outer: Any, default: Any) -> Any:
    """The estimator to fit: a copy of the given one that takes aeon's order of axes."""
    estimator = (default if outer.estimator is None else clone(outer.estimator)).set_params(channels="first")
    return estimator if outer.random_state is None else estimator.set_params(random_state=outer.random_state)
