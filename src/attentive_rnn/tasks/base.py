"""The interface of a task, the metric that it is judged by, and the registry of tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..data import Batch, LabelledDataset, Schema
from ..errors import ConfigError
from ..models import ImageModel, MapClassifier, SequenceClassifier
from .metrics import Interval, student

Model = SequenceClassifier | MapClassifier | ImageModel


@dataclass(frozen=True)
class Metric:
    """The number that chooses the epoch and is reported.

    Args:
        name: in results.json, as in validation_accuracy and test.accuracy; its interval is test.accuracy_interval_95.
        column: in metrics.csv, as in train_acc.
        rising: whether more is better.
        percent: whether it is shown in percent.
        single: the kind of the interval of a single run, in words.
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
        """The unit of a difference of two values, to follow a number."""
        return " points" if self.percent else ""

    def better(self, value: float) -> float:
        """A number that is the greater, the better the value is."""
        return value if self.rising else -value

    def show(self, value: float | None, signed: bool = False) -> str:
        """The value as text, without a unit; nothing for None."""
        if value is None:
            return ""
        sign = "+" if signed else ""
        return f"{100 * value:{sign}.1f}" if self.percent else f"{value:{sign}.4g}"

    def in_words(self, value: float) -> str:
        """The value as text, with its unit."""
        return f"{self.show(value)} %" if self.percent else self.show(value)

    def over_seeds(self, tests: Sequence[Mapping[str, Any]]) -> Interval:
        """Mean over the runs' test scores with Student's interval; a single run's own interval."""
        if len(tests) > 1:
            return student([test[self.name] for test in tests])
        return Interval(tests[0][self.name], *tests[0][f"{self.name}_interval_95"])


class Task(ABC):
    """The model, the loss and the scores for data of a schema.

    A task for a new medium is a class in a module of its own that says :func:`register`, and is imported in
    ``tasks/__init__.py``. A model of a task is a Module with `config` (the arguments that make it again),
    `num_parameters` and `flops(T, B)`.

    Args:
        schema: of the items as they are read.
    """

    metric: ClassVar[Metric]
    loss_title: ClassVar[str]  # of the axis of a loss curve
    section: ClassVar[str] = "model"  # of a configuration, which describes the model
    models: ClassVar[tuple[type[Model], ...]] = (SequenceClassifier,)  # the kinds of model
    explanation: ClassVar[str] = "sequences"  # the kind of explanation, a key of explain/media.py
    item: ClassVar[str] = "sequence"  # the word for what has a label
    step: ClassVar[str] = "step"  # the word for the part of an item whose cost is reported

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    @abstractmethod
    def build(self, options: Mapping[str, Any], frame_size: int) -> Model:
        """A model with random weights.

        Args:
            options: the values of the configuration's section `section`.
            frame_size: numbers of a preprocessed frame.

        Raises:
            ConfigError: the values do not go together, or not with the schema.
        """

    @abstractmethod
    def arguments(self, schema: Schema) -> dict[str, Any]:
        """The arguments of a model that the schema of preprocessed items determines."""

    def fits(self, model: Model, schema: Schema) -> bool:
        """Whether a model takes preprocessed items of a schema and answers with its classes."""
        wanted = self.arguments(schema).items()
        return isinstance(model, self.models) and all(model.config.get(key) == value for key, value in wanted)

    def divides(self, model: Model) -> bool:
        """Whether a batch may be run in parts: the output for an item depends on nothing else in the batch."""
        return model.config.get("pool") != "keras_compat"

    def run(self, model: torch.nn.Module, batch: Batch) -> Tensor:
        """The model's output for a batch, (B, ...)."""
        output: Tensor = model(batch.x, batch.lengths)
        return output

    def learn(
        self, model: torch.nn.Module, batch: Batch, label_smoothing: float = 0.0, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The model's output for a batch, as :meth:`run` gives it, and what training minimises, a number."""
        output = self.run(model, batch)
        return output, self.loss(output, batch.labels, label_smoothing, weights)

    def learn_early(self, model: Model) -> None:
        """Let :meth:`learn` minimise the loss after every step, for answers before the end of a sequence.

        Raises:
            ConfigError: there are no such answers of the task or the model.
        """
        raise ConfigError("training.early is for classes of sequences")

    def run_attending(self, model: torch.nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The model's output, and the mean attention of each layer to its input (), for the penalty on it.

        The mean is that over the elements and frames of a sequence and then over the sequences; of a layer without a
        gate it is zero.
        """
        raise NotImplementedError

    def keep(self, output: Tensor, batch: Batch) -> Tensor:
        """The part of the model's output for a batch that :meth:`score` needs, (B, ...)."""
        return output

    def examine(self, model: torch.nn.Module, dataset: LabelledDataset, outputs: np.ndarray) -> dict[str, Any]:
        """Further entries of the "test" of results.json, from the data set's own knowledge of its items."""
        return {}

    def standardise(self, labels: np.ndarray) -> None:
        """Learn labels at mean 0 and deviation 1 of these; ConfigError where they are no numbers."""
        raise ConfigError("data.standardise_target must be false where a label is no number")

    def finish(self, model: Model) -> None:  # noqa: B027
        """Change a model that has been trained so that its answers are in the unit of the labels."""

    @abstractmethod
    def loss(
        self, output: Tensor, labels: Tensor, label_smoothing: float = 0.0, weights: Tensor | None = None
    ) -> Tensor:
        """The quantity to minimise, the mean over the batch of each item's loss times its weight, if there are (B,).

        Validation is measured without smoothing or weights.
        """

    @abstractmethod
    def tally(self, output: Tensor, labels: Tensor) -> Tensor:
        """The sum over the batch of what the metric is the mean of."""

    @abstractmethod
    def score(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """The "test" of results.json: count, the metric and its interval, loss, and what else is worth keeping."""

    def always(self, train: np.ndarray, test: np.ndarray) -> dict[str, Any] | None:
        """The best constant answer by the labels of training, and its score on those of the test part; None: none."""
        return None

    def details(self, test: dict[str, Any]) -> dict[str, float]:
        """Further numbers of a comparison, by the heading of their column."""
        return {}

    @abstractmethod
    def report(self, test: dict[str, Any]) -> list[str]:
        """The lines that a command prints of :meth:`score`."""

    @abstractmethod
    def answers(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        """The model's outputs as predictions, each plain values that JSON can hold."""

    @abstractmethod
    def in_words(self, answer: dict[str, Any]) -> str:
        """A prediction on the terminal."""


Kind = TypeVar("Kind", bound=type[Task])
TASKS: dict[tuple[str, str], type[Task]] = {}


def register(medium: str, target: str) -> Callable[[Kind], Kind]:
    """A class decorator: the task is that of schemas with this medium and target."""

    def add(kind: Kind) -> Kind:
        TASKS[medium, target] = kind
        return kind

    return add


def task_for(schema: Schema) -> Task:
    """The task of a data set.

    Example:
        >>> task_for(Schema(classes=(), shape=(2,), target="number")).metric.name
        'mse'
    """
    return TASKS[schema.medium, schema.target](schema)
