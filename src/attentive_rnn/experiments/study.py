"""A study: recipes, changes of them and models, over data sets and seeds, into one table that grows run by run.

Input: a YAML file, and the table as far as it has come. Output: the rows that it lacks.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from ..data import Splits
from ..data.io.files import check_folder
from ..data.io.locks import each_once, held, remove_leftovers
from ..environment import DISTRIBUTION
from ..errors import ConfigError
from ..progress import Steps, steps
from ..tasks import task_for
from ..tasks.classification import Classification
from ..terminal import standard_error
from ..training.recipes import as_overrides, load_config, read_yaml, recipe_name
from .compare import prepare
from .fusion import Fused, fuse_runs
from .runner import Outcome, loaded_data, run_once
from .table import Key, Row, StudyTable
from .variants import ROLES, Variant


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

    def first(self, one: Entry | Fusion) -> Entry:
        """An entry itself, or the first one of a fusion, whose models and seeds it has."""
        return one if isinstance(one, Entry) else self.entry(one.of[0])

    def place(self, key: Key) -> tuple[int, ...]:
        """Where a row goes in the study's table: in the order of names, seeds and models, and then those of others."""
        name, model, seed = key
        if name not in self.names:
            return (len(self.names), 0, 0)
        both: list[Entry | Fusion] = [*self.entries, *self.fusions]
        entry = self.first(next(one for one in both if one.name == name))
        seeds, models = entry.seeds, entry.models[::-1]
        return (
            self.names.index(name),
            seeds.index(seed) if seed in seeds else len(seeds),
            models.index(model) if model in models else len(models),
        )


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
    it was, if its folder is still there. Any number of processes may run a study at once, on machines that share the
    folders of the table and of the runs: each run is trained by one of them, and those of a process that was killed
    are taken over by another.

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
    table.path.parent.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(study, table, data or Path(), output, tuple(overrides), console)
    table.place = study.place
    lacking = trainer.lacking(only, seeds)
    for one in _chosen(study, only):
        if not any(job.one is one for job in lacking):
            console.print(f"{one.name}: all in {table.path}", highlight=False, soft_wrap=True, markup=False)
    with steps("run", len(lacking), console) as trainer.counted:
        trainer.left = {job.key for job in lacking}
        for _ in each_once(lacking, trainer.work):
            pass
    table.settle()
    remove_leftovers(table.path.parent, below=False)
    for folder in {output / recipe_name(entry.recipe) for entry in study.entries}:
        remove_leftovers(folder)


def runs_to_come(
    study: Study,
    table: StudyTable,
    *,
    only: Sequence[str] = (),
    seeds: Sequence[int] = (),
    overrides: Sequence[tuple[str, str]] = (),
) -> list[Key]:
    """The rows that :func:`run_study` would add, in order.

    Args:
        study, table, only, seeds, overrides: as in :func:`run_study`.

    Raises:
        ConfigError: an unknown name.
    """
    trainer = _Trainer(study, table, Path(), Path(), tuple(overrides), standard_error())
    return [job.key for job in trainer.lacking(only, seeds)]


def _chosen(study: Study, only: Sequence[str]) -> list[Entry | Fusion]:
    """The entries, then the fusions, that are named; all where none are."""
    if unknown := next((name for name in only if name not in study.names), None):
        raise ConfigError(f"--only: the study has no {unknown!r}; there are {', '.join(study.names)}")
    both: list[Entry | Fusion] = [*study.entries, *study.fusions]
    return [one for one in both if not only or one.name in only]


@dataclass(frozen=True)
class _Job:
    """The work for one row."""

    one: Entry | Fusion
    model: str
    seed: int

    @property
    def key(self) -> Key:
        return self.one.name, self.model, self.seed


@dataclass(frozen=True)
class _Prepared:
    """An entry that is about to be trained: the folder of its comparison, its models by name, and its data."""

    folder: Path
    variants: dict[str, Variant]
    splits: Splits


class _Trainer:
    """What makes the rows of a study."""

    def __init__(
        self,
        study: Study,
        table: StudyTable,
        data: Path,
        output: Path,
        overrides: tuple[tuple[str, str], ...],
        console: Console,
    ) -> None:
        self.study, self.table, self.data, self.output = study, table, data, output
        self.overrides, self.console = overrides, console
        self.left: set[Key] = set()  # rows that were lacking at the beginning and are not there yet
        self.counted: Steps | None = None
        self._latest = ""  # entry or fusion, whose data are in memory
        self._data = loaded_data()
        self._prepared: dict[str, _Prepared] = {}

    def lacking(self, only: Sequence[str], seeds: Sequence[int]) -> list[_Job]:
        """The rows that are not in the table, in the order of the study; the plain models, which are faster, first."""
        jobs = [
            _Job(one, model, seed)
            for one in _chosen(self.study, only)
            for seed in seeds or self.study.first(one).seeds
            for model in self.study.first(one).models[::-1]
        ]
        return [job for job in jobs if not self._there(job)]

    def work(self, job: _Job) -> None:
        """Make a row that is not there yet."""
        self.table.read()
        if not self._there(job):
            with held(self.table.file_of(job.key)):
                self.table.read()  # its last holder may have made it
                if not self._there(job):
                    self._make(job)
        self.left.discard(job.key)

    def _there(self, job: _Job) -> bool:
        return self.table.holds(*job.key, job.one.command(job.model, job.seed, self.overrides))

    def _make(self, job: _Job) -> None:
        one = job.one
        if isinstance(one, Entry):
            self._run(one, job)
            return
        outcomes = []
        for name in one.of:
            with held(self.table.file_of((name, job.model, job.seed))):
                outcomes.append(self._run(self.study.entry(name), job))
        fused = fuse_runs([outcome.runs[0] for outcome in outcomes], one.weights, one.views)
        self.table.add(self._row(one, self.study.first(one).recipe, outcomes, fused))

    def _run(self, entry: Entry, job: _Job) -> Outcome:
        """The run of an entry for a row, with a row of its own."""
        if self._latest != job.one.name:
            self._latest, self._data, self._prepared = job.one.name, loaded_data(), {}
        if entry.name not in self._prepared:
            self._prepared[entry.name] = self._prepare(entry)
        found = self._prepared[entry.name]
        variant, splits = found.variants[job.model], found.splits
        announce = partial(self._announce, job, f"{entry.name}, {variant.title}, seed {job.seed}")
        config, name = replace(variant.config, seed=job.seed), variant.run_name(job.seed)
        run = run_once(config, found.folder, splits, self.console, name, announce)
        outcome = Outcome.of(variant, [job.seed], [run], task_for(splits.train.schema))
        if not self._there(_Job(entry, job.model, job.seed)):
            self.table.add(self._row(entry, entry.recipe, [outcome]))
        return outcome

    def _announce(self, job: _Job, name: str) -> None:
        """Say which run comes, how many of this study's are done by anyone, and who does others."""
        assert self.counted is not None
        self.left -= {key for key in self.left if key in self.table.rows}
        others = self.table.at_work(self.left - {job.key})
        words = "; ".join(f"{by}: {key[0]}, {key[1]}, seed {key[2]}" for key, by in sorted(others.items()))
        self.counted.begin(f"{name}  ({words})" if others else name, self.counted.total - len(self.left))

    def _prepare(self, entry: Entry) -> _Prepared:
        path = [] if entry.data is None else [("data.path", str(self.data / entry.data))]
        config = load_config(entry.recipe, [*path, *as_overrides(entry.changes), *self.overrides])
        if task_for(self._data(config).train.schema).metric is not Classification.metric:
            raise ConfigError(f"{entry.name}: a study is about classes, but a label of {entry.recipe} is none")
        folder, variants = prepare(config, self.output / recipe_name(entry.recipe), entry.models, self._data)
        return _Prepared(folder, {variant.name: variant for variant in variants}, self._data(config))

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
