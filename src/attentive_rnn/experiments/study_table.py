"""The table of a study: a CSV file with a row for each finished run, and what it says of the models."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..data.io.files import write_file
from ..errors import ConfigError
from ..tasks.metrics import Interval, student


@dataclass(frozen=True)
class Row:
    """One run.

    Args:
        name: what the study calls its data, recipe and changes of it.
        recipe: the recipe's name.
        variant: the model by its role, such as gate, no-gate or no-gate-wide.
        model: the model in the paper's notation.
        seed: of the run.
        parameters, epochs: of the run; a fusion has the parameters of all its models, and no epochs.
        validation: accuracy on what was held out, a share; None where nothing was.
        test: accuracy on the test set, with Wilson's 95 % interval from `low` to `high`.
        unseen: the accuracy without test sequences that are copies of training sequences; None where there are none.
        seconds: that its training took.
        command: that makes the run.
        version: of the package.
    """

    name: str
    recipe: str
    variant: str
    model: str
    seed: int
    parameters: int
    epochs: int
    validation: float | None
    test: float
    low: float
    high: float
    unseen: float | None
    seconds: float
    command: str
    version: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells the row from others of its table."""
        return self.name, self.variant, self.seed


COLUMNS = [field.name for field in fields(Row)]
READERS = {"int": int, "float": float, "str": str}


class StudyTable:
    """The rows of a CSV file, which is written anew, in one step, with every row that is added.

    Args:
        path: of the file; it need not be there yet.

    Raises:
        ConfigError: the file is damaged; the message names the line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple[str, str, int], Row] = {}
        self._read()

    def add(self, row: Row) -> None:
        """Put a row into the file, in place of an older one of the same name, variant and seed."""
        self._read()
        self.rows[row.key] = row
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in self.rows.values())
        write_file(self.path, text.getvalue().encode())

    def holds(self, name: str, variant: str, seed: int, command: str) -> bool:
        """Whether there is a row of a run that this command made."""
        row = self.rows.get((name, variant, seed))
        return row is not None and row.command == command

    def names(self) -> list[str]:
        """The names of the study that have rows, in the file's order."""
        return list(dict.fromkeys(row.name for row in self.rows.values()))

    def of(self, name: str) -> dict[str, dict[int, Row]]:
        """The rows of a name by variant and seed, the gated model before the others."""
        found: dict[str, dict[int, Row]] = {}
        for row in self.rows.values():
            if row.name == name:
                found.setdefault(row.variant, {})[row.seed] = row
        order = {"gate": 0, "no-gate": 1, "no-gate-wide": 2}
        return {variant: found[variant] for variant in sorted(found, key=lambda v: order.get(v, len(order)))}

    def _read(self) -> None:
        if not self.path.exists():
            return
        try:
            with open(self.path, encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file, strict=True)
                for line, values in enumerate(reader, 2):
                    row = _row(values)
                    if row is None:
                        raise ConfigError(f"{self.path}, line {line}: is not a row of {', '.join(COLUMNS)}")
                    self.rows[row.key] = row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"{self.path}: cannot be read: {error}") from error


def _row(values: Mapping[str, str | None]) -> Row | None:
    """A line of the file; None if it is none."""
    made: dict[str, Any] = {}
    for field in fields(Row):
        text, optional = values.get(field.name), "None" in str(field.type)
        if text is None:
            return None
        try:
            made[field.name] = None if optional and not text else READERS[str(field.type).split(" ")[0]](text)
        except ValueError:
            return None
    return Row(**made) if len(values) == len(COLUMNS) else None


def mean_interval(rows: Iterable[Row]) -> Interval:
    """The mean test accuracy over seeds with Student's 95 % interval; of a single run its own interval."""
    runs = list(rows)
    if len(runs) == 1:
        return Interval(runs[0].test, runs[0].low, runs[0].high)
    return student([row.test for row in runs])


def paired(first: Mapping[int, Row], other: Mapping[int, Row]) -> Interval | None:
    """How much the first model is better over the seeds that both have; None for fewer than two."""
    seeds = sorted(first.keys() & other.keys())
    return student([first[seed].test - other[seed].test for seed in seeds]) if len(seeds) > 1 else None


def models_table(variants: Mapping[str, Mapping[int, Row]]) -> str:
    """The models of one name in Markdown: accuracies in percent, and what the first gains over each other."""
    every = [row for runs in variants.values() for row in runs.values()]
    copies, held_out = any(row.unseen is not None for row in every), any(row.validation is not None for row in every)
    header = ["model", "seeds", "test accuracy %", "95 % interval", *["without copies %"] * copies]
    header += [*["validation %"] * held_out, "parameters"]
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    for runs in variants.values():
        rows = list(runs.values())
        value, low, high = (100 * number for number in mean_interval(rows))
        cells = [rows[0].model, " ".join(map(str, sorted(runs))), f"{value:.1f}", f"{low:.1f} to {high:.1f}"]
        cells += [_mean(row.unseen for row in rows)] * copies + [_mean(row.validation for row in rows)] * held_out
        lines.append(f"| {' | '.join([*cells, f'{rows[0].parameters:,}'])} |")
    (_, first), *rest = variants.items()
    gains = []
    for _, other in rest:
        gain = paired(first, other)
        if gain is not None:
            value, low, high = (100 * number for number in gain)
            names = f"{next(iter(first.values())).model} minus {next(iter(other.values())).model}"
            gains.append(f"{names}: {value:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}, paired by seed).")
    return "\n".join([*lines, *(["", *gains] if gains else [])]) + "\n"


def _mean(values: Iterable[float | None]) -> str:
    there = [value for value in values if value is not None]
    return f"{100 * statistics.mean(there):.1f}" if there else ""


def complete(table: StudyTable, names: Sequence[str], variants: Sequence[str]) -> dict[str, dict[str, float]]:
    """The mean test accuracy by name and variant, over the seeds that all of a name's variants have.

    Names that lack a variant, or a common seed, are left out.
    """
    found = {}
    for name in names:
        runs = table.of(name)
        if all(variant in runs for variant in variants):
            seeds = set.intersection(*(set(runs[variant]) for variant in variants))
            if seeds:
                found[name] = {v: statistics.mean(runs[v][seed].test for seed in sorted(seeds)) for v in variants}
    return found
