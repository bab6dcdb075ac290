"""A study: recipes, changes of them and models, over data sets and seeds, into one table that grows run by run."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from ..data.io.files import check_folder
from ..data.io.locks import remove_leftovers, tidy
from ..environment import DISTRIBUTION
from ..errors import ConfigError
from ..progress import steps
from ..tasks.classification import Classification
from ..terminal import standard_error
from ..training.recipes import as_overrides, load_config, read_yaml, recipe_name
from .compare import compare
from .fusion import Fused, fuse_runs
from .runner import Outcome
from .table import Row, StudyTable
from .variants import ROLES


@dataclass(frozen=True)
class Entry:
    """One comparison of a study.

    Args:
        name: what the table calls it.
        recipe: name or path of a recipe.
        data: path of its data below the study's folder of data; None for data of the package.
        changes: keys that the recipe is changed by, and their values.
        seeds: different seeds, a run of each model for each.
        models: names as :func:`variants.named` takes them.
    """

    name: str
    recipe: str
    data: str | None
    changes: dict[str, Any]
    seeds: tuple[int, ...]
    models: tuple[str, ...] = ROLES

    def command(self, model: str, seed: int, overrides: Iterable[tuple[str, str]] = ()) -> str:
        """The command that trains one of its models with a seed."""
        parts = ["attentive", "compare", self.recipe, *([] if self.data is None else ["--data", self.data])]
        for key, value in (*as_overrides(self.changes), *overrides):
            parts += [f"--{key}", value]
        return shlex.join([*parts, "--models", model, "--seeds", str(seed)])


@dataclass(frozen=True)
class Fusion:
    """The models of several entries answering together, variant by variant and seed by seed, to one or several views.

    Args:
        name: what the table calls it.
        of: names of entries with the same data, models and seeds; one is enough for several views.
        weights: of each; None: all alike.
        views: of each test sequence, over which every model averages.
    """

    name: str
    of: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    views: int = 1

    def command(self, model: str, seed: int, overrides: Iterable[tuple[str, str]] = ()) -> str:
        """The command, with STUDY for the file, that trains the models of a seed and fuses them, all alike."""
        changes = [part for key, value in overrides for part in (f"--{key}", value)]
        return shlex.join(["attentive", "study", "STUDY", "--only", self.name, "--seeds", str(seed), *changes])


@dataclass(frozen=True)
class Study:
    """The entries and fusions of a file."""

    entries: tuple[Entry, ...]
    fusions: tuple[Fusion, ...]

    @property
    def names(self) -> list[str]:
        """Of all entries and fusions."""
        return [*(entry.name for entry in self.entries), *(fusion.name for fusion in self.fusions)]

    def entry(self, name: str) -> Entry:
        """The entry of a name."""
        return next(entry for entry in self.entries if entry.name == name)


def read_study(path: Path) -> Study:
    """The study in a YAML file.

    ``seeds`` and ``models`` are those of every run that names none; ``runs`` is a list with the keys ``name``,
    ``recipe``, ``data``, ``set`` (changes), ``seeds`` and ``models``; ``fused`` one with ``name``, ``of``,
    ``weights`` and ``views``.

    Raises:
        ConfigError: the file is missing, not YAML, or a key or value in it is none of a study; the message names it.
    """
    values = read_yaml(path)
    _only(values, {"seeds", "models", "runs", "fused"}, str(path))
    common = {"seeds": [0], "models": list(ROLES), "data": None, "set": {}} | {
        key: values[key] for key in ("seeds", "models") if key in values
    }
    entries = [_entry(common | run, f"{path}, run {number}") for number, run in _items(values, "runs", path)]
    fusions = [_fusion(one, entries, f"{path}, fused {number}") for number, one in _items(values, "fused", path)]
    study = Study(tuple(entries), tuple(fusions))
    if twice := next((name for name in study.names if study.names.count(name) > 1), None):
        raise ConfigError(f"{path}: the name {twice!r} is given twice")
    return study


def _entry(run: Mapping[str, Any], where: str) -> Entry:
    _only(run, {"name", "recipe", "data", "set", "seeds", "models"}, where)
    for key, kind, words in (("seeds", int, "integers"), ("models", str, "names")):
        if not isinstance(run[key], list) or not all(type(one) is kind for one in run[key]):
            raise ConfigError(f"{where}: {key} must be a list of {words}")
    if not isinstance(run["set"], dict):
        raise ConfigError(f"{where}: set must hold keys of a recipe, such as model.gate: null")
    name, recipe = _text(run, "name", where), _text(run, "recipe", where)
    data = None if run["data"] is None else _text(run, "data", where)
    return Entry(name, recipe, data, run["set"], tuple(run["seeds"]), tuple(run["models"]))


def _fusion(fused: Mapping[str, Any], entries: Sequence[Entry], where: str) -> Fusion:
    _only(fused, {"name", "of", "weights", "views"}, where)
    known, of, views = [entry.name for entry in entries], fused.get("of"), fused.get("views", 1)
    if type(views) is not int or views < 1:
        raise ConfigError(f"{where}: views must be a whole number from 1 on, got {views!r}")
    least, few = (2, "two or more names of runs") if views == 1 else (1, "names of runs")
    if not isinstance(of, list) or len(of) < least or any(one not in known for one in of):
        raise ConfigError(f"{where}: of must be a list of {few}: {', '.join(known)}")
    if len({entry.models for entry in entries if entry.name in of}) > 1:
        raise ConfigError(f"{where}: the runs {', '.join(of)} must have the same models")
    weights = fused.get("weights")
    numbers = isinstance(weights, list) and all(type(one) in (int, float) for one in weights)
    if weights is not None and not (numbers and len(weights) == len(of)):
        raise ConfigError(f"{where}: weights must be a list of {len(of)} numbers, one for each run")
    return Fusion(_text(fused, "name", where), tuple(of), None if weights is None else tuple(weights), views)


def _items(values: Mapping[str, Any], key: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The numbered elements of a list of the file."""
    given = values.get(key, [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ConfigError(f"{path}: {key} must be a list, each with the keys of one")
    return enumerate(given, 1)


def _only(values: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := next((key for key in values if key not in known), None):
        raise ConfigError(f"{where}: unknown key {unknown!r}; there are {', '.join(sorted(known))}")


def _text(values: Mapping[str, Any], key: str, where: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{where}: {key} must be a text")
    return value


def run_study(
    study: Study,
    table: StudyTable,
    *,
    data: Path | None = None,
    output: Path = Path("runs"),
    only: Sequence[str] = (),
    seeds: Sequence[int] = (),
    overrides: Sequence[tuple[str, str]] = (),
    console: Console | None = None,
) -> None:
    """Train what the table lacks, in the study's order, and add a row as soon as a run ends.

    A run whose row, made by the same command, is in the table is not repeated; one that was interrupted goes on where
    it was, if its folder is still there.

    Args:
        study: what to train.
        table: where the rows are, and go.
        data: the folder that the entries' paths start from; None: the current one.
        output: the folder for the folders of runs, as in `attentive compare`.
        only: names of entries and fusions; none: all.
        seeds: instead of the entries' own.
        overrides: pairs of a dotted key and its value as text, stronger than the entries' changes.
        console: where progress goes; None: the standard error.

    Raises:
        ConfigError: an unknown name, or what :func:`compare.compare` raises.
    """
    console = console or standard_error()
    check_folder(table.path.parent)
    tidy(table.path)
    trainer = _Trainer(table, data or Path(), output, tuple(overrides), console)
    chosen = _chosen(study, only)
    with steps("run", len(_runs(trainer, chosen, study, seeds)), console):
        for one in chosen:
            if isinstance(one, Entry):
                trainer.train(one, seeds or one.seeds)
            else:
                trainer.fuse(one, [study.entry(name) for name in one.of], seeds)


def runs_to_come(
    study: Study,
    table: StudyTable,
    *,
    only: Sequence[str] = (),
    seeds: Sequence[int] = (),
    overrides: Sequence[tuple[str, str]] = (),
) -> list[tuple[str, str, int]]:
    """The runs that :func:`run_study` would train or take over, in order: name of the entry, model and seed.

    Args:
        study, table, only, seeds, overrides: as in :func:`run_study`.

    Raises:
        ConfigError: an unknown name.
    """
    trainer = _Trainer(table, Path(), Path(), tuple(overrides), standard_error())
    return _runs(trainer, _chosen(study, only), study, seeds)


def _chosen(study: Study, only: Sequence[str]) -> list[Entry | Fusion]:
    """The entries, then the fusions, that are named; all where none are."""
    if unknown := next((name for name in only if name not in study.names), None):
        raise ConfigError(f"--only: the study has no {unknown!r}; there are {', '.join(study.names)}")
    both: list[Entry | Fusion] = [*study.entries, *study.fusions]
    return [one for one in both if not only or one.name in only]


def _runs(
    trainer: _Trainer, chosen: Sequence[Entry | Fusion], study: Study, seeds: Sequence[int]
) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    for one in chosen:
        if isinstance(one, Entry):
            lacking, wanted = trainer.lacking(one, seeds or one.seeds)
            found += [(one.name, model, seed) for seed in wanted for model in lacking.models[::-1]]
        else:
            entries = [study.entry(name) for name in one.of]
            wanted = trainer.lacking_fusions(one, entries[0], seeds)
            found += [(entry.name, model, s) for s in wanted for entry in entries for model in entry.models[::-1]]
    return found


@dataclass(frozen=True)
class _Trainer:
    table: StudyTable
    data: Path
    output: Path
    overrides: tuple[tuple[str, str], ...]
    console: Console

    def train(self, entry: Entry, seeds: Sequence[int]) -> None:
        """Add the rows of an entry."""
        lacking, wanted = self.lacking(entry, seeds)
        if wanted:
            self._compare(lacking, wanted)
        else:
            remove_leftovers(self.output / recipe_name(entry.recipe))
            self.console.print(f"{entry.name}: all in {self.table.path}", highlight=False, soft_wrap=True, markup=False)

    def lacking(self, entry: Entry, seeds: Sequence[int]) -> tuple[Entry, list[int]]:
        """An entry with those of its models that lack a row, and the seeds that lack one."""
        missing = [(model, seed) for seed in seeds for model in entry.models if not self._there(entry, model, seed)]
        models, wanted = ({one[part] for one in missing} for part in (0, 1))
        kept = replace(entry, models=tuple(model for model in entry.models if model in models))
        return kept, [seed for seed in seeds if seed in wanted]

    def lacking_fusions(self, fusion: Fusion, first: Entry, seeds: Sequence[int]) -> list[int]:
        """The seeds whose fusions lack a row."""
        wanted = seeds or first.seeds
        return [seed for seed in wanted if not all(self._there(fusion, model, seed) for model in first.models)]

    def fuse(self, fusion: Fusion, entries: Sequence[Entry], seeds: Sequence[int]) -> None:
        """Add the rows of a fusion; its runs are trained, or taken over, as those of its entries."""
        first = entries[0]
        for seed in self.lacking_fusions(fusion, first, seeds):
            for outcomes in zip(*(self._compare(entry, [seed]) for entry in entries), strict=True):
                fused = fuse_runs([outcome.runs[0] for outcome in outcomes], fusion.weights, fusion.views)
                self.table.add(self._row(fusion, first.recipe, outcomes, fused))

    def _there(self, one: Entry | Fusion, model: str, seed: int) -> bool:
        return self.table.holds(one.name, model, seed, one.command(model, seed, self.overrides))

    def _compare(self, entry: Entry, seeds: Sequence[int]) -> tuple[Outcome, ...]:
        def finished(outcome: Outcome) -> None:
            if outcome.task.metric is not Classification.metric:
                raise ConfigError(f"{entry.name}: a study is about classes, but a label of {entry.recipe} is none")
            self.table.add(self._row(entry, entry.recipe, [outcome]))

        path = [] if entry.data is None else [("data.path", str(self.data / entry.data))]
        config = load_config(entry.recipe, [*path, *as_overrides(entry.changes), *self.overrides])
        parent = self.output / recipe_name(entry.recipe)
        made = compare(config, parent, seeds, models=entry.models, finished=finished, console=self.console)
        return made.outcomes

    def _row(self, one: Entry | Fusion, recipe: str, outcomes: Sequence[Outcome], fused: Fused | None = None) -> Row:
        """The row of a run, or of runs whose models answer together."""
        first, results = outcomes[0], [outcome.results[0] for outcome in outcomes]
        accuracy, unseen, seconds = first.test_metric, first.unseen, sum(result["seconds"] for result in results)
        if fused is not None:
            accuracy, rest = fused.together.accuracy, fused.without_copies
            unseen = None if rest is None else rest.accuracy.value
        return Row(
            name=one.name,
            recipe=recipe,
            variant=first.variant.name,
            model=" + ".join(dict.fromkeys(outcome.variant.title for outcome in outcomes)),
            seed=first.seeds[0],
            parameters=sum(result["parameters"] for result in results),
            epochs=0 if fused else results[0]["epochs"],
            validation=None if fused else first.validation,
            test=accuracy.value,
            low=accuracy.low,
            high=accuracy.high,
            unseen=unseen,
            seconds=seconds if fused else round(seconds, 1),
            command=one.command(first.variant.name, first.seeds[0], self.overrides),
            version=version(DISTRIBUTION),
        )
