"""Comparisons of models over the same seeds and validation splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..data import Splits
from ..data.io.files import check_folder, write_csv, write_file, write_json
from ..data.io.locks import held, remove_leftovers
from ..draw import charts
from ..errors import ConfigError, MissingExtraError
from ..tasks import Metric
from ..tasks.metrics import Interval, student
from ..terminal import standard_error
from ..training.config import Config
from ..training.recipes import difference, read_config
from ..training.run_folder import RunFolder, create_folder, read_rows
from ..training.setup import training_parts
from .runner import Outcome, check_seeds, loaded_data, run_variants
from .table import FOR_INTERVAL, ends, gain_in_words, markdown, terminal
from .variants import Variant, named, variants


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
        """The number that the models are compared by."""
        return self.outcomes[0].task.metric

    def gain(self, other: Outcome) -> Interval | None:
        """Test metric of the first variant minus another's, paired by seed; None with a single seed."""
        pairs, name = zip(self.outcomes[0].results, other.results, strict=True), self.metric.name
        differences = [first["test"][name] - second["test"][name] for first, second in pairs]
        return student(differences) if len(differences) > 1 else None

    def _rows(self, page: bool) -> list[dict[str, str]]:
        """The cells of the models' lines by their headings, of a page or of the terminal."""
        metric, task, rows = self.metric, self.outcomes[0].task, []
        copies = self.outcomes[0].results[0]["test"].get("copies_in_train")
        short = "valid %" if metric.percent else f"valid {metric.name}"
        for outcome in self.outcomes:
            row, interval = outcome.row(), outcome.test_metric
            cells = {
                "model": row["variant"],
                f"test {metric.title}": metric.show(interval.value),
                "95 % interval": ends(metric, interval, len(outcome.seeds)),
            }
            if page and copies is not None:
                cells[f"without {copies} copies"] = metric.show(outcome.unseen)
            cells[f"validation {metric.title}" if page else short] = metric.show(outcome.validation)
            cells["parameters"] = f"{row['parameters']:,}"
            if not page:
                cells[f"FLOPs/{task.step}"] = f"{row['flops_per_step']:,}"
                cells["s/epoch"] = f"{row['seconds_per_epoch']:.3g}"
            cells["epochs"] = f"{row['epochs']:.0f}"
            rows.append(cells | {name: f"{value:.3g}" for name, value in outcome.details.items()})
        return rows

    def table(self) -> Table:
        """The comparison for the terminal."""
        seeds = self.outcomes[0].seeds
        title = f"{self.folder.parent.name}, seed{'s' * (len(seeds) > 1)} {' '.join(map(str, seeds))}"
        return terminal(self._rows(page=False), title)

    def markdown(self) -> str:
        """The comparison for a page: with the scores on unseen sequences, where some are copies, and the gains."""
        first = self.outcomes[0]
        items = f"{first.results[0]['test']['count']} test {first.task.item}s."
        lines = [f"{line}." for line in [*self.differences(), *self.needed()]]
        return f"{markdown(self._rows(page=True))}\n{' '.join([*lines, items])}\n"

    def _reached(self, run: RunFolder, threshold: float) -> int | None:
        for row in read_rows(run.metrics):
            if self.metric.better(row[f"valid_{self.metric.column}"]) > self.metric.better(threshold):
                return int(row["epoch"]) * self.epoch_size
        return None

    def differences(self) -> list[str]:
        """The gains of the first model over each of the others, paired by seed; none with a single seed."""
        first, *others = self.outcomes
        gains = [(other.variant.title, self.gain(other)) for other in others]
        return [
            gain_in_words(self.metric, first.variant.title, title, gain, len(first.seeds))
            for title, gain in gains
            if gain is not None
        ]

    def conclusions(self) -> list[str]:
        """What the differences show, in words; nothing of fewer seeds than an interval needs."""
        first, *others = self.outcomes
        gains = [(other.variant.title, self.gain(other)) for other in others]
        said = [
            verdict(self.metric, first.variant.title, title, gain)
            for title, gain in gains
            if gain is not None and len(first.seeds) >= FOR_INTERVAL
        ]
        meaning = "A 95 % interval holds the true difference in 95 of 100 such comparisons."
        return [f"In words: {text}" for text in said] + ([meaning] if said else [])

    def needed(self) -> list[str]:
        """The training sequences that each run had seen when its validation metric beat the threshold."""
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
        """The sentences below the table: paired differences, the kind of the intervals, and the files."""
        first = self.outcomes[0]
        kind = "Student's t over the seeds" if len(first.seeds) > 1 else self.metric.single
        last = self.outcomes[0].variant.config.training.select == "last"
        epoch = "last" if last else "best validation"
        few = 1 < len(first.seeds) < FOR_INTERVAL
        said = f"An interval over seeds needs {FOR_INTERVAL} of them" if few else f"The intervals are {kind}"
        interval = f"{said}; the test set was read once a run, at the {epoch} epoch."
        files = "comparison.csv, .json and .md" if self.notes else "comparison.csv, .json, .md and .png"
        return [
            *self.differences(),
            *self.conclusions(),
            *self.needed(),
            interval,
            *self.notes,
            f"Written to {self.folder}: {files}",
        ]


def verdict(metric: Metric, first: str, other: str, gain: Interval) -> str:
    """Which of two models is shown to be better, by the interval of the first one's metric minus the other's.

    Example:
        >>> from attentive_rnn.tasks.classification import Classification
        >>> verdict(Classification.metric, "with the gate", "without", Interval(0.01, -0.005, 0.025))
        'with the gate is not shown to differ from without: the interval of their difference holds 0'
    """
    worst, best = sorted(metric.better(end) for end in (gain.low, gain.high))
    if worst <= 0 <= best:
        return f"{first} is not shown to differ from {other}: the interval of their difference holds 0"
    return (
        f"{first} is {'better' if worst > 0 else 'worse'} than {other}: the interval of their difference leaves out 0"
    )


def compare(
    config: Config,
    parent: Path,
    seeds: Sequence[int],
    *,
    models: Sequence[str] = (),
    threshold: float | None = None,
    splits: Splits | None = None,
    console: Console | None = None,
) -> Comparison:
    """Train models over seeds: that of a configuration with its gate, without, and without but wider, or named ones.

    A network for images is trained with each of the spatial attentions.

    Runs of an earlier comparison of the same configuration are taken over where they are finished, and continued
    where they are not. Several processes, on any machines that share the folder, divide the runs among them.

    Args:
        config: of the model with the gate, or that gives the number of parameters; its seed is not used.
        parent: the folder for the folder of the comparison.
        seeds: different seeds, one run of each variant for each.
        models: names such as lstm or eleatt-gru, see :func:`named`; none: the gate against no gate.
        threshold: of the validation metric; the remarks say how many training sequences each run saw before beating it.
        splits: the data of the configuration; None: they are read.
        console: where progress goes; None: the standard error.

    Raises:
        ConfigError: no seeds, or one twice; without models, the configuration's model has no gate; an unknown model; a
            configuration that starts from a run; a threshold without a validation part.
    """
    check_seeds(seeds)
    if threshold is not None and config.data.valid_fraction == 0:
        raise ConfigError("--threshold is of the validation metric: data.valid_fraction must be above 0")
    data = loaded_data() if splits is None else partial(_given, splits)
    folder, compared = prepare(config, parent, models, data)
    # The plain models, which are faster, come first.
    outcomes = run_variants(compared[::-1], seeds, folder, data, console or standard_error())[::-1]
    epoch_size = len(training_parts(replace(config, seed=0), data(config))[0])
    return _write(Comparison(folder, outcomes, epoch_size, threshold))


def prepare(
    config: Config, parent: Path, models: Sequence[str], data: Callable[[Config], Splits]
) -> tuple[Path, list[Variant]]:
    """The folder of a comparison, that of an earlier one of the same configuration if there is one, and its models.

    Args:
        config, parent, models: as in :func:`compare`.
        data: gives the sequences of a configuration.

    Raises:
        ConfigError: as :func:`compare`.
    """
    if config.init_from is not None:
        raise ConfigError("init_from must be null: compare trains several models, which one run's weights do not fit")
    schema = data(config).train.schema
    compared = named(config, schema, models) if models else variants(config, schema)
    check_folder(parent)
    parent.mkdir(parents=True, exist_ok=True)
    with held(parent, wait=True):  # so that of several processes one makes the folder
        return _folder(replace(config, seed=0), parent), compared


def _given(splits: Splits, config: Config) -> Splits:
    return splits


def _folder(config: Config, parent: Path) -> Path:
    """The folder of the newest comparison of a configuration, or a new one."""
    for file in sorted(parent.glob("compare-*/compare.yaml"), reverse=True):
        if difference(config, read_config(file)) is None:
            remove_leftovers(file.parent, below=False)
            return file.parent
    return create_folder(config, parent, "compare.yaml", "compare-")


def _write(comparison: Comparison) -> Comparison:
    """Put the tables and the picture into the comparison's folder."""
    rows = [outcome.row() for outcome in comparison.outcomes]
    write_csv(comparison.folder / "comparison.csv", list(rows[0]), (row.values() for row in rows))
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
    curves = {o.variant.title: [read_rows(run.metrics) for run in o.runs] for o in _drawn(comparison)}
    title, axis = comparison.folder.parent.name, comparison.outcomes[0].task.loss_title
    epoch = f"epoch of {comparison.epoch_size:,} sequences"
    try:
        picture = charts.encoded(charts.losses(curves, title, axis, epoch), ".png", dpi=150)
    except MissingExtraError:
        note = "No comparison.png: it needs matplotlib: pip install 'attentive-rnn[report]'"
        return replace(comparison, notes=(note,))
    write_file(comparison.folder / "comparison.png", picture)
    return comparison


def _drawn(comparison: Comparison) -> tuple[Outcome, ...]:
    """The models in the picture: of the gate against no gate, only those of one width."""
    wide = comparison.outcomes[-1].variant.name == "no-gate-wide"
    return comparison.outcomes[:-1] if wide else comparison.outcomes
