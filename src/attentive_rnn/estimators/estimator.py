"""Classifier and regressor of sequences for scikit-learn, trained by a recipe of the package.

Input is sequences and labels in memory; output is what scikit-learn asks of an estimator, and explanations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from rich.console import Console

from ..data import Schema, SequenceDataset, get_source
from ..data.batch import WEIGHT
from ..data.in_memory import from_arrays
from ..data.matching import match
from ..errors import DataError, needed_for
from ..explain import Explanation, explain, measure_usual
from ..explain.response import has_gate
from ..tasks.metrics import probabilities
from ..training.automatic import adapted, kind
from ..training.config import Config
from ..training.recipes import as_overrides, read_recipe
from ..training.run import train_in_memory
from .inputs import Channels, as_sequences, rows_as_sequences

with needed_for("the estimators need scikit-learn: pip install 'attentive-rnn[estimators]'"):
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import Tags, check_random_state, column_or_1d, compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        assert_all_finite,
        check_consistent_length,
        check_is_fitted,
    )

KEYS = {  # of a recipe, by the parameter that sets it
    "cell": "model.cell",
    "hidden_size": "model.hidden_size",
    "num_layers": "model.num_layers",
    "bidirectional": "model.bidirectional",
    "gate": "model.gate",
    "dropout": "model.dropout",
    "max_epochs": "training.max_epochs",
    "batch_size": "training.batch_size",
    "patience": "training.patience",
    "lr": "optim.lr",
}


@dataclass(kw_only=True, eq=False, repr=False)  # writes the constructor, whose arguments scikit-learn reads
class AttentiveEstimator(BaseEstimator):
    """What classifier and regressor share: parameters, training and explanations.

    Args:
        recipe: the name of a recipe of the package, or the path of one; None: the one that `attentive train` would
            choose for these data, with the length of training and the size of a batch that suit their number.
        cell, hidden_size, num_layers, bidirectional, dropout: of the network; None: as the recipe says.
        gate: "sigmoid", "softmax", or "none" for the plain layer; None: as the recipe says.
        max_epochs, batch_size, lr: of the training; None: as the recipe says.
        early_stopping: hold out `validation_fraction` of the sequences, keep the weights of the epoch that is best on
            them, and stop when it lies `patience` epochs back; False: all sequences train, and the last epoch counts.
        validation_fraction: share of the sequences, between 0 and 1.
        patience: epochs; None: as the recipe says.
        channels: the place of the channels of sequences in X: "last", (T, D), or "first", (D, T) as aeon has them;
            None: last, but an array (N, T, D) in which D > 1 is at least T is refused, since it may be either.
        device: where it trains: "auto", "cpu", "cuda" or "cuda:INDEX". A fitted estimator works on the CPU.
        random_state: a whole number (the seed of the recipe), a RandomState, or None for another result each time.
        verbose: show the progress of training.
        overrides: other keys of the recipe and their values, such as {"data.standardise": False}; they win over all.

    X in every method is one of:
        * a list of N arrays or tensors (T_i, D), of any lengths; :func:`unpad` makes one of padded sequences;
        * an array (N, T, D), or with channels="first" aeon's (N, D, T) or list of (D, T_i);
        * a table (N, T), an array or a DataFrame: each row is a series of T steps of one channel;
        * a SequenceDataset, such as from_frame gives of a long table: names of features and joints are kept.

    Attributes:
        model_: the trained model, as :func:`attentive_rnn.training.save_model` takes it.
        config_: the complete configuration that it was trained with.
        n_features_in_: D, or of a table T.
    """

    recipe: str | None = None
    cell: str | None = None
    hidden_size: int | None = None
    num_layers: int | None = None
    bidirectional: bool | None = None
    gate: str | list[str] | None = None
    dropout: float | None = None
    max_epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    early_stopping: bool = False
    validation_fraction: float = 0.2
    patience: int | None = None
    channels: Channels | None = None
    device: str = "auto"
    random_state: int | np.random.RandomState | None = None
    verbose: bool = False
    overrides: Mapping[str, Any] | None = None

    def explain(self, X: Any, y: Any = None, layer: int = 1) -> list[Explanation]:
        """The attention of a layer in each sequence, relative to the usual in training, and the answer.

        Args:
            X: sequences.
            y: their labels, which the pictures show; None: not known.
            layer: from 1.

        Raises:
            DataError, ConfigError: X is not what the model takes, or there is no such layer.
        """
        dataset = self._known(X)
        if y is not None:
            dataset = _with_labels(dataset, self._coded(y), self.model_.schema)
        usual = self._usual[layer - 1] if 1 <= layer <= len(self._usual) else None
        return explain(self.model_, dataset, usual, layer - 1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.non_deterministic = self.random_state is None
        return tags

    def _fit(self, dataset: SequenceDataset, weight: np.ndarray | None) -> Self:
        """Train on labelled sequences, of which those without weight are left out."""
        if weight is not None:
            kept = np.flatnonzero(weight)
            shares = weight[kept] / weight[kept].mean()
            dataset = dataset.subset(kept)
            dataset.metas = [meta | {WEIGHT: float(w)} for meta, w in zip(dataset.metas, shares, strict=True)]
        config = self._config(dataset)
        cuda = list(range(torch.cuda.device_count())) if config.device != "cpu" else []
        with torch.random.fork_rng(cuda):  # training takes none of the caller's random numbers
            self.model_ = train_in_memory(config, dataset, console=Console(stderr=True, quiet=not self.verbose))
        self.config_ = config
        self.model_.model.cpu().eval()
        layers = range(self.model_.classifier.layers.num_layers)
        self._usual = [measure_usual(self.model_, dataset, i) if has_gate(self.model_, i) else None for i in layers]
        return self

    def _config(self, dataset: SequenceDataset) -> Config:
        given: dict[str, Any] = {
            key: getattr(self, name) for name, key in KEYS.items() if getattr(self, name) is not None
        }
        if given.get("model.gate") == "none":
            given["model.gate"] = None
        given["training.class_balance"] = 0.0  # weights of classes are scikit-learn's
        given["device"] = self.device
        if dataset.schema.target == "number":
            given |= {"training.label_smoothing": 0.0, "data.standardise_target": True}
        if self.early_stopping:
            given |= {"training.select": "best", "data.valid_fraction": self.validation_fraction}
            given["optim.schedule"] = "plateau"  # which an early stop does not cut short
        else:
            given |= {"training.select": "last", "data.valid_fraction": 0.0}
        given["seed"] = _seed(self.random_state)
        given |= self.overrides or {}
        plain = as_overrides({key: one.item() if isinstance(one, np.generic) else one for key, one in given.items()})
        if self.recipe is None:
            config = adapted(kind(dataset.schema, "X")[0], dataset, plain)
        else:
            config = read_recipe(self.recipe, plain)
        source = None if config.data.source is None else get_source(config.data.source)
        for steps in ("preprocessing", "augmentation"):
            if getattr(config.data, steps) is None:
                setattr(config.data, steps, [] if source is None else [dict(step) for step in getattr(source, steps)])
        config.data.source = config.data.path = None  # the data are those of X
        return config

    def _read(self, X: Any) -> SequenceDataset:
        """The sequences of X for training, without labels unless they come with them."""
        self._table, self._order = False, None
        if isinstance(X, SequenceDataset):
            self.n_features_in_ = X.schema.size
            return X
        found = as_sequences(X, self.channels)
        if found is None:
            self._table = True
            arrays = rows_as_sequences(self, X, reset=True)
        else:
            arrays, self._order = found
            self.n_features_in_ = arrays[0].shape[1]
        return from_arrays(arrays, Schema((), (arrays[0].shape[1],)))

    def _known(self, X: Any) -> SequenceDataset:
        """The sequences of X as the fitted model takes them."""
        check_is_fitted(self)
        schema = self.model_.schema
        if isinstance(X, SequenceDataset):
            unknown = np.full(len(X), np.nan if schema.target == "number" else -1)
            asked = replace(X.schema, classes=schema.classes, target=schema.target)
            return match(_with_labels(X, unknown, asked), schema)
        found = as_sequences(X, self.channels or self._order)
        if found is not None:
            if (width := found[0][0].shape[1]) != schema.size:
                name = type(self).__name__
                raise DataError(f"X has {width} channels, but {name} was fitted on sequences (T, {schema.size})")
            return from_arrays(found[0], schema)
        if not self._table:
            raise DataError(
                f"{type(self).__name__} was fitted on sequences (T, {schema.size}): X must be a list of such arrays, "
                f"[X] for a single one, or (N, T, {schema.size})"
            )
        return from_arrays(rows_as_sequences(self, X, reset=False), schema)

    def _outputs(self, X: Any) -> np.ndarray:
        """The model's outputs for X, (N, K)."""
        dataset = self._known(X)
        return self.model_.logits(dataset)

    def _coded(self, y: Any) -> np.ndarray:
        """Labels of the caller as those of the model's schema."""
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class AttentiveClassifier(ClassifierMixin, AttentiveEstimator):
    """Classifier of sequences; the parameters are those of :class:`AttentiveEstimator` and one more.

    Args:
        class_weight: "balanced", or a factor for each class, by its label; None: all sequences weigh alike.

    Attributes:
        classes_: the labels, sorted, of any type that y had.

    Example:
        >>> from attentive_rnn.data import load
        >>> train, test = load("basic-motions")
        >>> classifier = AttentiveClassifier(hidden_size=8, num_layers=1, max_epochs=10, random_state=0)
        >>> classifier.fit(train).score(test.sequences, np.array(test.schema.classes)[test.labels]) > 0.5
        True
    """

    class_weight: Mapping[Any, float] | str | None = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on sequences.

        Args:
            X: sequences, see :class:`AttentiveEstimator`.
            y: the label of each, (N,); None: those that a SequenceDataset has.
            sample_weight: a factor on the loss of each, (N,), 0 or more; None: all weigh alike.

        Raises:
            ValueError, among them DataError and ConfigError: X, y or a parameter cannot be used.
        """
        dataset = self._read(X)
        if y is None and isinstance(X, SequenceDataset) and X.schema.classes and X.labelled.all():
            y = np.array(X.schema.classes)[X.labels]
        y = _checked(self, X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        weight = _weight(sample_weight, X)
        if self.class_weight is not None:
            weight = (1.0 if weight is None else weight) * compute_sample_weight(self.class_weight, y)
        schema = replace(dataset.schema, classes=tuple(map(str, self.classes_)), target="class")
        return self._fit(_with_labels(dataset, labels, schema), weight)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (N, K), in the order of `classes_`."""
        shares: np.ndarray = probabilities(self._outputs(X))
        return shares

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence, (N,)."""
        outputs = self._outputs(X)
        answers: np.ndarray = self.classes_[outputs.argmax(1)]
        return answers

    def _coded(self, y: Any) -> np.ndarray:
        known = {label: i for i, label in enumerate(self.classes_.tolist())}
        return np.array([known.get(label, -1) for label in np.asarray(y).tolist()])


@dataclass(kw_only=True, eq=False, repr=False)
class AttentiveRegressor(RegressorMixin, AttentiveEstimator):
    """Regressor of sequences, to one number for each; the parameters are those of :class:`AttentiveEstimator`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 9, size=60)]
        >>> y = [100 + 10 * one[:, 0].mean() for one in X]
        >>> regressor = AttentiveRegressor(hidden_size=8, num_layers=1, max_epochs=30, random_state=0)
        >>> regressor.fit(X, y).score(X, y) > 0.5
        True
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on sequences.

        Args:
            X: sequences, see :class:`AttentiveEstimator`.
            y: the number for each, (N,); None: those that a SequenceDataset has.
            sample_weight: a factor on the loss of each, (N,), 0 or more; None: all weigh alike.

        Raises:
            ValueError, among them DataError and ConfigError: X, y or a parameter cannot be used.
        """
        dataset = self._read(X)
        if y is None and isinstance(X, SequenceDataset) and X.schema.target == "number":
            y = X.labels
        y = _checked(self, X, y).astype(np.float64)
        schema = replace(dataset.schema, classes=(), target="number")
        return self._fit(_with_labels(dataset, y, schema), _weight(sample_weight, X))

    def predict(self, X: Any) -> np.ndarray:
        """The number for each sequence, (N,)."""
        return self._outputs(X)[:, 0]

    def _coded(self, y: Any) -> np.ndarray:
        return np.asarray(y, dtype=np.float64)


def _checked(estimator: AttentiveEstimator, x: Any, y: Any) -> np.ndarray:
    """Labels (N,), one for each sequence.

    Raises:
        ValueError: there are none, not as many, or some are missing.
    """
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    labels: np.ndarray = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    check_consistent_length(x, labels)
    return labels


def _weight(sample_weight: Any, x: Any) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weight: np.ndarray = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
    return weight


def _with_labels(dataset: SequenceDataset, labels: np.ndarray, schema: Schema) -> SequenceDataset:
    check_consistent_length(dataset, labels)
    result = SequenceDataset(dataset.sequences, labels, dataset.metas, schema, dataset.name, dataset.notes)
    result.presence = dataset.presence
    return result


def _seed(random_state: Any) -> int:
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
