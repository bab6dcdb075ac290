"""One prediction from several: of models, such as the streams of a skeleton, and of random views of a test sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data import (
    AugmentedDataset,
    Compose,
    SequenceDataset,
    Splits,
    copies_in_train,
    preprocess,
    transform_from_config,
)
from ..errors import ConfigError
from ..tasks.metrics import Scores, as_logits, probabilities, score
from ..training.config import Config
from ..training.inputs import matched_splits
from ..training.run_folder import RunFolder
from ..training.saved_model import SavedModel, load_model
from ..training.setup import fit_preprocessing, training_parts
from .runner import loaded_data


def fuse(scores: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """The fused class probabilities of models that saw the same sequences, such as the streams of a skeleton.

    p = sum_k w_k p_k / sum_k w_k. Scores that are no probabilities (a value below 0, or rows that do not add up to
    1) are taken as logits, and p_k is their softmax.

    Source: Shi et al., TIP 2020, section III-D, weights 1:1 for two streams; 2:2:1:1 for joint, bone and their
    motions, as pyskl has it.

    Args:
        scores: for each model an array (N, K), N sequences in the same order and K classes.
        weights: one for each model, not negative; all equal if left out.

    Returns:
        (N, K) float64; each row adds up to 1.

    Raises:
        ConfigError: no array, arrays of different shapes, a value that is not finite, or weights that do not fit.

    Example:
        >>> joint, bone = np.array([[0.6, 0.4]]), np.array([[0.1, 0.9]])
        >>> fuse([joint, bone]).round(2), fuse([joint, bone], [2, 1]).round(2)
        (array([[0.35, 0.65]]), array([[0.43, 0.57]]))
    """
    arrays = [np.asarray(s, dtype=np.float64) for s in scores]
    if not arrays:
        raise ConfigError("fusion: give the scores of at least one model")
    for k, array in enumerate(arrays):
        if array.ndim != 2 or 0 in array.shape:
            raise ConfigError(f"fusion: scores {k} are {array.shape}; they must be (sequences, classes)")
        if array.shape != arrays[0].shape:
            raise ConfigError(
                f"fusion: scores {k} are {array.shape} and scores 0 are {arrays[0].shape}; "
                "all models must have predicted the same sequences and classes"
            )
        if not np.isfinite(array).all():
            raise ConfigError(f"fusion: scores {k} have a value that is not finite")
    shares = _one_each(weights, len(arrays))
    if not np.isfinite(shares).all() or shares.min() < 0 or shares.sum() == 0:
        raise ConfigError(f"fusion: weights must not be negative, and not all 0; got {shares.tolist()}")
    return np.tensordot(shares / shares.sum(), [_probabilities(a) for a in arrays], axes=1)


def fuse_known(scores: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """As :func:`fuse`, where not every model has seen every sequence: each is predicted by those that have.

    Args:
        scores: as in :func:`fuse`, with rows of NaN for what a model has not seen.
        weights: as in :func:`fuse`.

    Raises:
        ConfigError: as in :func:`fuse`, or nobody has seen a sequence.

    Example:
        >>> pictures, poses = np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([[0.2, 0.8], [np.nan, np.nan]])
        >>> fuse_known([pictures, poses]).round(2)
        array([[0.4, 0.6],
               [0.3, 0.7]])
    """
    shares = _one_each(weights, len(scores))
    seen = np.stack([np.isfinite(s).all(axis=1) for s in scores])
    together = np.empty(scores[0].shape)
    for pattern in np.unique(seen, axis=1).T:
        rows = (seen == pattern[:, None]).all(axis=0)
        chosen = np.flatnonzero(pattern).tolist()
        together[rows] = fuse([scores[k][rows] for k in chosen], shares[chosen].tolist())
    return together


def _one_each(weights: Sequence[float] | None, count: int) -> np.ndarray:
    shares = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if shares.shape != (count,):
        raise ConfigError(f"fusion: {shares.size} weights for {count} models; give one for each")
    return shares


def _probabilities(scores: np.ndarray) -> np.ndarray:
    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores / scores.sum(axis=1, keepdims=True)
    return probabilities(scores)


def answers_in_test(config: Config, saved: SavedModel, splits: Splits, views: int = 1) -> np.ndarray:
    """The model's output for the test sequences of a run.

    Of one view these are its logits for each sequence without chance, of several views V

    .. math:: \\log \\frac{1}{V} \\sum_{v=1}^{V} \\mathrm{softmax}(f(x_v)),

    each x_v made of the sequence by the random augmentation that the run was trained with, drawn from the run's seed.

    Args:
        config: of the run.
        saved: its model.
        splits: its data, whose training sequences give the statistics of a standardisation.
        views: V, how many of each sequence.

    Returns:
        (N, K) float64 for N test sequences and K classes; of one view also (N, 1) for a number.

    Raises:
        ConfigError: fewer than one view; or several, and the run knows no random augmentation, or is not about classes
            of sequences.

    Source: multi-crop testing, Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
    NIPS 2012, section 4.1.
    """
    if views < 1:
        raise ConfigError(f"views must be at least 1, got {views}")
    if views == 1:
        return saved.logits(splits.test, config.training.batch_size)
    augmentation = transform_from_config(config.data.augmentation or [])
    if saved.schema.medium == "image" or saved.schema.target != "class":
        raise ConfigError(f"{views} views: only of sequences that have classes are several views averaged")
    if not augmentation.random:
        raise ConfigError(f"{views} views: data.augmentation of the run holds nothing random, so all would be alike")
    fitted = fit_preprocessing(config.data, training_parts(config, splits)[0])
    drawn = AugmentedDataset(preprocess(splits.test, fitted), augmentation, config.seed)
    ready = replace(saved, schema=drawn.schema, preprocessing=Compose([]))
    shares = [probabilities(ready.logits(drawn.drawn(v), config.training.batch_size)) for v in range(views)]
    return as_logits(np.mean(shares, axis=0))


@dataclass(frozen=True)
class Fused:
    """The answers of several runs to the sequences that any of them tests.

    Args:
        alone: the scores of each run.
        lacking: how many of the sequences each run lacks.
        probabilities: of all together, (N, K).
        labels: the right answers, (N,).
        unseen: bool (N,), which sequences are no copies of training sequences; known of runs of one data set.
    """

    alone: tuple[Scores, ...]
    lacking: tuple[int, ...]
    probabilities: np.ndarray
    labels: np.ndarray
    unseen: np.ndarray | None

    @property
    def together(self) -> Scores:
        """The scores of all runs together."""
        return score(as_logits(self.probabilities), self.labels)

    @property
    def without_copies(self) -> Scores | None:
        """The same on unseen sequences alone; None where there are no copies."""
        if self.unseen is None or self.unseen.all() or not self.unseen.any():
            return None
        return score(as_logits(self.probabilities)[self.unseen], self.labels[self.unseen])


def fuse_runs(
    runs: Sequence[RunFolder],
    weights: Sequence[float] | None = None,
    views: int = 1,
    options: Mapping[str, Any] | None = None,
    splits: Splits | None = None,
) -> Fused:
    """The answers of finished runs to their test sequences, alone and together by :func:`fuse_known`.

    Runs of one data set are aligned by place, others by the names of the sequences.

    Args:
        runs: one or more.
        weights: of each; None: all alike.
        views: of each sequence, over which a run averages; see :func:`answers_in_test`.
        options: of the readers, besides those of the training.
        splits: the data of all runs; None: read.

    Raises:
        ConfigError: the data have no classes or cannot be aligned, or the weights or views do not fit.
    """
    data = loaded_data()
    configs = [run.read_config(options=options) for run in runs]
    models = [load_model(run.model) for run in runs]
    matched = [
        matched_splits(run, saved, splits or data(config))
        for run, saved, config in zip(runs, models, configs, strict=True)
    ]
    for run, one in zip(runs, matched, strict=True):
        if one.test.schema.target != "class":
            raise ConfigError(f"{run.path}: predicts numbers; only the probabilities of classes are fused")
    tests = [one.test for one in matched]
    rows, labels = _aligned(runs, tests)
    alone, scores = [], []
    for saved, config, parts, places in zip(models, configs, matched, rows, strict=True):
        logits = answers_in_test(config, saved, parts, views)
        alone.append(score(logits, np.asarray(parts.test.labels)))
        shares = probabilities(logits)[places]
        shares[places < 0] = np.nan
        scores.append(shares)
    lacking = tuple(int((places < 0).sum()) for places in rows)
    unseen = ~copies_in_train(matched[0]) if all(one is matched[0] for one in matched) else None
    return Fused(tuple(alone), lacking, fuse_known(scores, weights), labels, unseen)


def _aligned(runs: Sequence[RunFolder], tests: Sequence[SequenceDataset]) -> tuple[list[np.ndarray], np.ndarray]:
    """For each run the place of every sequence of any run, -1 where it lacks it, and the labels of these.

    Raises:
        ConfigError: sequences of different data cannot be told by their names, or are labelled otherwise.
    """
    if all(test is tests[0] for test in tests):
        return [np.arange(len(tests[0]))] * len(tests), np.asarray(tests[0].labels)
    known: dict[str, int] = {}
    places = []
    for run, test in zip(runs, tests, strict=True):
        names = [str(meta.get("name", "")) for meta in test.metas]
        if "" in names or len(set(names)) < len(names):
            raise ConfigError(f"{run.path}: its data are not those of {runs[0].path}, and its sequences have no names")
        if test.schema.classes != tests[0].schema.classes:
            raise ConfigError(f"{run.path}: its classes are not those of {runs[0].path}; fuse runs of one data set")
        places.append({name: i for i, name in enumerate(names)})
        for name, label in zip(names, test.labels, strict=True):
            if known.setdefault(name, int(label)) != label:
                raise ConfigError(f"{run.path}: {name} has another label than in {runs[0].path}")
    if not set.intersection(*(set(own) for own in places)):
        raise ConfigError(f"{runs[-1].path}: tests no sequence of {runs[0].path}; fuse runs of one data set and split")
    return [np.array([own.get(name, -1) for name in known]) for own in places], np.array(list(known.values()))
