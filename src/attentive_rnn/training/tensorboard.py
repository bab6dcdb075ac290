"""The numbers of each epoch as curves for TensorBoard. This module imports Lightning: import it late."""

from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from torch.utils.tensorboard import SummaryWriter

from .lightning import ClassifierModule
from .run_folder import RunFolder


class TensorBoard(Checkpoint):  # a Checkpoint, since only those are called after the module has closed the epoch
    """Write the columns of metrics.csv to the folder tensorboard/ of a run.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._writer: SummaryWriter | None = None

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        # What a killed run wrote of the epochs to come is hidden.
        self._writer = SummaryWriter(str(self.folder.tensorboard), purge_step=trainer.current_epoch + 1)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert self._writer is not None
        assert isinstance(module, ClassifierModule)
        epoch = int(module.row["epoch"])
        for name in list(module.row)[1:]:
            part, _, what = name.partition("_")
            self._writer.add_scalar(f"{what}/{part}" if what else name, module.row[name], epoch)
        self._writer.flush()

    def teardown(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
