"""Models compared over the same seeds and validation splits."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..data import Splits
from ..data.io.files import write_file, write_json
from ..errors import ConfigError
from ..tasks import Metric, Task, task_for
from ..tasks.metrics import Interval, student
from ..training.config import Config
from ..training.recipes import difference, read_config
from ..training.run import require_same, resume, train
from ..training.run_folder import RunFolder, create_folder, read_rows
from ..training.setup import load_splits, training_parts
from .variants import Variant, named, variants


@dataclass(frozen=True)
class Outcome:
    """A variant's runs, one for each seed, and what their results.json say."""

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
    def details(self) -> dict[str, float]:
        """What the task reports beside its metric, on average over the seeds."""
        runs = [self.task.details(result["test"]) for result in self.results]
        return {name: statistics.mean(run[name] for run in runs) for name in runs[0]}

    def row(self) -> dict[str, Any]:
        """The line of comparison.csv."""
        value, low, high = self.test_metric
        name = self.task.metric.name
        config = self.variant.config
        return {
            "variant": self.variant.title,
            "hidden_size": (config.vision if self.task.schema.medium != "sequence" else config.model).hidden_size,
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


@dataclass(frozen=True)
class Comparison:
    """The outcomes of all variants, and the folder of the comparison."""

    folder: Path
    outcomes: tuple[Outcome, ...]
    epoch_size: int
    threshold: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> Metric:
        """What the models are compared by."""
        return self.outcomes[0].task.metric

    def gain(self, other: Outcome) -> Interval | None:
        """Test metric of the first variant minus another's, paired by seed; None with a single seed."""
        pairs, name = zip(self.outcomes[0].results, other.results, strict=True), self.metric.name
        differences = [first["test"][name] - second["test"][name] for first, second in pairs]
        return student(differences) if len(differences) > 1 else None

    def table(self) -> Table:
        """The comparison for the terminal."""
        seeds = self.outcomes[0].seeds
        table = Table(title=f"{self.folder.parent.name}, seed{'s' * (len(seeds) > 1)} {' '.join(map(str, seeds))}")
        table.add_column("model")
        metric = self.metric
        shown = f"test {metric.title}", "95 % interval", "valid %" if metric.percent else f"valid {metric.name}"
        image = self.outcomes[0].task.schema.medium == "image"
        cost = "FLOPs/image" if image else "FLOPs/step"
        for column in (*shown, "parameters", cost, "s/epoch", "epochs", *self.outcomes[0].details):
            table.add_column(column, justify="right")
        for outcome in self.outcomes:
            row, (value, low, high) = outcome.row(), outcome.test_metric
            table.add_row(
                row["variant"],
                metric.show(value),
                f"{metric.show(low)} to {metric.show(high)}",
                _shown(metric, outcome.validation),
                f"{row['parameters']:,}",
                f"{row['flops_per_step']:,}",
                f"{row['seconds_per_epoch']:.3g}",
                f"{row['epochs']:.0f}",
                *(f"{value:.3g}" for value in outcome.details.values()),
            )
        return table

    def _reached(self, run: RunFolder, threshold: float) -> int | None:
        for row in read_rows(run.metrics):
            if self.metric.better(row[f"valid_{self.metric.column}"]) > self.metric.better(threshold):
                return int(row["epoch"]) * self.epoch_size
        return None

    def markdown(self) -> str:
        """The comparison for a page: with the scores on unseen sequences, where some are copies, and the gains."""
        metric, first = self.metric, self.outcomes[0].results[0]
        copies = first["test"].get("copies_in_train")
        header = ["model", f"test {metric.title}", "95 % interval"]
        header += [f"without {copies} copies"] * (copies is not None) + [
            f"validation {metric.title}",
            "parameters",
            "epochs",
            *self.outcomes[0].details,
        ]
        lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
        for outcome in self.outcomes:
            row, (value, low, high) = outcome.row(), outcome.test_metric
            cells = [outcome.variant.title, metric.show(value), f"{metric.show(low)} to {metric.show(high)}"]
            if copies is not None:
                unseen = [result["test"]["without_copies"][metric.name] for result in outcome.results]
                cells.append(metric.show(statistics.mean(unseen)))
            cells += [_shown(metric, outcome.validation), f"{row['parameters']:,}", f"{row['epochs']:.0f}"]
            cells += [f"{value:.3g}" for value in outcome.details.values()]
            lines.append(f"| {' | '.join(cells)} |")
        items = "images" if self.outcomes[0].task.schema.medium == "image" else "sequences"
        sequences = f"{first['test']['count']} test {items}."
        return "\n".join(
            [*lines, "", " ".join([*(f"{line}." for line in [*self.differences(), *self.needed()]), sequences]), ""]
        )

    def differences(self) -> list[str]:
        """What the first model gains over each of the others, paired by seed; nothing with a single seed."""
        first = self.outcomes[0]
        lines = []
        for other in self.outcomes[1:]:
            gain = self.gain(other)
            if gain is not None:
                value, low, high = (self.metric.show(number, signed=True) for number in gain)
                lines.append(
                    f"{first.variant.title} minus {other.variant.title}: {value}{self.metric.unit} "
                    f"(95 % interval {low} to {high}, paired by seed)"
                )
        return lines

    def needed(self) -> list[str]:
        """How many training sequences each run had seen when its validation metric beat the threshold."""
        if self.threshold is None:
            return []
        what = f"training sequences seen until the validation {self.metric.name} was better than {self.threshold:g}"
        lines = []
        for outcome in self.outcomes:
            seen = [self._reached(run, self.threshold) for run in outcome.runs]
            counts = ", ".join("never" if count is None else f"{count:,}" for count in seen)
            lines.append(f"{outcome.variant.title}: {what}, by seed: {counts}")
        return lines

    def remarks(self) -> list[str]:
        """What the table does not say: paired differences, what an interval is, where the files are."""
        first = self.outcomes[0]
        kind = "Student's t over the seeds" if len(first.seeds) > 1 else self.metric.single
        last = self.outcomes[0].variant.config.training.select == "last"
        epoch = "last" if last else "best validation"
        interval = f"The intervals are {kind}; the test set was read once a run, at the {epoch} epoch."
        files = "comparison.csv, .json and .md" if self.notes else "comparison.csv, .json, .md and .png"
        return [*self.differences(), *self.needed(), interval, *self.notes, f"Written to {self.folder}: {files}"]


def compare(
    config: Config,
    parent: Path,
    seeds: Sequence[int],
    *,
    models: Sequence[str] = (),
    threshold: float | None = None,
    finished: Callable[[Outcome], None] | None = None,
    console: Console | None = None,
    splits: Splits | None = None,
) -> Comparison:
    """Train models over seeds: that of a configuration with its gate, without, and without but wider, or named ones.

    A network for images is trained with each of the spatial attentions.

    Runs of an earlier comparison of the same configuration are taken over where they are finished, and continued
    where they are not.

    Args:
        config: of the model with the gate, or that gives the number of parameters; its seed is not used.
        parent: the folder for the folder of the comparison.
        seeds: different seeds, one run of each variant for each.
        models: names such as lstm or eleatt-gru, see :func:`named`; none: the gate against no gate.
        threshold: of the validation metric; the remarks say how many training sequences each run saw before beating it.
        finished: called with each run, a model of one seed, when it has ended or was taken over.
        console: where progress goes; None: the standard error.
        splits: the data, if they are loaded already.

    Raises:
        ConfigError: no seeds, or one twice; without models, the configuration's model has no gate; an unknown model; a
            configuration that starts from a run; a threshold without a validation part.
    """
    check_seeds(seeds)
    if threshold is not None and config.data.valid_fraction == 0:
        raise ConfigError("--threshold is of the validation metric: data.valid_fraction must be above 0")
    if config.init_from is not None:
        raise ConfigError("init_from must be null: compare trains several models, which one run's weights do not fit")
    for seed in seeds:
        replace(config, seed=seed).check()
    console = console or Console(stderr=True)
    splits = load_splits(config) if splits is None else splits
    schema = splits.train.schema
    compared = named(config, schema, models) if models else variants(config, schema)
    folder = _folder(replace(config, seed=0), parent)
    # Seed by seed, so that what an interruption leaves can be compared; the plain models, which are faster, first.
    runs, task = {}, task_for(schema)
    for seed in seeds:
        for variant in reversed(compared):
            run = _run(replace(variant.config, seed=seed), folder, variant.name, splits, console)
            runs[variant.name, seed] = run
            if finished is not None:
                finished(Outcome.of(variant, [seed], [run], task))
    outcomes = tuple(
        Outcome.of(variant, seeds, [runs[variant.name, seed] for seed in seeds], task) for variant in compared
    )
    epoch_size = len(training_parts(replace(config, seed=0), splits.train)[0])
    return _write(Comparison(folder, outcomes, epoch_size, threshold))


def _shown(metric: Metric, value: float | None) -> str:
    return "" if value is None else metric.show(value)


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise ConfigError unless there are seeds, all different."""
    if not seeds or len(set(seeds)) != len(seeds):
        raise ConfigError(f"--seeds must be different integers, got {' '.join(map(str, seeds))}")


def _run(config: Config, folder: Path, name: str, splits: Splits, console: Console) -> RunFolder:
    run = RunFolder(folder / f"{name}-seed{config.seed}")
    if not run.config.exists():
        return train(config, folder, name=run.path.name, console=console, splits=splits)
    require_same(config, run)
    if run.finished:
        console.print(f"{run.path}: finished before, taken over", highlight=False, soft_wrap=True)
    return resume(run, console=console, splits=splits)


def _folder(config: Config, parent: Path) -> Path:
    """The folder of the newest comparison of a configuration, or a new one."""
    there = sorted(parent.glob("compare-*/compare.yaml"), reverse=True)
    for file in there:
        if difference(config, read_config(file)) is None:
            return file.parent
    return create_folder(config, parent, "compare.yaml", "compare-")


def _write(comparison: Comparison) -> Comparison:
    """Put the tables and the picture into the comparison's folder."""
    rows = [outcome.row() for outcome in comparison.outcomes]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_file(comparison.folder / "comparison.csv", text.getvalue().encode())
    write_file(comparison.folder / "comparison.md", comparison.markdown().encode())
    gains = [comparison.gain(other) for other in comparison.outcomes[1:]]
    values = {
        "variants": rows,
        "gain_of_the_first": [None if gain is None else gain._asdict() for gain in gains],
        "runs": [
            {"variant": outcome.variant.title, "seed": seed, "folder": run.path.name, **result}
            for outcome in comparison.outcomes
            for seed, run, result in zip(outcome.seeds, outcome.runs, outcome.results, strict=True)
        ],
    }
    write_json(comparison.folder / "comparison.json", values)
    try:
        from .plot import plot_losses
    except ImportError:
        note = "No comparison.png: it needs matplotlib: pip install 'attentive-rnn[report]'"
        return replace(comparison, notes=(note,))
    curves = {o.variant.title: [read_rows(run.metrics) for run in o.runs] for o in _drawn(comparison)}
    title, axis = comparison.folder.parent.name, comparison.outcomes[0].task.loss_title
    epoch = f"epoch of {comparison.epoch_size:,} sequences"
    plot_losses(curves, title, axis, comparison.folder / "comparison.png", epoch)
    return comparison


def _drawn(comparison: Comparison) -> tuple[Outcome, ...]:
    """The models in the picture: of the gate against no gate, only those of one width."""
    wide = comparison.outcomes[-1].variant.name == "no-gate-wide"
    return comparison.outcomes[:-1] if wide else comparison.outcomes
