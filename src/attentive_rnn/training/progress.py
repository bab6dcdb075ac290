"""The progress of a run on the terminal. This module imports Lightning: import it late."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .lightning import ClassifierModule
from .recorder import Recorder


class ProgressBar(Checkpoint):  # a Checkpoint, since only those are called after the module has closed the epoch
    """A bar over the batches of each epoch and the scores so far; a line for each epoch where there is no terminal.

    Args:
        recorder: knows the epochs so far.
        console: where to draw.
        title: what is being trained.
    """

    def __init__(self, recorder: Recorder, console: Console, title: str) -> None:
        self.recorder = recorder
        self.console = console
        self.title = title
        self._bar: Progress | None = None
        self._task: Any = None

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self.console.is_terminal:
            self.console.print(self.title, highlight=False, soft_wrap=True)
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=12),
                TimeElapsedColumn(),
                TextColumn("{task.fields[scores]}"),
                console=self.console,
                refresh_per_second=4,
            )
            self._task = self._bar.add_task("", total=trainer.num_training_batches, scores="")
            self._bar.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self._bar is not None:
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            self._bar.update(self._task, completed=0, description=epoch)

    def on_train_batch_end(self, *arguments: Any) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, ClassifierModule)
        row, best, column = module.row, self.recorder.best, module.task.metric.column
        scores = f"train {row[f'train_{column}']:.3g}"
        if f"valid_{column}" in row:
            scores += f"  valid {row[f'valid_{column}']:.3g}"
            if self.recorder.training.select == "best":
                scores += f"  best {best[f'valid_{column}']:.3g} at {best['epoch']:.0f}"
        if self._bar is not None:
            self._bar.update(self._task, scores=scores)
        else:
            epochs = f"{self.title}  epoch {row['epoch']:.0f}/{trainer.max_epochs}"
            self.console.print(f"{epochs}  {row['seconds']:.2f} s  {scores}", highlight=False, soft_wrap=True)

    def teardown(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
