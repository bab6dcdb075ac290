"""Tables of experiments as Markdown, CSV and text, and the CSV file that a study adds its rows to."""

from __future__ import annotations

import csv
import glob
import hashlib
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ..data.io.files import csv_text, read_json, write_csv, write_json
from ..data.io.locks import beside, held, holder
from ..errors import ConfigError
from ..tasks import Metric
from ..tasks.classification import Classification
from ..tasks.metrics import Interval, student
from .variants import ROLES

FOR_INTERVAL = 3  # seeds, of which an interval over seeds needs as many
Cells = Mapping[str, Any]  # a row of a table: its cells by the heading of their column
Key = tuple[str, str, int]  # of a row of a study: name, variant and seed


def markdown(rows: Sequence[Cells]) -> str:
    """A table in Markdown of one or more rows with the same headings.

    Example:
        >>> print(markdown([{"model": "GRU", "accuracy": "90.1"}]), end="")
        | model | accuracy |
        |---|---|
        | GRU | 90.1 |
    """
    lines = [list(rows[0]), *(row.values() for row in rows)]
    header, *rest = (f"| {' | '.join(map(str, cells))} |\n" for cells in lines)
    return f"{header}|{'---|' * len(rows[0])}\n{''.join(rest)}"


def terminal(rows: Sequence[Cells], title: str) -> Table:
    """A table for the terminal, whose first column is words and whose others are numbers."""
    table = Table(title=Text(title))
    for number, heading in enumerate(rows[0]):
        table.add_column(Text(heading), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row.values()))  # a name such as [b] is no markup
    return table


def ends(metric: Metric, interval: Interval, seeds: int, *, signed: bool = False) -> str:
    """The ends of an interval in words; of two seeds, which say next to nothing of their spread, what it needs.

    Example:
        >>> ends(Classification.metric, Interval(0.5, 0.25, 0.75), 3), ends(Classification.metric, Interval(0, 0, 0), 2)
        ('25.0 to 75.0', 'needs 3 seeds')
    """
    low, high = (metric.show(number, signed=signed) for number in interval[1:])
    return f"needs {FOR_INTERVAL} seeds" if 1 < seeds < FOR_INTERVAL else f"{low} to {high}"


def gain_in_words(metric: Metric, first: str, other: str, gain: Interval, seeds: int) -> str:
    """The difference of two models over so many seeds, by their names, as a sentence without its full stop."""
    said = ends(metric, gain, seeds, signed=True)
    value = metric.show(gain.value, signed=True)
    return f"{first} minus {other}: {value}{metric.unit} (95 % interval {said}, paired by seed)"


@dataclass(frozen=True)
class Row:
    """One run of a study.

    Args:
        name: of the entry of the study, for its data, its recipe and the changes of it.
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
    def key(self) -> Key:
        """The name, variant and seed, which no other row of its table has."""
        return self.name, self.variant, self.seed


COLUMNS = [field.name for field in fields(Row)]
READERS: dict[Any, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "float | None": lambda text: float(text) if text else None,
}


class StudyTable:
    """The rows of a CSV file, to which any number of processes add on machines that share its folder.

    A new row is first a hidden file of its own beside the CSV, which appears in one step, so that no process loses
    another's row; then the CSV is written anew with all rows. :meth:`settle` removes the files whose rows it has.

    Args:
        path: of the CSV; it need not be there yet.
        place: where a row goes in the CSV, by its key; rows of the same place stay in their order.

    Raises:
        ConfigError: a file is damaged; the message names the line.
    """

    def __init__(self, path: Path, place: Callable[[Key], tuple[int, ...]] = lambda key: ()) -> None:
        self.path, self.place = path, place
        self.rows: dict[Key, Row] = {}
        self.read()

    def read(self) -> None:
        """Take the rows that are there now."""
        added = {row.key: row for _, row in self._added()}  # before the CSV, into which they go
        self.rows = self._in_csv() | added

    def add(self, row: Row) -> None:
        """Put a row into the table, in place of an older one of the same name, variant and seed."""
        write_json(self.file_of(row.key), asdict(row))
        self._write()

    def settle(self) -> None:
        """Leave the rows in the CSV alone."""
        if self._files():
            self._write(remove=True)

    def file_of(self, key: Key) -> Path:
        """The file of a row that is not in the CSV yet; who makes the row holds it, as :func:`held` does."""
        return beside(self.path, f".{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.row")

    def at_work(self, keys: Iterable[Key]) -> dict[Key, str]:
        """Which of these rows are being made, and by which process."""
        return {key: by for key in keys if (by := holder(self.file_of(key)))}

    def _write(self, remove: bool = False) -> None:
        with held(self.path, wait=True):
            added = self._added()
            self.rows = self._in_csv() | {row.key: row for _, row in added}
            rows = sorted(self.rows.values(), key=lambda row: self.place(row.key))
            write_csv(self.path, COLUMNS, map(astuple, rows))
            for file, _ in added if remove else ():
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        ending = f"{'0' * 16}.row"
        begin = beside(self.path, f".{ending}").name.removesuffix(ending)
        return sorted(self.path.parent.glob(f"{glob.escape(begin)}*.row"))

    def _added(self) -> list[tuple[Path, Row]]:
        found = []
        for file in self._files():
            try:
                found.append((file, Row(**read_json(file))))
            except TypeError as error:
                raise ConfigError(f"{file}: is not a row of {', '.join(COLUMNS)}; delete it") from error
            except ConfigError:
                if file.exists():  # else another process has put it into the CSV
                    raise
        return found

    def holds(self, name: str, variant: str, seed: int, command: str) -> bool:
        """Whether there is a row of a run that this command made."""
        row = self.rows.get((name, variant, seed))
        return row is not None and row.command == command

    def names(self) -> list[str]:
        """The names of the study that have rows, in the table's order."""
        return list(dict.fromkeys(row.name for row in self.rows.values()))

    def of(self, name: str) -> dict[str, dict[int, Row]]:
        """The rows of a name by variant and seed, the gated model before the others."""
        found: dict[str, dict[int, Row]] = {}
        for row in self.rows.values():
            if row.name == name:
                found.setdefault(row.variant, {})[row.seed] = row
        return {variant: found.pop(variant) for variant in ROLES if variant in found} | found

    def _in_csv(self) -> dict[Key, Row]:
        found: dict[Key, Row] = {}
        if not self.path.exists():
            return found
        try:
            with open(self.path, encoding="utf-8", newline="") as file:
                for line, values in enumerate(csv.DictReader(file, strict=True), 2):
                    row = _row(values)
                    if row is None:
                        raise ConfigError(f"{self.path}, line {line}: is not a row of {', '.join(COLUMNS)}")
                    found[row.key] = row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"{self.path}: cannot be read: {error}") from error
        return found


def _row(values: Mapping[str, str | None]) -> Row | None:
    """A line of the file; None where it is not a row."""
    if len(values) != len(COLUMNS) or None in values.values():
        return None
    try:
        return Row(**{field.name: READERS[field.type](csv_text(values[field.name])) for field in fields(Row)})  # type: ignore[arg-type]
    except (KeyError, ValueError):
        return None


def mean_interval(rows: Iterable[Row]) -> Interval:
    """The mean test accuracy over seeds with Student's 95 % interval; of a single run its own interval."""
    runs = list(rows)
    if len(runs) == 1:
        return Interval(runs[0].test, runs[0].low, runs[0].high)
    return student([row.test for row in runs])


def paired(first: Mapping[int, Row], other: Mapping[int, Row]) -> Interval | None:
    """The gain of the first model over the other, by the seeds that both have; None for fewer than two."""
    seeds = sorted(first.keys() & other.keys())
    return student([first[seed].test - other[seed].test for seed in seeds]) if len(seeds) > 1 else None


def models_table(variants: Mapping[str, Mapping[int, Row]]) -> str:
    """The models of one name in Markdown: accuracies in percent, and the gain of the first over each other."""
    show, columns = Classification.metric.show, []
    every = [row for runs in variants.values() for row in runs.values()]
    for runs in variants.values():
        rows = list(runs.values())
        interval = mean_interval(rows)
        cells = {
            "model": rows[0].model,
            "seeds": " ".join(map(str, sorted(runs))),
            "test accuracy %": show(interval.value),
            "95 % interval": ends(Classification.metric, interval, len(rows)),
        }
        for title, key in (("without copies %", "unseen"), ("validation %", "validation")):
            if any(getattr(row, key) is not None for row in every):
                known = [value for row in rows if (value := getattr(row, key)) is not None]
                cells[title] = show(statistics.mean(known) if known else None)
        columns.append(cells | {"parameters": f"{rows[0].parameters:,}"})
    first, *others = variants.values()
    gains = [
        f"{gain_in_words(Classification.metric, _model(first), _model(other), gain, len(first.keys() & other.keys()))}."
        for other in others
        if (gain := paired(first, other)) is not None
    ]
    return markdown(columns) + "".join(f"{line}\n" for line in (["", *gains] if gains else []))


def _model(runs: Mapping[int, Row]) -> str:
    return next(iter(runs.values())).model


def complete(table: StudyTable, names: Sequence[str], variants: Sequence[str]) -> dict[str, dict[str, float]]:
    """The mean test accuracy by name and variant, over the seeds that all of a name's variants have.

    Names that lack a variant, or a common seed, are left out.
    """
    found = {}
    for name in names:
        runs = table.of(name)
        if seeds := sorted(set.intersection(*(set(runs.get(variant, ())) for variant in variants))):
            found[name] = {v: statistics.mean(runs[v][seed].test for seed in seeds) for v in variants}
    return found
