"""Cross-validation: a run for each fold of the training part, and the models of all folds together.

Input: a configuration and its data. Output: the finished runs, the metric on what each held out, and the fused answers.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from ..data import Splits
from ..errors import ConfigError
from ..tasks import Task, task_for
from ..tasks.metrics import Interval, student
from ..training.config import Config
from ..training.run_folder import RunFolder
from .estimate import doubts, over_folds
from .fusion import Fused, fuse_runs
from .runner import run_once


@dataclass(frozen=True)
class CrossValidation:
    """The finished runs of all folds.

    Args:
        runs: one for each fold.
        task: that of their data.
    """

    runs: tuple[RunFolder, ...]
    task: Task

    @property
    def held_out(self) -> tuple[float, ...]:
        """The metric of each run on its fold, of which it has seen nothing."""
        return tuple(run.read_results()[f"validation_{self.task.metric.name}"] for run in self.runs)

    @property
    def mean(self) -> Interval:
        """The mean over the folds, with Student's 95 % interval."""
        return student(self.held_out)

    @property
    def doubts(self) -> list[str]:
        """A sentence where the scores on all folds and those on the test part differ beyond chance."""
        results = [run.read_results() for run in self.runs]
        tests = [one["test"] for one in results]
        mean = {
            key: statistics.mean(one[key] for one in tests) for key in ("accuracy", "mae", "mse") if key in tests[0]
        }
        return doubts(over_folds(results), mean | {"count": tests[0]["count"]})

    def fused(self, splits: Splits) -> Fused:
        """The answers of all models together to the test sequences of their data; see :func:`fuse_runs`."""
        return fuse_runs(self.runs, splits=splits)


def cross_validate(
    config: Config,
    parent: Path,
    count: int,
    *,
    splits: Splits,
    console: Console | None = None,
    finished: Callable[[RunFolder], object] | None = None,
) -> CrossValidation:
    """Train a run for each fold of the training part, and measure it on the fold that it has not seen.

    The folds keep subjects together where they are known; see :func:`attentive_rnn.data.split.folds`. The last epoch is
    taken in each run, since an epoch chosen on the fold would flatter it. Finished runs of the same configuration are
    taken over, interrupted ones continued.

    Args:
        config: what is trained; its seed draws the folds.
        parent: the folder for the folders of the runs.
        count: how many folds.
        splits: the data.
        console: where progress goes; None: the standard error.
        finished: called with each run when it has ended.

    Raises:
        ConfigError: fewer than two folds, or a configuration that chooses the epoch by validation.
        DataError: the training part cannot be divided into so many folds.
    """
    if config.training.select != "last":
        raise ConfigError("--folds needs training.select last: an epoch chosen on the held-out fold flatters it")
    runs = []
    for k in range(count):
        one = replace(config, data=replace(config.data, folds=count, fold=k))
        one.check()
        runs.append(run_once(one, parent, splits, console or Console(stderr=True)))
        if finished is not None:
            finished(runs[-1])
    return CrossValidation(tuple(runs), task_for(splits.train.schema))
