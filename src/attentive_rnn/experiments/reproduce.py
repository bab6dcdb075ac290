"""Tables of the paper on any data set: their rows trained over seeds, and printed beside the paper's figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml
from rich.console import Console

from ..data.io.files import write_file, write_json
from ..errors import ConfigError
from ..tasks import task_for
from ..tasks.classification import Classification
from ..tasks.metrics import Interval, student
from ..terminal import standard_error
from ..training.recipes import as_overrides, read_recipe, resolve
from .runner import Outcome, check_seeds, loaded_data, run_variants
from .table import ends, markdown
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
        show, table = Classification.metric.show, self.table
        papers = [f"paper, {column}" for column in table.columns]
        ours = f"ours on {self.outcomes[0].variant.config.data.source}, %"
        copies = any(outcome.unseen is not None for outcome in self.outcomes)
        rows = []
        single = [(name, (row,), paper) for row, (name, _, paper) in enumerate(table.rows)]
        for name, of, paper in [*single, *table.means]:
            first, *others = (self.outcomes[row] for row in of)
            interval = self._mean([first, *others]) if others else first.test_metric
            seeds = len(first.seeds)
            cells = {
                "model": name,
                "parameters": "" if others else f"{first.results[0]['parameters']:,}",
                ours: show(interval.value),
                "95 % interval": "" if others and seeds == 1 else ends(Classification.metric, interval, seeds),
            }
            if copies:
                cells["without copies, %"] = "" if others else show(first.unseen)
            rows.append(cells | dict(zip(papers, map("{:.1f}".format, paper), strict=True)))
        return markdown(rows)

    @staticmethod
    def _mean(outcomes: Sequence[Outcome]) -> Interval:
        """The interval of the rows' mean accuracy, seed by seed; with one seed its ends are the mean itself."""
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
    variants = [
        Variant(name, "", resolve(read_recipe(recipe, [*as_overrides(changes), *overrides])))
        for name, changes, _ in table.rows
    ]
    data = loaded_data()  # rows may differ in the options of the reader, such as an official split
    first, *_ = [data(variant.config).train for variant in variants]
    if task_for(first.schema).metric.name != "accuracy":
        raise ConfigError(f"{table.name} is about classes, but a label of {first.name} is a number")
    made = Reproduction(table, run_variants(variants, seeds, parent, data, console or standard_error()))
    write_file(parent / f"{table.name}.md", f"{table.title}\n\n{made.markdown()}".encode())
    rows = [outcome.row() | {"runs": [run.path.name for run in outcome.runs]} for outcome in made.outcomes]
    write_json(parent / f"{table.name}.json", {"table": table.name, "rows": rows})
    return made
