"""Models made of the layers."""

from .classifier import SequenceClassifier

__all__ = ["SequenceClassifier"]
