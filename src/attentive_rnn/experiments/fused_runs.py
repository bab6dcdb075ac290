"""The answers of several runs together, such as streams of a skeleton, or pictures and poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data import SequenceDataset, Splits, copies_in_train
from ..errors import ConfigError
from ..tasks.metrics import Scores, as_logits, probabilities, score
from ..training.run_folder import RunFolder
from ..training.saved_model import load_model
from ..training.setup import load_splits
from .fusion import fuse_known
from .views import answers_in_test


@dataclass(frozen=True)
class Fused:
    """What several runs answered to the sequences that any of them tests.

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


def fuse_runs(runs: Sequence[RunFolder], weights: Sequence[float] | None = None, views: int = 1) -> Fused:
    """The answers of finished runs to their test sequences, alone and together by :func:`fusion.fuse_known`.

    Runs of one data set are aligned by place, others by the names of the sequences.

    Args:
        runs: one or more.
        weights: of each; None: all alike.
        views: of each sequence, over which a run averages; see :func:`views.answers_in_test`.

    Raises:
        ConfigError: the data have no classes or cannot be aligned, or the weights or views do not fit.
    """
    splits = _splits(runs)
    tests = [one.test for one in splits]
    rows, labels = _aligned(runs, tests)
    alone, scores = [], []
    for run, parts, places in zip(runs, splits, rows, strict=True):
        logits = answers_in_test(run.read_config(), load_model(run.model), parts, views)
        alone.append(score(logits, np.asarray(parts.test.labels)))
        shares = probabilities(logits)[places]
        shares[places < 0] = np.nan
        scores.append(shares)
    lacking = tuple(int((places < 0).sum()) for places in rows)
    unseen = ~copies_in_train(splits[0]) if all(one is splits[0] for one in splits) else None
    return Fused(tuple(alone), lacking, fuse_known(scores, weights), labels, unseen)


def _splits(runs: Sequence[RunFolder]) -> list[Splits]:
    """The data of each run; those of one configuration are read once."""
    loaded: dict[str, Splits] = {}
    found = []
    for run in runs:
        config = run.read_config()
        key = repr((config.data.source, config.data.path, config.data.options))
        if key not in loaded:
            loaded[key] = load_splits(config)
        if loaded[key].test.schema.target != "class":
            raise ConfigError(f"{run.path}: predicts numbers; only the probabilities of classes are fused")
        found.append(loaded[key])
    return found


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
