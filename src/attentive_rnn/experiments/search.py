"""Search for better settings within a budget of time: random changes, judged inside the training part.

Input: a configuration, its data and a number of seconds. Output: what was tried, the settings that were chosen, and a
run for each seed that there was time for.

The changes are drawn at random and not by a sampler that learns from the trials, such as Optuna's: a budget of minutes
allows some ten trials, which such a sampler draws at random too before it begins to learn. Draws follow from the seed,
so that the same command takes over the runs that are finished, without a database of trials.
"""

from __future__ import annotations

import math
import re
import statistics
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ..data import Splits
from ..errors import ConfigError
from ..tasks import Task, task_for
from ..training.config import Config, from_dict
from ..training.run_folder import RunFolder
from .runner import run_once

FOLDS = 3
SPACE: dict[str, tuple[float, ...]] = {  # factors on the values of the configuration
    "optim.lr": (0.5, 0.7, 1.4, 2.0),
    "optim.weight_decay": (0.1, 1.0, 10.0),
    "model.dropout": (0.4, 0.7, 1.0, 1.3),
    "model.hidden_size": (0.6, 1.0, 1.5),
}


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Args:
        changes: the keys that differ from the configuration that the search began with, and their values.
        scores: the metric on each fold, by a model that has not seen it.
    """

    changes: dict[str, Any]
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the folds."""
        return statistics.mean(self.scores)


@dataclass(frozen=True)
class Search:
    """What a search tried, chose and trained.

    Args:
        trials: those that were measured on all folds, that of the configuration itself first; may be empty.
        chosen: one of them; None without trials.
        runs: of the chosen settings on the whole training part, one for each seed.
        task: that of the data.
    """

    trials: tuple[Trial, ...]
    chosen: Trial | None
    runs: tuple[RunFolder, ...]
    task: Task

    def in_words(self) -> str:
        """What was tried and chosen, as a sentence."""
        if self.chosen is None:
            return "the budget was too short to try other settings"
        first, metric = self.trials[0], self.task.metric
        tried = f"{len(self.trials)} settings tried on {FOLDS} folds of the training part"
        if self.chosen is first:
            return f"{tried}; none was clearly better than the first ({metric.in_words(first.mean)})"
        changes = ", ".join(f"{key} {value:.3g}" for key, value in self.chosen.changes.items())
        better = f"{metric.in_words(self.chosen.mean)} instead of {metric.in_words(first.mean)}"
        return f"{tried}; chosen: {changes} ({better} on what was held out)"


def seconds_of(text: str) -> float:
    """The seconds of a time such as 90s, 10m or 1.5h.

    Raises:
        ConfigError: it is none.

    Example:
        >>> seconds_of("10m"), seconds_of("90s")
        (600.0, 90.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if match is None or float(match[1]) == 0:
        raise ConfigError(f"--budget must be a time such as 90s, 10m or 1h, got {text!r}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def search(
    config: Config,
    parent: Path,
    budget: float,
    *,
    splits: Splits,
    fixed: Collection[str] = (),
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Search:
    """Try settings on folds of the training part, then train the best ones on all of it, over seeds, until time is up.

    The test part is not looked at. A trial takes the place of the configuration itself only where it is better by more
    than the standard error of the difference over the folds. No run is begun that would probably not end in time, but
    one on the whole training part is always trained.

    Args:
        config: where the search begins; its seed draws the folds and the trials.
        parent: the folder for the runs; those of trials are in its folder search/.
        budget: seconds.
        splits: the data.
        fixed: keys that stay as they are.
        console: where progress goes; None: the standard error.
        clock: what the time is taken from.

    Raises:
        ConfigError: a configuration that chooses the epoch by validation.
    """
    if config.training.select != "last":
        raise ConfigError("--budget needs training.select last: an epoch chosen on the held-out fold flatters it")
    console, task, rng = (
        console or Console(stderr=True),
        task_for(splits.train.schema),
        np.random.default_rng(config.seed),
    )
    began = clock()
    end, longest = began + budget, 0.0
    trials: list[Trial] = []
    changes: dict[str, Any] = {}
    # A third of the time is for seeds.
    while trial := _tried(changes, config, parent / "search", splits, console, clock, began + 2 / 3 * budget, longest):
        scores, seconds = trial
        longest = max(longest, seconds)
        trials.append(Trial(changes, scores))
        changes = _drawn(config, task.section, fixed, rng)
    chosen = _best(trials, task.metric.better) if trials else None
    best = _changed(config, chosen.changes if chosen else {})
    runs: list[RunFolder] = []
    longest *= FOLDS / (FOLDS - 1)  # the whole training part is so much larger
    while not runs or clock() + longest < end:
        began = clock()
        runs.append(run_once(replace(best, seed=config.seed + len(runs)), parent, splits, console))
        longest = max(longest, clock() - began)
    return Search(tuple(trials), chosen, tuple(runs), task)


def _tried(
    changes: dict[str, Any],
    config: Config,
    folder: Path,
    splits: Splits,
    console: Console,
    clock: Callable[[], float],
    end: float,
    longest: float,
) -> tuple[tuple[float, ...], float] | None:
    """The metric of changed settings on each fold, and the seconds of the longest run; None where time is too short."""
    metric, scores = task_for(splits.train.schema).metric, []
    one = _changed(config, changes)
    for k in range(FOLDS):
        began = clock()
        if began >= end or began + (FOLDS - k) * longest > end:
            return None
        run = run_once(replace(one, data=replace(one.data, folds=FOLDS, fold=k)), folder, splits, console)
        scores.append(run.read_results()[f"validation_{metric.name}"])
        longest = max(longest, clock() - began)
    return tuple(scores), longest


def _drawn(config: Config, section: str, fixed: Collection[str], rng: np.random.Generator) -> dict[str, Any]:
    """A random change of some settings."""
    changes: dict[str, Any] = {}
    for key, factors in SPACE.items():
        value = attrgetter(key)(config) * rng.choice(factors)
        if key in fixed or (key.startswith("model.") and section != "model"):
            continue
        if key == "model.hidden_size":
            changes[key] = max(1, round(value))
        else:
            changes[key] = float(min(value, 0.8)) if key == "model.dropout" else float(value)
    return changes


def _changed(config: Config, changes: dict[str, Any]) -> Config:
    return from_dict(config.to_dict(), "", changes.items())


def _best(trials: list[Trial], better: Callable[[float], float]) -> Trial:
    """The first trial, unless another is better by more than the standard error of their difference over the folds."""
    first, best = trials[0], max(trials, key=lambda trial: better(trial.mean))
    gains = [better(a) - better(b) for a, b in zip(best.scores, first.scores, strict=True)]
    error = statistics.stdev(gains) / math.sqrt(len(gains))
    return best if statistics.mean(gains) > error else first
