"""The classifier and its data as Lightning trains them. This module imports Lightning: import it late."""

from __future__ import annotations

import math
import time
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..data import AugmentedDataset, SequenceDataset, transform_from_config
from ..errors import ConfigError
from ..models import SequenceClassifier
from .config import Config
from .loader import EpochLoader, Tensors


class ClassifierModule(pl.LightningModule):
    """Cross-entropy, Adam, and a learning rate that falls when the training accuracy stops rising.

    After every epoch `row` holds what metrics.csv keeps of it: epoch (from 1), lr (the one that the epoch was
    trained with), train_loss and train_acc (means over the epoch, as it was trained), valid_loss, valid_acc and
    seconds (training and validation).

    Args:
        model: the classifier.
        config: of the run; its optim section and its seed are used.
    """

    def __init__(self, model: SequenceClassifier, config: Config) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.row: dict[str, float] = {}
        self._schedule: ReduceLROnPlateau | None = None
        self._schedule_state: dict[str, Any] | None = None
        self._sums: dict[str, Tensor] = {}
        self._started = 0.0

    def configure_optimizers(self) -> Optimizer:
        # In mixed precision Lightning clips no gradients of a fused optimiser, which may unscale them itself.
        fused = not self.config.precision.endswith("mixed")
        adam = Adam(self.parameters(), lr=self.config.optim.lr, fused=fused)
        optim = self.config.optim
        # Lightning saves its own schedules before they step; this one steps, and is saved, in this module.
        self._schedule = ReduceLROnPlateau(
            adam,
            mode="max",
            factor=optim.lr_factor,
            patience=optim.lr_patience,
            cooldown=optim.lr_cooldown,
            threshold=1e-4,
            threshold_mode="abs",
        )
        if self._schedule_state is not None:
            self._schedule.load_state_dict(self._schedule_state)
        return adam

    def on_train_epoch_start(self) -> None:
        self._started = time.perf_counter()
        self._sums = {}
        # All that is random in an epoch follows from the seed and the epoch, so that a resumed run repeats it.
        state = (self.config.seed * 1_000_003 + self.current_epoch + 1) % 2**63
        torch.manual_seed(state)
        self.trainer.datamodule.set_epoch(self.current_epoch)  # type: ignore[attr-defined]

    def training_step(self, batch: Tensors, batch_index: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: Tensors, batch_index: int) -> Tensor:
        return self._step(batch, "valid")

    def _step(self, batch: Tensors, part: str) -> Tensor:
        x, lengths, labels = batch
        logits = self.model(x, lengths)
        loss = F.cross_entropy(logits, labels)
        right = (logits.detach().argmax(1) == labels).sum()
        # Summed on the device: asking for the numbers at every step would wait for it.
        counts = torch.stack([loss.detach().double() * len(labels), right.double()])
        self._sums[part] = self._sums[part] + counts if part in self._sums else counts
        return loss

    def on_train_epoch_end(self) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        train_loss, train_right = self._sums["train"].tolist()
        valid_loss, valid_right = self._sums["valid"].tolist()
        self.row = {
            "epoch": self.current_epoch + 1,
            "lr": self.trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": train_loss / len(data.train),
            "train_acc": train_right / len(data.train),
            "valid_loss": valid_loss / len(data.valid),
            "valid_acc": valid_right / len(data.valid),
            "seconds": time.perf_counter() - self._started,
        }
        if not math.isfinite(train_loss) or not math.isfinite(valid_loss):
            raise ConfigError(
                f"the loss became infinite or NaN in epoch {self.current_epoch + 1}: "
                "lower optim.lr, set optim.clip_norm, or look at the data with `attentive data check`"
            )
        assert self._schedule is not None
        self._schedule.step(self.row["train_acc"])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        assert self._schedule is not None
        checkpoint["schedule"] = self._schedule.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # The optimiser, and with it the schedule, is made after this.
        self._schedule_state = checkpoint["schedule"]


class SequenceDataModule(pl.LightningDataModule):
    """Batches for training and validation.

    Args:
        train, valid: preprocessed sequences.
        config: of the run.
    """

    def __init__(self, train: SequenceDataset, valid: SequenceDataset, config: Config) -> None:
        super().__init__()
        data, size = config.data, config.training.batch_size
        self.train, self.valid = train, valid
        shown: SequenceDataset | AugmentedDataset = train
        if data.augmentation:
            shown = AugmentedDataset(train, transform_from_config(data.augmentation), config.seed)
        self._train_loader = EpochLoader(shown, size, config.seed, data.num_workers)
        self._valid_loader = EpochLoader(valid, size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order and augmentation the next pass uses."""
        self._train_loader.set_epoch(epoch)

    def train_dataloader(self) -> EpochLoader:
        return self._train_loader

    def val_dataloader(self) -> EpochLoader:
        return self._valid_loader
