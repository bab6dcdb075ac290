"""Classification of sequences: the cross-entropy is minimised, and the accuracy is reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import Batch, Schema
from ..errors import ConfigError
from ..models import SequenceClassifier
from ..ops.recurrence import Attention
from .base import Metric, Model, Task, register
from .metrics import probabilities, score


class SequenceTask(Task):
    """The model of the tasks on sequences, and its attention."""

    def build(self, options: Mapping[str, Any], frame_size: int) -> Model:
        options, words = dict(options), len(self.schema.vocabulary)
        embedding = options.pop("embedding_size")
        if words:
            options |= {"vocabulary_size": words, "embedding_size": embedding}
        try:
            return SequenceClassifier(frame_size, self.schema.outputs, **options)
        except ValueError as error:
            raise ConfigError(f"model: {error}") from error

    def run_attending(self, model: torch.nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        output, attention = model(batch.x, batch.lengths, need_attention=True)
        means = []
        for layer in attention:
            a = layer.inputs if isinstance(layer, Attention) else layer
            if a is None:
                means.append(output.new_zeros(()))
                continue
            a = a.to(torch.promote_types(a.dtype, torch.float32))  # a sum of many halves would be rounded away
            total = a.flatten(1).sum(1)  # zero past a row's length
            means.append((total / (batch.lengths.clamp(min=1) * a[0, 0].numel())).mean())
        return output, means

    def arguments(self, schema: Schema) -> dict[str, Any]:
        return {
            "input_size": schema.size,
            "num_classes": schema.outputs,
            "vocabulary_size": len(schema.vocabulary) or None,
        }


@register("sequence", "class")
class Classification(SequenceTask):
    """One of the schema's classes for each sequence."""

    metric = Metric("accuracy", "acc", rising=True, percent=True, single="Wilson's, of the test sequences of one run")
    loss_title = "cross-entropy (nats)"
    _early = False

    def learn_early(self, model: Model) -> None:
        if not (isinstance(model, SequenceClassifier) and model.forward_only):
            raise ConfigError(
                "training.early needs a model that reads forward only: --model.bidirectional false, and --model.pool "
                "mean or last"
            )
        self._early = True

    def learn(
        self, model: nn.Module, batch: Batch, label_smoothing: float = 0.0, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if not (self._early and model.training):
            return super().learn(model, batch, label_smoothing, weights)
        logits = model(batch.x, batch.lengths, every_step=True)  # (B, T, K)
        rows, steps, _ = logits.shape
        lengths = batch.lengths.to(logits.device)
        labels = batch.labels[:, None].expand(rows, steps)
        losses = F.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=label_smoothing
        )
        past = torch.arange(steps, device=logits.device) >= lengths[:, None]
        each = losses.view(rows, steps).masked_fill(past, 0).sum(1) / lengths
        last = logits[torch.arange(rows, device=logits.device), lengths - 1]
        return last, (each if weights is None else each * weights.to(each.dtype)).mean()

    def loss(
        self, output: Tensor, labels: Tensor, label_smoothing: float = 0.0, weights: Tensor | None = None
    ) -> Tensor:
        if weights is None:
            return F.cross_entropy(output, labels, label_smoothing=label_smoothing)
        # Weighted by hand: torch divides by the weights of the batch, and parts of a batch would not add up.
        losses = F.cross_entropy(output, labels, reduction="none", label_smoothing=label_smoothing)
        return (losses * weights.to(losses.dtype)).mean()

    def tally(self, output: Tensor, labels: Tensor) -> Tensor:
        return (output.argmax(1) == labels).sum()

    def score(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        return score(outputs, labels).to_dict()

    def always(self, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
        label = int(np.bincount(train[train >= 0]).argmax())
        return {"label": self.schema.classes[label], "accuracy": float((test == label).mean())}

    def report(self, test: dict[str, Any]) -> list[str]:
        low, high = (100 * end for end in test["accuracy_interval_95"])
        lines = [
            f"test accuracy    {100 * test['accuracy']:.1f} % "
            f"(95 % interval {low:.1f} to {high:.1f}, {test['count']} sequences)",
            f"of the classes   {100 * test['mean_class_accuracy']:.1f} % on average",
        ]
        if (always := test.get("always")) is not None:
            answer = f"{always['label']!r}, the most frequent class in training"
            lines.append(f"always the same  {100 * always['accuracy']:.1f} %: {answer}")
        return lines

    def answers(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        classes = self.schema.classes
        return [
            {
                "label": classes[int(share.argmax())],
                "probability": float(share.max()),
                "probabilities": dict(zip(classes, share.tolist(), strict=True)),
            }
            for share in probabilities(outputs)
        ]

    def in_words(self, answer: dict[str, Any]) -> str:
        return f"{answer['probability']:.3f}  {answer['label']}"
