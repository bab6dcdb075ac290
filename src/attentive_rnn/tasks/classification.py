"""What a run learns: how the model is built, what is minimised, and by which number it is judged."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..data import LabelledDataset, Schema
from ..errors import ConfigError
from ..models import ImageModel, MapClassifier, SequenceClassifier
from ..training.config import Config
from ..training.loader import Tensors
from ..training.metrics import Interval, probabilities, score, student, with_normal_interval

Model = SequenceClassifier | MapClassifier | ImageModel


@dataclass(frozen=True)
class Metric:
    """The number that chooses the epoch and is reported.

    Args:
        name: in results.json, as in validation_accuracy and test.accuracy; its interval is `name`_interval_95.
        column: in metrics.csv, as in train_acc.
        rising: whether more is better.
        percent: whether it is shown in percent.
        single: what the interval of a single run is, in words.
    """

    name: str
    column: str
    rising: bool
    percent: bool
    single: str

    @property
    def title(self) -> str:
        """The heading of a column of it."""
        return f"{self.name} %" if self.percent else self.name

    @property
    def unit(self) -> str:
        """What a difference of two values is counted in."""
        return " points" if self.percent else ""

    def better(self, value: float) -> float:
        """A number that is the greater, the better the value is."""
        return value if self.rising else -value

    def show(self, value: float, signed: bool = False) -> str:
        """The value as text, without a unit."""
        sign = "+" if signed else ""
        return f"{100 * value:{sign}.1f}" if self.percent else f"{value:{sign}.4g}"

    def in_words(self, value: float) -> str:
        """The value as text, with its unit."""
        return f"{self.show(value)} %" if self.percent else self.show(value)

    def over_seeds(self, tests: Sequence[dict[str, Any]]) -> Interval:
        """Mean over the runs' test scores with Student's interval; a single run's own interval."""
        if len(tests) > 1:
            return student([test[self.name] for test in tests])
        return Interval(tests[0][self.name], *tests[0][f"{self.name}_interval_95"])


class Task(ABC):
    """What is learnt on sequences of a schema.

    A model of a task is a Module with `config` (the arguments that make it again), `num_parameters` and `flops(T, B)`.

    Args:
        schema: of the sequences as they are read.
    """

    metric: ClassVar[Metric]
    loss_title: ClassVar[str]  # what the axis of a loss curve is called

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def build(self, config: Config, frame_size: int) -> Model:
        """The model of a configuration for preprocessed frames of `frame_size` numbers, with random weights.

        Raises:
            ConfigError: the configuration's values do not go together.
        """
        options = asdict(config.model)
        words = len(self.schema.vocabulary)
        embedding = options.pop("embedding_size")
        if words:
            options |= {"vocabulary_size": words, "embedding_size": embedding}
        try:
            return SequenceClassifier(frame_size, self.schema.outputs, **options)
        except ValueError as error:
            raise ConfigError(f"model: {error}") from error

    def run(self, model: torch.nn.Module, batch: Tensors) -> Tensor:
        """What the model answers to a batch, (B, ...)."""
        output: Tensor = model(batch.x, batch.lengths)
        return output

    def keep(self, output: Tensor, batch: Tensors) -> Tensor:
        """What :meth:`score` needs of the model's answers to a batch, (B, ...)."""
        return output

    def examine(self, model: torch.nn.Module, dataset: LabelledDataset, outputs: np.ndarray) -> dict[str, Any]:
        """What else the "test" of results.json says, from the data set's own knowledge of its items."""
        return {}

    @abstractmethod
    def loss(self, output: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """What is minimised, the mean over the batch; validation is measured without smoothing."""

    @abstractmethod
    def tally(self, output: Tensor, labels: Tensor) -> Tensor:
        """The sum over the batch of what the metric is the mean of."""

    @abstractmethod
    def score(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """The "test" of results.json: count, the metric and its interval, loss, and what else is worth keeping."""

    def details(self, test: dict[str, Any]) -> dict[str, float]:
        """What a comparison shows beside the metric: numbers by the heading of their column."""
        return {}

    @abstractmethod
    def report(self, test: dict[str, Any]) -> list[str]:
        """What the command says of :meth:`score`, line by line."""

    @abstractmethod
    def answers(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        """The model's outputs as predictions, each plain values that JSON can hold."""

    @abstractmethod
    def in_words(self, answer: dict[str, Any]) -> str:
        """A prediction on the terminal."""


class Classification(Task):
    """One of the schema's classes for each sequence: cross-entropy, and the share of right answers."""

    metric = Metric("accuracy", "acc", rising=True, percent=True, single="Wilson's, of the test sequences of one run")
    loss_title = "cross-entropy (nats)"

    def loss(self, output: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
        return F.cross_entropy(output, labels, label_smoothing=label_smoothing)

    def tally(self, output: Tensor, labels: Tensor) -> Tensor:
        return (output.argmax(1) == labels).sum()

    def score(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        return score(outputs, labels).to_dict()

    def report(self, test: dict[str, Any]) -> list[str]:
        low, high = (100 * end for end in test["accuracy_interval_95"])
        return [
            f"test accuracy    {100 * test['accuracy']:.1f} % "
            f"(95 % interval {low:.1f} to {high:.1f}, {test['count']} sequences)",
            f"of the classes   {100 * test['mean_class_accuracy']:.1f} % on average",
        ]

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


class Regression(Task):
    """A real number for each sequence: the mean squared error is minimised and reported."""

    metric = Metric("mse", "mse", rising=False, percent=False, single="the normal one of the mean, of one run")
    loss_title = "mean squared error"

    def loss(self, output: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
        if label_smoothing:
            raise ConfigError("training.label_smoothing must be 0 where a label is a number: it is for classes")
        return F.mse_loss(output.squeeze(1), labels.to(output.dtype))

    def tally(self, output: Tensor, labels: Tensor) -> Tensor:
        return (output.squeeze(1).double() - labels).square().sum()

    def score(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        errors = outputs[:, 0] - labels
        mse = with_normal_interval(errors**2)
        return {
            "count": len(labels),
            "mse": mse.value,
            "mse_interval_95": [mse.low, mse.high],
            "mae": float(np.abs(errors).mean()),
            "variance": float(np.var(labels)),
            "loss": mse.value,
        }

    def report(self, test: dict[str, Any]) -> list[str]:
        low, high = test["mse_interval_95"]
        return [
            f"test error       {test['mse']:.4g} mean squared "
            f"(95 % interval {low:.4g} to {high:.4g}, {test['count']} sequences)",
            f"                 {math.sqrt(test['mse']):.4g} root mean squared, {test['mae']:.4g} mean absolute",
            f"always the mean  {test['variance']:.4g} mean squared",
        ]

    def answers(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [{"value": float(value)} for value in outputs[:, 0]]

    def in_words(self, answer: dict[str, Any]) -> str:
        return f"{answer['value']:.6g}"


def task_for(schema: Schema) -> Task:
    """The task that a schema's labels pose.

    Example:
        >>> task_for(Schema(classes=(), shape=(2,), target="number")).metric.name
        'mse'
    """
    from .images import ImageClassification, ImageEditing
    from .maps import MapClassification

    if schema.medium == "maps":
        return MapClassification(schema)
    if schema.medium == "image":
        return ImageEditing(schema) if schema.target == "image" else ImageClassification(schema)
    return Regression(schema) if schema.target == "number" else Classification(schema)
