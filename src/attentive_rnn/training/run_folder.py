"""The folder of a run: RECIPE/TIME/ with everything that the run reads and writes.

config.yaml               the configuration, complete
env.json                  versions, hardware, date and command
fingerprint.json.gz       name, label and digest of every sequence of the data, part by part
transfer.json             the weights taken over from another run, if it started from one
metrics.csv               a row for each epoch
checkpoints/{best,last}.ckpt
model/                    model.safetensors and config.json: the best epoch's model
results.json              written last: the run is finished
baselines.json            what simple methods reach on the same split, by `attentive train --baseline`
report.html               all of it in one page, by `attentive train` and `attentive report`
explain/                  pictures of attention, by `attentive explain`
tensorboard/
"""

from __future__ import annotations

import csv
import os
import shutil
import time
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.io.files import existing, read_json, write_file
from ..data.io.locks import held, remove_leftovers, temporary_folder
from ..data.registry import carried_options, get_source, recognise
from ..errors import ConfigError, DataError, DataWarning
from .config import Config, DataConfig
from .recipes import read_config, sealed, to_yaml
from .results import checked

PARTS_BY = ("test_fraction", "seed", "split")  # options of readers that say what is the test part


class _Entry:
    """A file or folder at a fixed place in the folder of a run: ``run.config`` is its path."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    def __get__(self, run: RunFolder, owner: type[RunFolder]) -> Path:
        return run.path.joinpath(*self.parts)


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run's files."""

    path: Path

    config = _Entry("config.yaml")
    environment = _Entry("env.json")
    fingerprint = _Entry("fingerprint.json.gz")
    transfer = _Entry("transfer.json")
    metrics = _Entry("metrics.csv")
    best = _Entry("checkpoints", "best.ckpt")
    last = _Entry("checkpoints", "last.ckpt")
    model = _Entry("model")
    results = _Entry("results.json")
    baselines = _Entry("baselines.json")
    report = _Entry("report.html")
    explain = _Entry("explain")
    tensorboard = _Entry("tensorboard")

    @property
    def finished(self) -> bool:
        return self.results.exists()

    def read_results(self) -> dict[str, Any]:
        """The content of results.json.

        Raises:
            ConfigError: the file is missing, damaged or was altered so that it says something else.
        """
        return checked(read_json(self.results), self.results)

    def read_environment(self) -> dict[str, Any]:
        """The content of env.json, which nothing depends on: a damaged one is warned of, and is empty."""
        kinds = {"date": str, "command": list, "hardware": dict, "versions": dict, "schema": dict, "resumed": list}
        try:
            values = read_json(self.environment)
            wrong = next((k for k, kind in kinds.items() if k in values and not isinstance(values[k], kind)), None)
            if wrong or not all(isinstance(one, dict) for one in values.get("resumed", [])):
                raise ConfigError(f"{self.environment}: {wrong or 'resumed'} is damaged")
        except ConfigError as error:
            warnings.warn(f"{error}; what it said of the run's environment is lost", DataWarning, stacklevel=2)
            return {}
        return values

    def read_config(self, data: str | None = None, options: Mapping[str, Any] | None = None) -> Config:
        """The configuration of the run; of the data it may say another path and further options of the reader.

        Where another reader than that of the training reads the path, it has those options of the training that hold
        for it too; see :func:`attentive_rnn.data.registry.carried_options`.

        Raises:
            ConfigError: the configuration is damaged, or an option would divide the data otherwise than in training.
            DataError: there is nothing at the path.
        """
        config = read_config(self.config)
        for key, value in (options or {}).items():
            if key in PARTS_BY and value != config.data.options.get(key):
                raise ConfigError(f"{self.path}: --option {key}: the parts of the data are those of the training")
        if data is not None:
            config.data.path = data
            _choose_reader(config.data, existing(data))
        config.data.options = {**config.data.options, **(options or {})}
        return config

    def locked(self) -> AbstractContextManager[None]:
        """Hold the run for this process; see :func:`attentive_rnn.data.io.locks.held`."""
        return held(self.path)


def _choose_reader(data: DataConfig, path: Path) -> None:
    """Put the reader of a path in the place of one that does not know it, with the options that hold for it."""
    if data.source is None or get_source(data.source).recognise(path):
        return
    with suppress(DataError):  # known to no reader: that of the training says what is wrong
        source = recognise(path, data.options)
        data.options = carried_options(data.options, data.source, source.load, source.name)
        data.source = source.name


def create_run(config: Config, parent: Path, name: str | None = None) -> RunFolder:
    """Make the folder of a new run, named by the time or as given; see :func:`create_folder`."""
    return RunFolder(create_folder(config, parent, "config.yaml", name=name))


def create_folder(config: Config, parent: Path, file: str, prefix: str = "", name: str | None = None) -> Path:
    """Make a folder that holds a configuration, in one step, and never one that is there already.

    Args:
        config: the configuration.
        parent: the folder for the new one.
        file: the name of the configuration's file.
        prefix: put before the time in the folder's name; where two are made in a second, a number follows.
        name: the folder's whole name instead.

    Raises:
        ConfigError: the folder cannot be made, or the name is taken.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(parent, below=False)
        draft = temporary_folder(parent)
        draft.chmod(parent.stat().st_mode & 0o777)
    except OSError as error:
        raise ConfigError(f"{parent}: no run folder can be made here: {error.strerror or error}") from error
    try:
        write_file(draft / file, sealed(to_yaml(config)).encode())
        stamp = prefix + time.strftime("%Y-%m-%d_%H-%M-%S")
        names = [name] if name is not None else [stamp, *(f"{stamp}-{number}" for number in range(2, 1000))]
        for candidate in names:
            # Renaming a folder onto one that holds files fails, so that only one process gets a name.
            with suppress(OSError):
                os.rename(draft, parent / candidate)
                return parent / candidate
        raise ConfigError(f"{parent / names[0]}: there is such a folder already")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read_rows(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv.

    Raises:
        ConfigError: the file is missing or damaged.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def list_runs(parent: Path) -> list[RunFolder]:
    """The runs in a folder, the newest first."""
    if not parent.is_dir():
        return []
    runs = [RunFolder(p) for p in parent.iterdir() if not p.name.startswith(".") and (p / "config.yaml").is_file()]
    return sorted(runs, key=lambda run: _order(run.path.name), reverse=True)


def open_run(path: str | Path) -> RunFolder:
    """The run in a folder.

    Raises:
        ConfigError: there is no such folder, or it is none of a run.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise ConfigError(f"{path}: there is no such run folder")
    if not (path / "config.yaml").is_file():
        runs = list_runs(path)
        hint = f"; the newest run in it is {runs[0].path}" if runs else ""
        raise ConfigError(f"{path}: is not a run folder: it has no config.yaml{hint}")
    return RunFolder(path)


def _order(name: str) -> tuple[str, int]:
    """A run's place in time: its time, then its number among the runs of that second."""
    stamp, number = name[:19], name[20:]
    return stamp, int(number) if number.isdigit() else 1
