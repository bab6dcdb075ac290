"""Regression: a real number for each sequence, whose mean squared error is minimised and reported."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError
from ..models import SequenceClassifier
from .base import Metric, Model, register
from .classification import SequenceTask
from .metrics import with_normal_interval


@register("sequence", "number")
class Regression(SequenceTask):
    """A real number for each sequence.

    While it is learnt, the model's output may be (label - mean) / deviation; see :meth:`standardise`.
    """

    mean, deviation = 0.0, 1.0
    metric = Metric("mse", "mse", rising=False, percent=False, single="the normal one of the mean, of one run")
    loss_title = "mean squared error"

    def standardise(self, labels: np.ndarray) -> None:
        """Learn labels at mean 0 and deviation 1 of these, (N,), so that their unit does not matter."""
        self.mean, self.deviation = float(np.mean(labels)), float(np.std(labels)) or 1.0

    def finish(self, model: Model) -> None:
        """Give the linear layer of a model that has learnt standardised labels their unit and their mean."""
        assert isinstance(model, SequenceClassifier)
        with torch.no_grad():
            model.classifier.weight.mul_(self.deviation)
            model.classifier.bias.mul_(self.deviation).add_(self.mean)
        self.mean, self.deviation = 0.0, 1.0

    def loss(
        self, output: Tensor, labels: Tensor, label_smoothing: float = 0.0, weights: Tensor | None = None
    ) -> Tensor:
        if label_smoothing:
            raise ConfigError("training.label_smoothing must be 0 where a label is a number: it is for classes")
        wanted = ((labels - self.mean) / self.deviation).to(output.dtype)
        errors = F.mse_loss(output.squeeze(1), wanted, reduction="none")
        return (errors if weights is None else errors * weights.to(errors.dtype)).mean()

    def tally(self, output: Tensor, labels: Tensor) -> Tensor:
        return (output.squeeze(1).double() * self.deviation + self.mean - labels).square().sum()

    def score(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        errors = outputs[:, 0] - labels
        mse, variance = with_normal_interval(errors**2), float(np.var(labels))
        return {
            "count": len(labels),
            "mse": mse.value,
            "mse_interval_95": [mse.low, mse.high],
            "rmse": math.sqrt(mse.value),
            "mae": float(np.abs(errors).mean()),
            "variance": variance,
            "r2": 1 - mse.value / variance if variance else None,
            "loss": mse.value,
        }

    def always(self, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
        value = float(np.nanmean(train))
        return {"value": value, "mse": float(((test - value) ** 2).mean())}

    def report(self, test: dict[str, Any]) -> list[str]:
        low, high = test["mse_interval_95"]
        always = test.get("always", {"mse": test["variance"]})
        explained = f", R2 {test['r2']:.3f}" if test.get("r2") is not None else ""
        return [
            f"test error       {test['mse']:.4g} mean squared "
            f"(95 % interval {low:.4g} to {high:.4g}, {test['count']} sequences)",
            f"                 {math.sqrt(test['mse']):.4g} root mean squared (RMSE), "
            f"{test['mae']:.4g} mean absolute (MAE){explained}",
            f"always the mean  {always['mse']:.4g} mean squared",
        ]

    def answers(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [{"value": float(value)} for value in outputs[:, 0]]

    def in_words(self, answer: dict[str, Any]) -> str:
        return f"{answer['value']:.6g}"
