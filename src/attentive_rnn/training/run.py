"""A training run from its configuration to its results: a new one, or one that was interrupted."""

from __future__ import annotations

import hashlib
import json
import shlex
import signal
import statistics
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rich.console import Console

from ..data import LabelledDataset, Schema, SequenceDataset, Splits, copies_in_train, fingerprint
from ..data.check.skeletons import summarise_skeletons
from ..data.io.files import write_file, write_json
from ..data.io.locks import remove_leftovers, tidy
from ..data.ranges import of_dataset
from ..environment import describe, require_one_process
from ..errors import ConfigError, MissingExtraError, installed
from ..ops.dispatch import BackendError
from ..tasks import Model, task_for
from ..terminal import go_on_with, standard_error, watches
from .config import Config
from .inputs import resumed_splits
from .recipes import difference
from .run_folder import RunFolder, create_run, list_runs
from .saved_model import DESCRIPTION, WEIGHTS, Reader, SavedModel, load_model, save_model
from .setup import Job, build_model, device_of, load_splits, make_job, training_parts
from .transfer import starting_model

if TYPE_CHECKING:
    from .processes.group import Group
    from .recorder import Callback, Hooks, Logger, Recorder

_MEASURED = 200  # sequences, at most, that tell the axis that points up


def train(
    config: Config,
    parent: str | Path,
    *,
    name: str | None = None,
    console: Console | None = None,
    splits: Splits | None = None,
    words: str = "",
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
) -> RunFolder:
    """Train from the start, in a new folder, to the end: model/ and results.json are there when this returns.

    Args:
        config: data, model and training; see :func:`load_config`.
        parent: the folder for the run's folder.
        name: of the run's folder; None: the time.
        console: where progress goes; None: the standard error.
        splits: the data, if they are loaded already; None: they are loaded as config.data says.
        words: a line that is printed where nothing keeps the training from its beginning.
        callbacks: functions that are called after each epoch with its row of metrics.csv, such as {"epoch": 1.0,
            "train_loss": ...}. One that returns True ends the training, and the selected epoch so far is tested; an
            error that one raises ends it at once, and :func:`resume` can go on.
        loggers: of Lightning, such as its CSVLogger, which are given the configuration and each row.

    Each process of torchrun or SLURM calls this alike, and gets the same folder, which process 0 writes; the callbacks
    and loggers of process 0 are told of the epochs. The folder has to be on a disk that all of them see.

    Raises:
        ConfigError, DataError: the configuration or the data cannot be used; process 0 says so for all, and the others
            raise ToldError.
        MissingExtraError: Lightning Fabric or TensorBoard is not installed.

    Example:
        >>> import tempfile
        >>> from attentive_rnn.training import load_config
        >>> config = load_config("basic-motions", [("training.max_epochs", "1"), ("model.hidden_size", "4")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = train(config, folder, console=Console(quiet=True))
        ...     run.read_results()["test"]["count"]
        40
    """
    require_extra()
    from .processes.joined import joined
    from .recorder import Hooks

    with joined() as group:
        device, console = _device_in(group, config), console or standard_error()
        splits = load_splits(config, console) if splits is None else splits
        run = group.first(lambda: begin(config, Path(parent), splits, name))
        if words and group.rank == 0:
            console.print(words, highlight=False, soft_wrap=True, markup=False)
        return _complete(run, config, splits, device, console, Hooks(callbacks, loggers), group)


def begin(config: Config, parent: Path, splits: Splits, name: str | None = None) -> RunFolder:
    """The folder of a run that :func:`resume` trains; it has only a configuration, which has been tried on the data.

    Args:
        config, parent, splits, name: as in :func:`train`.

    Raises:
        ConfigError, DataError: the configuration cannot be used, or the name is taken.
    """
    starting_model(config, splits.train.schema)
    return create_run(config, parent, name)


def train_in_memory(config: Config, train: LabelledDataset, *, console: Console | None = None) -> SavedModel:
    """Train as :func:`train` does, but without a folder: nothing is written and nothing tested.

    Args:
        config: model and training; its data section says how the sequences are prepared, not where they are.
        train: the sequences, of which data.valid_fraction is held out. A weight in the loss is ``meta[WEIGHT]``.
        console: where progress goes; None: the standard error.

    Raises:
        ConfigError, DataError, MissingExtraError: as for :func:`train`; or there are several devices.
    """
    require_extra()
    require_one_process()
    if config.devices != 1:
        raise ConfigError(f"devices must be 1 without the folder of a run, got {config.devices}")
    from .loop import fit

    splits = Splits(train, train.subset([]))
    job = make_job(config, splits, starting_model(config, train.schema)[0], device_of(config))
    try:
        fit(None, job, console or standard_error())
    except BackendError as error:
        raise ConfigError(f"model.backend: {error}") from error
    return _saved(job, splits)


def resume(
    run: RunFolder,
    *,
    console: Console | None = None,
    splits: Splits | None = None,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
) -> RunFolder:
    """Continue an interrupted run from its last checkpoint; the result is that of a run never interrupted.

    A run that is finished is left as it is, without what a killed process left in its folder.

    Args:
        run: the folder of the run.
        console, splits, callbacks, loggers: as in :func:`train`.

    Raises:
        ConfigError: its checkpoints are damaged, or another process trains it.
    """
    if run.finished:
        tidy(run.path)
        return run
    require_extra()
    from .processes.joined import joined
    from .recorder import Hooks

    with joined() as group:
        config, console = run.read_config(), console or standard_error()
        device = _device_in(group, config)
        splits = load_splits(config, console) if splits is None else splits
        return _complete(run, config, splits, device, console, Hooks(callbacks, loggers), group)


def find_resumable(config: Config, parent: Path) -> RunFolder | None:
    """The run in a folder that a configuration continues.

    It is the newest interrupted run of the same configuration; without one, the newest finished run of the same
    configuration; None if there is neither, and no interrupted run at all.

    Raises:
        ConfigError: there are interrupted runs, but all of other configurations; the message names the first key
            that differs from the newest of them.
    """
    remove_leftovers(parent, below=False)
    runs = list_runs(parent)
    interrupted = [run for run in runs if not run.finished]
    for run in interrupted:
        if difference(config, run.read_config()) is None:
            return run
    if interrupted:
        require_same(config, interrupted[0])
    return next((run for run in runs if difference(config, run.read_config()) is None), None)


def require_same(config: Config, run: RunFolder) -> None:
    """Raise ConfigError, naming the key, if a run was not started with this configuration; its data may have moved."""
    began = run.read_config()
    if began.data.path is not None and not Path(began.data.path).exists():
        began.data.path = config.data.path
    differs = difference(config, began)
    if differs is not None:
        same = shlex.join(["attentive", "train", "--resume", str(run.path)])
        raise ConfigError(f"cannot resume {run.path}: {differs}; to go on as it began: {same}")


def path_of_newest(parent: Path) -> str | None:
    """The path of the data of the newest interrupted run in a folder, or None."""
    return next((run.read_config().data.path for run in list_runs(parent) if not run.finished), None)


def require_extra() -> None:
    """Raise MissingExtraError if a package that training needs is not installed."""
    for package in ("lightning_fabric", "tensorboard"):
        if not installed(package):
            raise MissingExtraError(f"training needs {package}: pip install 'attentive-rnn[train]'")


def _device_in(group: Group, config: Config) -> torch.device:
    """The device of this process, of a group or by itself; ConfigError if a configuration has no place in the group."""
    if group.size == 1:
        return device_of(config)
    if config.devices > 1:
        raise ConfigError(f"devices must be 1 in the {group.size} processes of {group.launcher}, got {config.devices}")
    replace(config, devices=group.size).check()
    bound = group.launcher == "SLURM" and torch.cuda.device_count() == 1  # each task sees a GPU of its own only
    return device_of(config, group.local_rank, 1 if bound else group.local_size)


def _complete(
    run: RunFolder,
    config: Config,
    splits: Splits,
    device: torch.device,
    console: Console,
    hooks: Hooks,
    group: Group,
) -> RunFolder:
    """Bring a run from where it is to its end, while no other process does but those of the group."""
    # Late: Lightning Fabric takes seconds to import, and most commands train nothing.
    from .loop import fit
    from .processes.launch import other_processes

    command = shlex.join(["attentive", "train", "--resume", str(run.path)])
    go_on_with(command)
    if group.size > 1:
        config = replace(config, devices=group.size)
    if group.rank > 0:
        if group.first(lambda: run.finished):
            return run
        group.wait()  # until process 0 has written what the run began with
        if not run.config.exists():
            raise ConfigError(f"{run.path}: process {group.rank} sees no such run: all machines must share this disk")
        splits = resumed_splits(run, splits)
        job = make_job(config, splits, build_model(config, splits.train.schema), device)
        fit(run, job, console, group=group)
        return run
    if config.devices > 1 and device.type == "cpu":
        words = f"{config.devices} processes on this processor, each with its share of every batch"
        if group.size > 1:
            words = f"{config.devices} processes of {group.launcher} on processors, each with its share of every batch"
        console.print(f"no GPU is used: devices {config.devices} are {words}", highlight=False, soft_wrap=True)
    with run.locked(), _terminated_by_exception():
        if group.first(lambda: run.finished):
            return run
        remove_leftovers(run.path)
        splits = _same_data(run, splits)
        _write_environment(run, str(device), splits, config.devices)
        group.wait()
        job = make_job(config, splits, _starting_model(run, config, splits, console), device)
        try:
            with other_processes(run.path, 1 if group.size > 1 else config.devices):
                epochs = fit(run, job, console, hooks, group)
            save_model(run.model, _saved(job, splits))
            write_json(run.results, _results(run, job, splits, epochs))
        except BackendError as error:
            raise ConfigError(f"model.backend: {error}") from error
        except (KeyboardInterrupt, SystemExit) as end:
            if isinstance(end, SystemExit) or not watches():  # a command says it itself
                console.print(f"interrupted; go on with: {command}", highlight=False, soft_wrap=True, markup=False)
            raise
    return run


def _saved(job: Job, splits: Splits) -> SavedModel:
    """The trained model, with what the data that it is used on are checked against."""
    config, train = job.config, splits.train
    reader = None if config.data.source is None else Reader(config.data.source, config.data.options)
    bound = config.training.max_frames_per_batch
    return SavedModel(job.model, _measured(train), job.preprocessing, reader, of_dataset(train), bound)


def _measured(train: LabelledDataset) -> Schema:
    """The schema of training data, with the axis that points up and the metres that skeletons seem to be in.

    Data of another layout, or of pictures, are turned and measured by them; see :func:`attentive_rnn.data.match`.
    """
    schema = train.schema
    if not isinstance(train, SequenceDataset) or schema.layout is None or len(schema.shape) != 3:
        return schema
    some = train.subset(range(0, len(train), -(-len(train) // _MEASURED)))
    summary = summarise_skeletons(some)
    assert summary is not None
    units = "metres" if summary.unit == "metres" else None
    return replace(schema, up=schema.upward or summary.up, units=schema.measured or units)


@contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """With SIGTERM as SystemExit of its status, 143, so that files are closed and other processes ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _starting_model(run: RunFolder, config: Config, splits: Splits, console: Console) -> Model:
    """The model before its training; the weights of a run that goes on are in its checkpoint."""
    if run.best.exists() or run.last.exists():
        return build_model(config, splits.train.schema)
    model, transfer = starting_model(config, splits.train.schema)
    if transfer is not None:
        console.print(str(transfer), highlight=False, soft_wrap=True, markup=False)
        write_json(run.transfer, asdict(transfer))
    return model


def _results(run: RunFolder, job: Job, splits: Splits, epochs: Recorder) -> dict[str, Any]:
    """The content of results.json; the test sequences are used here for the first time."""
    saved, config = load_model(run.model), job.config
    saved.model.to(job.device)
    task = task_for(saved.schema)
    metric, validation = task.metric, {}
    if "valid_loss" in epochs.best:
        validation[f"validation_{metric.name}"] = epochs.best[f"valid_{metric.column}"]
        validation["validation_loss"] = epochs.best["valid_loss"]
        validation["validation_count"] = len(job.valid)
        if saved.schema.target == "number":  # the spread of the errors, which they are compared with the test's by
            valid = training_parts(config, splits)[1]
            scores = task.score(saved.logits(valid, config.training.batch_size), np.asarray(valid.labels))
            validation["validation_mae"] = scores["mae"]
    values = {
        "test": test_scores(saved, splits, saved.logits(splits.test, config.training.batch_size)),
        "select": config.training.select,
        "best_epoch": int(epochs.best["epoch"]),
        **validation,
        "epochs": len(epochs.rows),
        "parameters": saved.model.num_parameters,
        "flops_per_step": saved.model.flops(1, 1),
        "seconds_per_epoch": statistics.median(row["seconds"] for row in epochs.rows),
        "seconds": sum(row["seconds"] for row in epochs.rows),
        "loading_share": sum(row["loading"] for row in epochs.rows) / sum(row["seconds"] for row in epochs.rows),
    }
    return values | {"sha256": digests(run, values)}


def digests(run: RunFolder, results: Mapping[str, Any]) -> dict[str, str | None]:
    """The SHA-256 of each file that a finished run keeps as it is, and of its results without those; None: no file."""
    files = (run.model / WEIGHTS, run.model / DESCRIPTION, run.fingerprint, run.metrics, run.environment)
    found = {
        str(file.relative_to(run.path)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
        for file in files
    }
    text = json.dumps({key: value for key, value in results.items() if key != "sha256"}, sort_keys=True)
    return found | {run.results.name: hashlib.sha256(text.encode()).hexdigest()}


def test_scores(saved: SavedModel, splits: Splits, logits: np.ndarray) -> dict[str, Any]:
    """The scores of answers to the test sequences, with the names of the classes if there are some.

    Where test sequences are also among the training sequences, value for value, the scores without them are given
    too: only those are scores on unseen data.
    """
    labels = np.asarray(splits.test.labels)
    task = task_for(saved.schema)
    scores = task.score(logits, labels)
    if saved.schema.classes:
        scores["classes"] = list(saved.schema.classes)
    scores |= task.examine(saved.model, splits.test, logits)
    always = task.always(np.asarray(splits.train.labels), labels)
    if always is not None:
        scores["always"] = always
    copies = copies_in_train(splits)
    if copies.any() and not copies.all():
        scores["copies_in_train"] = int(copies.sum())
        scores["without_copies"] = task.score(logits[~copies], labels[~copies])
    return scores


def _same_data(run: RunFolder, splits: Splits) -> Splits:
    """The data in the parts and the order in which the run began; at its beginning their fingerprint is written.

    Raises:
        ConfigError: the frames, classes or sequences are no longer those that the run began with.
    """
    if not run.environment.exists():
        write_file(run.fingerprint, fingerprint.to_bytes(fingerprint.fingerprint(splits)))
        return splits
    now = splits.train.schema.to_dict()
    for key, was in (run.read_environment().get("schema") or {}).items():
        if now.get(key) != was:
            here_now, then = (shorten(str(one), 80) for one in (now.get(key), was))
            raise ConfigError(f"cannot resume {run.path}: the data have other {key}: {here_now} now, {then} then")
    return resumed_splits(run, splits)


def _write_environment(run: RunFolder, device: str, splits: Splits, processes: int) -> None:
    """env.json: where the run began and on which frames, and every place where it went on."""
    here = describe(device) | {"processes": processes}
    if not run.environment.exists():
        schema = splits.train.schema.to_dict()
        del schema["vocabulary"]  # is long
        write_json(run.environment, here | {"schema": schema})
        return
    began = run.read_environment()
    write_json(run.environment, began | {"resumed": [*began.get("resumed", []), here]})
