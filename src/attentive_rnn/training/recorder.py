"""The record of a run's epochs: metrics.csv, TensorBoard's curves, the selected epoch, and the progress bar."""

from __future__ import annotations

import csv
import io
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch.utils.tensorboard import SummaryWriter

from ..data.io.files import write_file
from ..tasks import Metric
from .config import TrainingConfig
from .run_folder import RunFolder


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
            text = io.StringIO()
            writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
            write_file(self._written.metrics, text.getvalue().encode())


class ProgressBar:
    """A bar over the batches of each epoch and the scores so far; a line for each epoch where there is no terminal.

    Args:
        console: where to draw.
        title: the name of the run.
        batches: in an epoch.
        epochs: at most.
    """

    def __init__(self, console: Console, title: str, batches: int, epochs: int) -> None:
        self.console, self.title, self.batches, self.epochs = console, title, batches, epochs
        self._bar: Progress | None = None
        self._task: Any = None

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()

    def start_epoch(self, epoch: int) -> None:
        """Show an empty bar for an epoch (0, 1, ...)."""
        if self._bar is None and self.console.is_terminal:
            self.console.print(self.title, highlight=False, soft_wrap=True, markup=False)
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=12),
                TimeElapsedColumn(),
                TextColumn("{task.fields[scores]}"),
                console=self.console,
                refresh_per_second=4,
            )
            self._task = self._bar.add_task("", total=self.batches, scores="")
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._task, completed=0, description=f"epoch {epoch + 1}/{self.epochs}")

    def advance(self) -> None:
        """Count a batch."""
        if self._bar is not None:
            self._bar.advance(self._task)

    def end_epoch(self, row: dict[str, float], recorder: Recorder) -> None:
        """Show the scores of an epoch and those of the selected one."""
        best, column = recorder.best, recorder.metric.column
        scores = f"train {row[f'train_{column}']:.3g}"
        if f"valid_{column}" in row:
            scores += f"  valid {row[f'valid_{column}']:.3g}"
            if recorder.training.select == "best":
                scores += f"  best {best[f'valid_{column}']:.3g} at {best['epoch']:.0f}"
        if self._bar is not None:
            self._bar.update(self._task, scores=scores)
        else:
            epochs = f"{self.title}  epoch {row['epoch']:.0f}/{self.epochs}"
            self.console.print(
                f"{epochs}  {row['seconds']:.2f} s  {scores}", highlight=False, soft_wrap=True, markup=False
            )
