"""A table of the paper on any data set: its rows trained over seeds, and printed beside the paper's figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml
from rich.console import Console

from ..data import Splits
from ..data.io.files import write_file, write_json
from ..errors import ConfigError
from ..tasks import task_for
from ..tasks.metrics import Interval, student
from ..training.config import Config
from ..training.recipes import as_overrides, difference, read_recipe, resolve
from ..training.run import resume, train
from ..training.run_folder import RunFolder, list_runs
from ..training.setup import load_splits
from .compare import Outcome, check_seeds
from .variants import Variant


@dataclass(frozen=True)
class PaperTable:
    """A table or figure of Zhang et al., ECCV 2018.

    Args:
        name: what the command calls it, such as table2.
        title: what it shows, in one line.
        columns: the data sets and protocols of the paper's figures.
        rows: for each row its name, the keys that it sets in a recipe, and the paper's accuracies in percent.
        means: for each mean of rows, such as over splits, its name, the rows' numbers from 0 and the paper's figures.
        recipe: the recipe that the rows change where no other is named; None: the general one for the data.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, dict[str, Any], tuple[float, ...]], ...]
    means: tuple[tuple[str, tuple[int, ...], tuple[float, ...]], ...] = ()
    recipe: str | None = None


@dataclass(frozen=True)
class Reproduction:
    """The outcomes of a table's rows on one data set."""

    table: PaperTable
    outcomes: tuple[Outcome, ...]

    def markdown(self) -> str:
        """The table with ours (mean over seeds and 95 % interval) beside the paper's figures."""
        data = self.outcomes[0].variant.config.data.source
        unseen = any("without_copies" in result["test"] for o in self.outcomes for result in o.results)
        header = ["model", "parameters", f"ours on {data}, %", "95 % interval"]
        header += ["without copies, %"] * unseen + [f"paper, {column}" for column in self.table.columns]
        lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
        for (name, _, paper), outcome in zip(self.table.rows, self.outcomes, strict=True):
            value, low, high = (100 * number for number in outcome.test_metric)
            cells = [name, f"{outcome.results[0]['parameters']:,}", f"{value:.1f}", f"{low:.1f} to {high:.1f}"]
            if unseen:
                rest = [result["test"]["without_copies"]["accuracy"] for result in outcome.results]
                cells.append(f"{100 * sum(rest) / len(rest):.1f}")
            lines.append(f"| {' | '.join([*cells, *(f'{figure:.1f}' for figure in paper)])} |")
        for name, rows, paper in self.table.means:
            value, low, high = (100 * number for number in self._mean([self.outcomes[row] for row in rows]))
            interval = f"{low:.1f} to {high:.1f}" if high > low else ""
            cells = [name, "", f"{value:.1f}", interval, *[""] * unseen, *(f"{figure:.1f}" for figure in paper)]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    @staticmethod
    def _mean(outcomes: Sequence[Outcome]) -> Interval:
        """Of the rows' mean accuracy, seed by seed; with one seed there is no interval."""
        runs = zip(*(outcome.results for outcome in outcomes), strict=True)
        means = [fmean(result["test"]["accuracy"] for result in results) for results in runs]
        return student(means) if len(means) > 1 else Interval(means[0], means[0], means[0])


def list_tables() -> list[str]:
    """The names of the paper's tables and figures that can be reproduced.

    Example:
        >>> list_tables()
        ['figure2', 'table1', 'table1-ntu', 'table2', 'table3', 'table4', 'table5', 'table6', 'table7']
    """
    folder = files("attentive_rnn").joinpath("recipes", "tables")
    return sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".yaml"))


def read_table(name: str) -> PaperTable:
    """A table of the paper by its name.

    Raises:
        ConfigError: there is none of that name.

    Example:
        >>> read_table("table7").rows[0][2]
        (75.5, 81.4)
    """
    if name not in list_tables():
        raise ConfigError(f"unknown table {name!r}; there are {', '.join(list_tables())}")
    text = files("attentive_rnn").joinpath("recipes", "tables", f"{name}.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    common = values.get("set", {})
    rows = tuple((row["name"], common | row["set"], tuple(row["paper"])) for row in values["rows"])
    means = tuple((mean["name"], tuple(mean["of"]), tuple(mean["paper"])) for mean in values.get("means", ()))
    title = text.splitlines()[0].lstrip("# ")
    return PaperTable(name, title, tuple(values["columns"]), rows, means, values.get("recipe"))


def reproduce(
    table: PaperTable,
    recipe: str | Path,
    overrides: Iterable[tuple[str, str]],
    seeds: Sequence[int],
    parent: Path,
    *,
    console: Console | None = None,
) -> Reproduction:
    """Train every row of a table with a recipe, over seeds.

    A run of the same configuration that is in the folder already, from this table or another, is taken over, or
    continued where it was interrupted.

    Args:
        table: which table.
        recipe: name or path of the recipe that the rows change.
        overrides: pairs of a dotted key and its value as text, stronger than the table's own.
        seeds: different seeds, one run of each row for each.
        parent: the folder for the runs, `table.name`.md and `table.name`.json.
        console: where progress goes; None: the standard error.

    Raises:
        ConfigError: no seeds or one twice, or a configuration that cannot be used.
        DataError: the data cannot be used.
    """
    check_seeds(seeds)
    console = console or Console(stderr=True)
    variants = [
        Variant(name, "", resolve(read_recipe(recipe, [*as_overrides(changes), *overrides])))
        for name, changes, _ in table.rows
    ]
    # Rows may differ in the options of the reader, such as an official split; each choice is read once.
    loaded: dict[str, Splits] = {}
    for variant in variants:
        options = _options(variant.config)
        if options not in loaded:
            loaded[options] = load_splits(variant.config)
    first = loaded[_options(variants[0].config)].train
    task = task_for(first.schema)
    if task.metric.name != "accuracy":
        raise ConfigError(f"{table.name} is about classes, but a label of {first.name} is a number")
    runs = {
        (variant.title, seed): _run(
            replace(variant.config, seed=seed), parent, loaded[_options(variant.config)], console
        )
        for seed in seeds
        for variant in variants
    }
    outcomes = tuple(
        Outcome.of(variant, seeds, [runs[variant.title, seed] for seed in seeds], task) for variant in variants
    )
    made = Reproduction(table, outcomes)
    write_file(parent / f"{table.name}.md", f"{table.title}\n\n{made.markdown()}".encode())
    rows = [outcome.row() | {"runs": [run.path.name for run in outcome.runs]} for outcome in outcomes]
    write_json(parent / f"{table.name}.json", {"table": table.name, "rows": rows})
    return made


def _options(config: Config) -> str:
    return json.dumps(config.data.options, sort_keys=True)


def _run(config: Config, parent: Path, splits: Splits, console: Console) -> RunFolder:
    """The run of a configuration in a folder, brought to its end, or a new one."""
    for run in list_runs(parent):
        if difference(config, run.read_config()) is None:
            return resume(run, console=console, splits=splits)
    return train(config, parent, console=console, splits=splits)
