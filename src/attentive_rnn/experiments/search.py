"""Search for better settings within a budget of time, by Optuna, judged inside the training part.

Input: a configuration, its data and a number of seconds. Output: what was tried, the settings that were chosen, and a
run for each seed that there was time for.

The first ten trials are drawn at random, the later ones where the earlier were good (a tree-structured Parzen
estimator); one that is below the median of the others is given up before its last fold. All follows from the seed and
from the scores, so that the same command takes over the runs that are finished, without a database of trials.
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
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..data import Splits
from ..errors import ConfigError, DataError, counted, needed_for
from ..tasks import Task, task_for
from ..training.config import Config, from_dict
from ..training.run_folder import RunFolder
from ..training.setup import training_parts
from .estimate import doubts, over_folds
from .runner import run_once

if TYPE_CHECKING:
    import optuna

FOLDS = 3
COMPARED = 3  # trials that are measured on all folds before one is given up
SPACE: dict[str, tuple[float, float]] = {  # the smallest and the largest factor on the value of the configuration
    "optim.lr": (0.5, 2.0),
    "optim.weight_decay": (0.1, 10.0),
    "model.dropout": (0.4, 1.3),
    "model.hidden_size": (0.6, 1.5),
}


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Args:
        changes: the keys that differ from the configuration that the search began with, and their values.
        scores: the metric on each fold, by a model that has not seen it.
        runs: on these folds.
    """

    changes: dict[str, Any]
    scores: tuple[float, ...]
    runs: tuple[RunFolder, ...] = ()

    @property
    def mean(self) -> float:
        """The mean over the folds."""
        return statistics.mean(self.scores)


@dataclass(frozen=True)
class Search:
    """What a search tried, chose and trained.

    Args:
        trials: those that were measured on all folds, that of the configuration itself first; may be empty.
        given_up: how many more were given up after fewer folds.
        chosen: one of them; None without trials.
        runs: of the chosen settings on the whole training part, one for each seed.
        task: that of the data.
        why: nothing was tried, if so.
    """

    trials: tuple[Trial, ...]
    given_up: int
    chosen: Trial | None
    runs: tuple[RunFolder, ...]
    task: Task
    why: str = "the budget is too short for it, or all are fixed"

    @property
    def doubts(self) -> list[str]:
        """A sentence where the scores on the folds and those on the test part differ beyond chance."""
        results = self.runs[0].read_results()
        held_out = over_folds([run.read_results() for run in self.chosen.runs]) if self.chosen else {}
        return doubts(results | held_out, results["test"])

    def in_words(self) -> str:
        """What was tried and chosen, as a sentence."""
        if self.chosen is None:
            return f"no other settings were tried: {self.why}"
        first, metric = self.trials[0], self.task.metric
        tried = f"{counted(len(self.trials) + self.given_up, 'setting')} tried on {FOLDS} folds of the training part"
        if self.given_up:
            tried += f", {self.given_up} of them given up early"
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
        ConfigError: a configuration that chooses the epoch by validation. MissingExtraError: Optuna is not installed.
    """
    if config.training.select != "last":
        raise ConfigError("--budget needs training.select last: an epoch chosen on the held-out fold flatters it")
    console, task = console or Console(stderr=True), task_for(splits.train.schema)
    began = clock()
    end = began + budget
    keys, why = _free(config, task.section, fixed), Search.why
    try:
        training_parts(_fold(config, 0), splits)
    except DataError as error:  # too few sequences, which can be trained on all the same
        keys, why = [], str(error)
    # A third of the time is for seeds.
    trials, given_up, longest = _tried(config, parent / "search", splits, keys, console, clock, began + 2 / 3 * budget)
    chosen = _best(trials, task.metric.better) if trials else None
    best = _changed(config, chosen.changes if chosen else {})
    runs: list[RunFolder] = []
    longest *= FOLDS / (FOLDS - 1)  # the whole training part is so much larger
    while not runs or clock() + longest < end:
        began = clock()
        runs.append(run_once(replace(best, seed=config.seed + len(runs)), parent, splits, console))
        longest = max(longest, clock() - began)
    return Search(tuple(trials), given_up, chosen, tuple(runs), task, why)


def _free(config: Config, section: str, fixed: Collection[str]) -> list[str]:
    """The settings that can be changed: they are not fixed, belong to the model, and are not zero."""
    keys = [key for key in SPACE if key not in fixed and (section == "model" or not key.startswith("model."))]
    return [key for key in keys if attrgetter(key)(config)]


def _tried(
    config: Config,
    folder: Path,
    splits: Splits,
    keys: list[str],
    console: Console,
    clock: Callable[[], float],
    end: float,
) -> tuple[list[Trial], int, float]:
    """The trials that were measured on all folds, the number of the others, and the seconds of the longest run."""
    with needed_for("--budget needs Optuna: pip install 'attentive-rnn[search]'"):
        import optuna
    metric, trials, longest = task_for(splits.train.schema).metric, list[Trial](), 0.0

    def measure(asked: optuna.Trial) -> float:
        nonlocal longest
        changes = _drawn(asked, config, keys)
        one, scores, runs = _changed(config, changes), list[float](), list[RunFolder]()
        for k in range(FOLDS):
            began = clock()
            if began + (FOLDS - k) * longest > end:
                asked.study.stop()
                raise optuna.TrialPruned
            try:
                run = run_once(_fold(one, k), folder, splits, console)
            except ConfigError:
                if asked.number == 0:
                    raise
                raise optuna.TrialPruned from None  # its loss became infinite; that of the configuration did not
            longest = max(longest, clock() - began)
            runs.append(run)
            scores.append(run.read_results()[f"validation_{metric.name}"])
            asked.report(metric.better(statistics.mean(scores)), k)
            if asked.should_prune():
                raise optuna.TrialPruned
        trials.append(Trial(changes, tuple(scores), tuple(runs)))
        return metric.better(trials[-1].mean)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=config.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=COMPARED),
    )
    if keys:
        study.enqueue_trial(dict.fromkeys(keys, 1.0))  # the configuration itself
        study.optimize(measure)
    ended = sum(trial.state.is_finished() for trial in study.trials)
    return trials, max(0, ended - len(trials) - 1), longest  # the last one had no time


def _drawn(asked: optuna.Trial, config: Config, keys: list[str]) -> dict[str, Any]:
    """The changes that Optuna asks for, none for the first trial."""
    changes: dict[str, Any] = {}
    for key in keys:
        factor = asked.suggest_float(key, *SPACE[key], log=True)
        value = attrgetter(key)(config) * factor
        if factor == 1:
            continue
        if key == "model.hidden_size":
            changes[key] = max(1, round(value))
        else:
            changes[key] = min(value, 0.8) if key == "model.dropout" else value
    return changes


def _fold(config: Config, k: int) -> Config:
    return replace(config, data=replace(config.data, folds=FOLDS, fold=k))


def _changed(config: Config, changes: dict[str, Any]) -> Config:
    return from_dict(config.to_dict(), "", changes.items())


def _best(trials: list[Trial], better: Callable[[float], float]) -> Trial:
    """The first trial, unless another is better by more than the standard error of their difference over the folds."""
    first, best = trials[0], max(trials, key=lambda trial: better(trial.mean))
    gains = [better(a) - better(b) for a, b in zip(best.scores, first.scores, strict=True)]
    error = statistics.stdev(gains) / math.sqrt(len(gains))
    return best if statistics.mean(gains) > error else first
