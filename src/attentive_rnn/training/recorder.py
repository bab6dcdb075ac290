"""The record of a run's epochs: metrics.csv, TensorBoard's curves, the selected epoch, hooks, and the progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Protocol

import numpy as np
from rich.console import Console
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from ..data.io.files import write_csv
from ..errors import ConfigError
from ..progress import Bar
from ..tasks import Metric
from .config import TrainingConfig
from .run_folder import RunFolder

Callback = Callable[[dict[str, float]], bool | None]  # takes the row of an epoch; True ends the training


class Logger(Protocol):
    """A logger of Lightning: of lightning_fabric.loggers or lightning.pytorch.loggers."""

    def log_hyperparams(self, params: dict[str, Any]) -> Any:
        """Take the configuration of the run."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> Any:
        """Take the row of an epoch, whose number is the step."""

    def finalize(self, status: str) -> Any:
        """Close what is open; the status is "success" or "failed"."""


class Recorder:
    """The rows of the epochs so far, written to metrics.csv and as curves to the folder tensorboard/.

    The best epoch has the best validation metric, and among equals the lowest validation loss. When it lies
    `training.patience` epochs back, training stops. With `training.select` last it is the last one, and none stops.
    All of it is a function of the rows, which every checkpoint holds: a run that was killed between two files is set
    right when it goes on.

    Args:
        folder: of the run; None: nothing is written.
        training: of its configuration.
        metric: by which its epochs are judged.
        rows: of the epochs that the run goes on from.
        writes: whether this process writes the files; of several processes one does, and the others come to the same
            decisions.
    """

    def __init__(
        self,
        folder: RunFolder | None,
        training: TrainingConfig,
        metric: Metric,
        rows: list[dict[str, float]],
        writes: bool = True,
    ) -> None:
        self.folder, self.training, self.metric, self.rows = folder, training, metric, rows
        self._written = folder if writes else None
        self._curves: SummaryWriter | None = None
        if rows:
            self._write_rows()

    @property
    def best(self) -> dict[str, float]:
        """The row of the selected epoch."""
        if self.training.select == "last":
            return self.rows[-1]
        column = f"valid_{self.metric.column}"
        return max(self.rows, key=lambda row: (self.metric.better(row[column]), -row["valid_loss"]))

    @property
    def exhausted(self) -> bool:
        """Whether the selected epoch lies so far back that training stops."""
        return bool(self.rows) and self.rows[-1]["epoch"] - self.best["epoch"] >= self.training.patience

    def add(self, row: dict[str, float]) -> None:
        """Take the row of an epoch to the others and to the curves."""
        self.rows.append(row)
        if self._written is not None:
            epoch = int(row["epoch"])
            if self._curves is None:
                # The points of later epochs, which a killed run may have left, are hidden.
                self._curves = SummaryWriter(str(self._written.tensorboard), purge_step=epoch)
            for name in list(row)[1:]:
                part, _, quantity = name.partition("_")
                self._curves.add_scalar(f"{quantity}/{part}" if quantity else name, row[name], epoch)
            self._curves.flush()
        self._write_rows()

    def close(self) -> None:
        """Close the file of the curves."""
        if self._curves is not None:
            self._curves.close()

    def _write_rows(self) -> None:
        if self._written is not None:
            names = list(self.rows[0])
            write_csv(self._written.metrics, names, ([row[name] for name in names] for row in self.rows))


class Hooks(NamedTuple):
    """What a user has told of each epoch beside the files of the run; see :func:`attentive_rnn.training.train`."""

    callbacks: Sequence[Callback] = ()
    loggers: Sequence[Logger] = ()

    @contextmanager
    def open(self, configuration: dict[str, Any]) -> Iterator[None]:
        """Give the loggers the configuration, and at the end the word whether training has ended well."""
        for logger in self.loggers:
            with suppress(NotImplementedError):  # Fabric's CSVLogger takes none
                logger.log_hyperparams(configuration)
        status = "failed"
        try:
            yield
            status = "success"
        finally:
            for logger in self.loggers:
                logger.finalize(status)

    def tell(self, row: dict[str, float]) -> bool:
        """Give the row of an epoch to all; whether a callback ends the training.

        Raises:
            ConfigError: a callback answers something else.
        """
        for logger in self.loggers:
            logger.log_metrics(dict(row), int(row["epoch"]))
        answers = [callback(dict(row)) for callback in self.callbacks]
        for answer in answers:
            if answer is not None and not isinstance(answer, bool | np.bool_):
                raise ConfigError(f"a callback answers True to end the training, False or None, got {answer!r}")
        return any(answers)


class ProgressBar:
    """A bar over the batches of all epochs, with the loss and the scores so far.

    Without a terminal it is a line for the first epoch, one after every tenth of all, and one for the last.

    Args:
        console: where to draw.
        title: the name of the run.
        batches: in an epoch.
        epochs: at most.
    """

    def __init__(self, console: Console, title: str, batches: int, epochs: int) -> None:
        self.console, self.title, self.batches, self.epochs = console, title, batches, epochs
        self._bar: Bar | None = None
        self._scores, self._told = "", 0.0
        self._line, self._tenth = "", -1  # a line that was not written, and when one was

    def close(self) -> None:
        """Leave the bar as it is; without a terminal, write what is known of the last epoch."""
        self._write(self._line)
        if self._bar is not None:
            self._bar.close()

    def start_epoch(self, epoch: int, batch: int = 0) -> None:
        """Show where an epoch (0, 1, ...) begins, or goes on."""
        if self._bar is None and self.console.is_terminal:
            self.console.print(self.title, highlight=False, soft_wrap=True, markup=False)
        title = f"epoch {epoch + 1}/{self.epochs}" if self.console.is_terminal else self.title
        self._bar = self._bar or Bar(self.console, title, self.batches * self.epochs)
        self._bar.update(epoch * self.batches + batch, title=title)

    def advance(self, sums: Tensor, items: int) -> None:
        """Count a batch.

        Args:
            sums: of loss and metric over the epoch so far; read once a second, since a GPU has to be waited for.
            items: how many they are of.
        """
        if self._bar is None:
            return
        if (now := time.monotonic()) - self._told >= 1:
            self._told = now
            self._bar.update(note=f"loss {sums[0].item() / items:.3g}  {self._scores}")
        self._bar.advance()

    def end_epoch(self, row: dict[str, float], recorder: Recorder) -> None:
        """Show the scores of an epoch and those of the selected one."""
        best, column = recorder.best, recorder.metric.column
        scores = f"train {row[f'train_{column}']:.3g}"
        if f"valid_{column}" in row:
            scores += f"  valid {row[f'valid_{column}']:.3g}"
            if recorder.training.select == "best":
                scores += f"  best {best[f'valid_{column}']:.3g} at {best['epoch']:.0f}"
        self._scores = scores
        if self.console.is_terminal and self._bar is not None:
            loss = f"loss {row['train_loss']:.3g}  " if "train_loss" in row else ""
            self._bar.update(note=f"{loss}{scores}")
        else:
            self._line = f"{self.title}  epoch {row['epoch']:.0f}/{self.epochs}  {row['seconds']:.2f} s  {scores}"
            tenth = int(10 * row["epoch"] / self.epochs)
            if tenth > self._tenth:
                self._tenth = tenth
                self._write(self._line)

    def _write(self, line: str) -> None:
        self._line = ""
        if line:
            self.console.print(line, highlight=False, soft_wrap=True, markup=False)
