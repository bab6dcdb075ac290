"""Estimators with the interface of scikit-learn: a classifier and a regressor of sequences."""

from .estimator import AttentiveClassifier, AttentiveRegressor
from .inputs import unpad

__all__ = ["AttentiveClassifier", "AttentiveRegressor", "unpad"]
