"""What a run leaves behind after each epoch. This module imports Lightning: import it late."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import CheckpointIO
from pytorch_lightning.callbacks import Checkpoint

from ..tasks import Metric
from .checkpoint import read_checkpoint
from .config import TrainingConfig
from .files import write_file
from .lightning import ClassifierModule
from .run_folder import RunFolder


class AtomicCheckpoints(CheckpointIO):
    """Write checkpoints so that a kill leaves the old one or the new one, and read nothing but plain values."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_file(Path(path), buffer.getvalue())

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


class Recorder(Checkpoint):
    """After each epoch: metrics.csv, best.ckpt if the epoch is the selected one so far, last.ckpt; and the early stop.

    The best epoch has the best validation metric, and among equals the lowest validation loss. When it lies
    `training.patience` epochs back, training stops. With `training.select` last it is the last one, and none stops.
    Everything written is a function of the rows so far, which last.ckpt holds: a run that was killed between
    two files writes the same ones again when it is resumed.

    Args:
        folder: of the run.
        training: what of the recipe says how the epoch is selected.
        metric: what an epoch is judged by.
        writes: whether it writes at all: of several processes one does, and the others come to the same decisions.
    """

    def __init__(self, folder: RunFolder, training: TrainingConfig, metric: Metric, writes: bool = True) -> None:
        self.folder = folder
        self.training = training
        self.metric = metric
        self.writes = writes
        self.rows: list[dict[str, float]] = []

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

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])
        self._write_rows()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, ClassifierModule)
        self.rows.append(dict(module.row))
        self._write_rows()
        # Every process of several has to call this; Lightning writes in the first.
        if self.best is self.rows[-1]:
            trainer.save_checkpoint(self.folder.best)
            if self.writes:
                write_file(self.folder.last, self.folder.best.read_bytes())
        else:
            trainer.save_checkpoint(self.folder.last)
        trainer.should_stop = self.exhausted

    def _write_rows(self) -> None:
        if self.writes:
            write_rows(self.folder.metrics, self.rows)


def write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    """Put the rows of all epochs into metrics.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_file(path, text.getvalue().encode())
