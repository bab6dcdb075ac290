"""The epochs of a run, by Lightning, which this module imports late: it takes seconds."""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from rich.console import Console

from ..errors import ConfigError, MissingExtraError
from .checkpoint import read_checkpoint
from .processes import Place, other_processes
from .run_folder import RunFolder
from .setup import Job

if TYPE_CHECKING:
    from .recorder import Recorder


class Fit(NamedTuple):
    """The rows of all epochs, as in metrics.csv, and the one of the epoch that was selected."""

    rows: list[dict[str, float]]
    best: dict[str, float]


def require_lightning() -> None:
    """Raise MissingExtraError if what training needs is not installed."""
    for package in ("pytorch_lightning", "tensorboard"):
        if find_spec(package) is None:
            raise MissingExtraError(f"training needs {package}: pip install 'attentive-rnn[train]'")


def fit(run: RunFolder, job: Job, console: Console) -> Fit:
    """Train a run from its last checkpoint, if it has one, to its end; then its model has the selected epoch's weights.

    Args:
        run: where checkpoints and metrics are, and go.
        job: what is trained.
        console: where progress goes.

    Raises:
        ConfigError: both checkpoints are damaged, the loss became infinite, or a process of several died.
    """
    from .distributed import check_normalisation
    from .recorder import Recorder

    config, model = job.config, job.model
    recorder = Recorder(run, config.training, job.task.metric)
    if config.devices > 1:
        check_normalisation(model, job.device)
    start = starting_point(run, console)
    if start is not None:
        recorder.load_state_dict(read_checkpoint(start)["callbacks"][recorder.state_key])
        console.print(f"{run.path}: continuing after epoch {len(recorder.rows)}", highlight=False, soft_wrap=True)
    if not recorder.exhausted and len(recorder.rows) < config.training.max_epochs:
        with other_processes(run, config.devices, start) as place:
            train_epochs(recorder, job, console, place, start)
    weights = read_checkpoint(run.best)["state_dict"]
    model.load_state_dict({name.removeprefix("model."): tensor for name, tensor in weights.items()})
    return Fit(recorder.rows, recorder.best)


def train_epochs(recorder: Recorder, job: Job, console: Console, place: Place, start: Path | None) -> None:
    """This process's share of the epochs of a run; with several processes each calls it.

    Args:
        recorder: of the run; it keeps the rows and, in the first process, writes the files.
        job, console: as in :func:`fit`.
        place: which of the processes this one is.
        start: the checkpoint to go on from, if any.
    """
    import pytorch_lightning as pl

    from .distributed import EndAtOnce, OneMachine, group_closed
    from .lightning import ClassifierModule, SequenceDataModule
    from .progress import ProgressBar
    from .recorder import AtomicCheckpoints
    from .tensorboard import TensorBoard

    config, device = job.config, job.device
    run, gpus = recorder.folder, [device.index] if place.world == 1 else list(range(place.world))
    shown = [TensorBoard(run), recorder, ProgressBar(recorder, console, _title(run)), EndAtOnce()]
    with _quiet(), _deterministic(device), _plain_interrupts(), group_closed(place):
        trainer = pl.Trainer(
            accelerator=device.type,
            devices=gpus if device.type == "cuda" else place.world,
            strategy="auto" if place.world == 1 else "ddp",
            sync_batchnorm=place.world > 1,
            use_distributed_sampler=False,  # the data module's batches are shared out already
            precision=config.precision,
            max_epochs=config.training.max_epochs,
            gradient_clip_val=config.optim.clip_norm,
            callbacks=shown if place.rank == 0 else [recorder, EndAtOnce()],
            # Without the second plugin a job of a batch system would be taken for a part of many.
            plugins=[AtomicCheckpoints(), OneMachine(place)],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=1.0 if len(job.valid) else 0,
            default_root_dir=run.path,
        )
        data = SequenceDataModule(job.train, job.valid, config, place)
        trainer.fit(ClassifierModule(job.model, job.task, config), datamodule=data, ckpt_path=start)


def starting_point(run: RunFolder, console: Console) -> Path | None:
    """The checkpoint that a run goes on from: its last, or its best where the last is damaged; None at the start.

    Raises:
        ConfigError: neither can be used, or the best one, without which the run has no result, cannot.
    """
    if not run.last.exists() and not run.best.exists():
        return None
    read_checkpoint(run.best)
    try:
        read_checkpoint(run.last)
    except ConfigError as error:
        console.print(f"{error}; continuing from {run.best} instead", highlight=False, soft_wrap=True)
        return run.best
    return run.last


def _title(run: RunFolder) -> str:
    return f"{run.path.parent.name}/{run.path.name}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's remarks on the machine, its tips, and two warnings of its own making."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        # These two have no switch. A CPU was asked for; and Lightning calls a class of torch's that is to go.
        warnings.filterwarnings("ignore", message="GPU available but not used")
        warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """With torch's deterministic algorithms, so that a resumed run ends with the same bits."""
    switches: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), switches.fill_uninitialized_memory
    if device.type == "cuda":
        # cuBLAS reads it when it starts; without it torch refuses to be deterministic.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    switches.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        switches.fill_uninitialized_memory = before[1]


@contextmanager
def _plain_interrupts() -> Iterator[None]:
    """With Ctrl-C as a KeyboardInterrupt and SIGTERM as exit status 143: Lightning makes statuses 1 and 0 of them."""
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    try:
        yield
    except SIGTERMException as error:
        raise SystemExit(128 + signal.SIGTERM) from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
