"""The runs of an experiment: each configuration and seed is trained once, among all processes, and then taken over."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from ..data import Splits
from ..data.io.locks import check_free, each_once, held
from ..environment import require_one_process
from ..errors import ConfigError
from ..progress import steps
from ..tasks import Task, task_for
from ..tasks.metrics import Interval
from ..training.config import Config
from ..training.inputs import resumed_splits
from ..training.recipes import difference
from ..training.run import begin, require_extra, require_same, resume
from ..training.run_folder import RunFolder, list_runs
from ..training.setup import load_splits
from .variants import Variant


def loaded_data() -> Callable[[Config], Splits]:
    """A function that gives the sequences of a configuration, and reads each data set once."""
    found: dict[str, Splits] = {}

    def data(config: Config) -> Splits:
        key = repr((config.data.source, config.data.path, config.data.options))
        if key not in found:
            found[key] = load_splits(config)
        return found[key]

    return data


@dataclass(frozen=True)
class Outcome:
    """A variant's runs, one for each seed, and their results.json."""

    variant: Variant
    seeds: tuple[int, ...]
    runs: tuple[RunFolder, ...]
    results: tuple[dict[str, Any], ...]
    task: Task

    @classmethod
    def of(cls, variant: Variant, seeds: Sequence[int], runs: Sequence[RunFolder], task: Task) -> Outcome:
        """The outcome of finished runs, one for each seed."""
        return cls(variant, tuple(seeds), tuple(runs), tuple(run.read_results() for run in runs), task)

    @property
    def test_metric(self) -> Interval:
        """Mean over the seeds with Student's 95 % interval; the one run's own interval for a single seed."""
        return self.task.metric.over_seeds([result["test"] for result in self.results])

    def mean(self, key: str) -> float:
        """The mean over the seeds of a number in results.json."""
        return statistics.mean(result[key] for result in self.results)

    @property
    def validation(self) -> float | None:
        """The mean over the seeds of the validation metric; None where nothing was held out."""
        key = f"validation_{self.task.metric.name}"
        return self.mean(key) if key in self.results[0] else None

    @property
    def unseen(self) -> float | None:
        """The mean over the seeds of the metric on test items that are no copies of training items; None without."""
        if "without_copies" not in self.results[0]["test"]:
            return None
        return statistics.mean(result["test"]["without_copies"][self.task.metric.name] for result in self.results)

    @property
    def details(self) -> dict[str, float]:
        """Further numbers that the task reports, on average over the seeds."""
        runs = [self.task.details(result["test"]) for result in self.results]
        return {name: statistics.mean(run[name] for run in runs) for name in runs[0]}

    def row(self) -> dict[str, Any]:
        """The line of comparison.csv."""
        value, low, high = self.test_metric
        name = self.task.metric.name
        return {
            "variant": self.variant.title,
            "hidden_size": getattr(self.variant.config, self.task.section).hidden_size,
            "seeds": " ".join(map(str, self.seeds)),
            f"test_{name}": value,
            f"test_{name}_low_95": low,
            f"test_{name}_high_95": high,
            f"validation_{name}": self.validation,
            "parameters": self.results[0]["parameters"],
            "flops_per_step": self.results[0]["flops_per_step"],
            "seconds_per_epoch": self.mean("seconds_per_epoch"),
            "epochs": self.mean("epochs"),
            **self.details,
        }


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise ConfigError unless there are seeds, all different and all in range."""
    if not seeds or len(set(seeds)) != len(seeds):
        raise ConfigError(f"--seeds must be different integers, got {' '.join(map(str, seeds))}")
    for seed in seeds:
        Config(seed=seed).check()


def run_once(
    config: Config,
    folder: Path,
    splits: Splits,
    console: Console,
    name: str | None = None,
    announce: Callable[[], None] = lambda: None,
) -> RunFolder:
    """The finished run of a configuration in a folder.

    A finished run of the same configuration is taken over, an interrupted one is continued, and without either a new
    one is trained.

    Args:
        config: what to train.
        folder: for the run's folder.
        splits: its data.
        console: where progress goes.
        name: of the run's folder; None: the run may be any of the folder, and a new one is named by the time.
        announce: called before the run is trained or taken over.

    Raises:
        ConfigError: there is a run of that name, but of another configuration; or several processes were started.
        InUseError: another process trains it.
    """
    require_one_process()
    run = _found(config, folder, name)
    if run is None:
        require_extra()
        folder.mkdir(parents=True, exist_ok=True)
        with held(folder, wait=True):  # so that of several processes one begins it
            run = _found(config, folder, name) or begin(config, folder, splits, name)
    require_same(config, run)
    check_free(run.path)
    announce()
    if run.finished:
        resumed_splits(run, splits)  # refuses other data
        console.print(f"{run.path}: finished before, taken over", highlight=False, soft_wrap=True, markup=False)
    return resume(run, console=console, splits=splits)


def _found(config: Config, folder: Path, name: str | None) -> RunFolder | None:
    """The run of a name; without one a finished run of the configuration, or the newest that is not."""
    if name is not None:
        return RunFolder(folder / name) if (folder / name / "config.yaml").exists() else None
    same = [run for run in list_runs(folder) if difference(config, run.read_config()) is None]
    return next((run for run in same if run.finished), same[0] if same else None)


def run_variants(
    variants: Sequence[Variant],
    seeds: Sequence[int],
    folder: Path,
    data: Callable[[Config], Splits],
    console: Console,
) -> tuple[Outcome, ...]:
    """The runs of variants over seeds, seed by seed, so that an interrupted experiment has whole comparisons.

    Where other processes train some of them, this one trains the others and waits for theirs.

    Args:
        variants: what is trained; the folder of a run is called by the variant's name and the seed, if it has a name.
        seeds: different seeds.
        folder: for the folders of the runs.
        data: gives the sequences of a configuration.
        console: where progress goes.
    """
    task = task_for(data(variants[0].config).train.schema)
    jobs = [(number, seed) for seed in seeds for number in range(len(variants))]
    runs: dict[tuple[int, int], RunFolder] = {}
    with steps("run", len(jobs), console) as counted:

        def work(job: tuple[int, int]) -> RunFolder:
            number, seed = job
            variant, config = variants[number], replace(variants[number].config, seed=seed)
            announce = partial(counted.begin, f"{variant.title}, seed {seed}", len(runs))
            return run_once(config, folder, data(config), console, variant.run_name(seed), announce)

        for job, run in each_once(jobs, work):
            runs[job] = run
    return tuple(
        Outcome.of(variant, seeds, [runs[number, seed] for seed in seeds], task)
        for number, variant in enumerate(variants)
    )
