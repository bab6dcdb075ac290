"""The classifier and its data as Lightning trains them. This module imports Lightning: import it late."""

from __future__ import annotations

import math
import time
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer, RMSprop
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR, OneCycleLR, ReduceLROnPlateau

from ..data import AugmentedDataset, GeneratedDataset, LabelledDataset, transform_from_config
from ..errors import ConfigError
from ..tasks import Model, Task
from .config import Config
from .loader import EpochLoader, Tensors
from .processes import ALONE, Place


class ClassifierModule(pl.LightningModule):
    """A task's loss, an optimiser, and the schedule of its learning rate.

    After every epoch `row` holds what metrics.csv keeps of it: epoch (from 1), lr (of its last step), train_loss and
    the task's metric, such as train_acc (means over the epoch, as it was trained), valid_loss and valid_acc if anything
    was held out, seconds (training and validation) and loading (how many of these went into making batches or waiting
    for them).

    Args:
        model: what is trained.
        task: what it learns.
        config: of the run; its optim section and its seed are used.
    """

    def __init__(self, model: Model, task: Task, config: Config) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.config = config
        self.row: dict[str, float] = {}
        self._schedule: LRScheduler | None = None
        self._schedule_state: dict[str, Any] | None = None
        self._sums: dict[str, Tensor] = {}
        self._started = 0.0
        self._lr = 0.0

    def configure_optimizers(self) -> Optimizer:
        # In mixed precision Lightning clips no gradients of a fused optimiser, which may unscale them itself.
        fused, optim = not self.config.precision.endswith("mixed"), self.config.optim
        optimizer: Optimizer
        if optim.optimizer == "sgd":
            optimizer = SGD(
                self.parameters(),
                lr=optim.lr,
                momentum=0.9,
                nesterov=True,
                weight_decay=optim.weight_decay,
                fused=fused,
            )
        elif optim.optimizer == "rmsprop":
            optimizer = RMSprop(self.parameters(), lr=optim.lr, alpha=0.9, weight_decay=optim.weight_decay)
        else:
            optimizer = Adam(
                self.parameters(),
                lr=optim.lr,
                weight_decay=optim.weight_decay,
                decoupled_weight_decay=True,
                fused=fused,
            )
        # Lightning saves its own schedules before they step; this one steps, and is saved, in this module.
        if optim.schedule == "plateau":
            rising = self.task.metric.rising
            self._schedule = ReduceLROnPlateau(
                optimizer,
                mode="max" if rising else "min",
                factor=optim.lr_factor,
                patience=optim.lr_patience,
                cooldown=optim.lr_cooldown,
                threshold=1e-4,
                # A share of right answers is judged by its difference, an error, which has no scale, by its ratio.
                threshold_mode="abs" if rising else "rel",
            )
        elif optim.schedule == "one-cycle":
            steps = len(self.trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
            self._schedule = OneCycleLR(optimizer, optim.lr, total_steps=steps * self.config.training.max_epochs)
        elif optim.schedule == "steps":
            self._schedule = MultiStepLR(optimizer, optim.lr_steps, gamma=optim.lr_factor)
        if self._schedule is not None and self._schedule_state is not None:
            self._schedule.load_state_dict(self._schedule_state)
        return optimizer

    def on_train_epoch_start(self) -> None:
        self._started = time.perf_counter()
        self._sums = {}
        # All that is random in an epoch follows from the seed, the epoch and, of several processes, which one this is,
        # so that a resumed run repeats it.
        state = self.config.seed * 1_000_003 + self.current_epoch + 1 + self.global_rank * 2**53
        torch.manual_seed(state % 2**63)
        self.trainer.datamodule.set_epoch(self.current_epoch)  # type: ignore[attr-defined]

    def training_step(self, batch: Tensors, batch_index: int) -> Tensor:
        self._lr = self.trainer.optimizers[0].param_groups[0]["lr"]
        return self._step(batch, "train", self.config.training.label_smoothing)

    def on_train_batch_end(self, *arguments: Any) -> None:
        if isinstance(self._schedule, OneCycleLR):
            self._schedule.step()

    def validation_step(self, batch: Tensors, batch_index: int) -> Tensor:
        return self._step(batch, "valid")

    def _step(self, batch: Tensors, part: str, label_smoothing: float = 0.0) -> Tensor:
        labels = batch.labels
        output = self.task.run(self.model, batch)
        loss = self.task.loss(output, labels, label_smoothing)
        # Summed on the device: asking for the numbers at every step would wait for it.
        total = self.task.tally(output.detach(), labels)
        counts = torch.stack([loss.detach().double() * len(labels), total.double()])
        if batch.share is not None:
            # DDP's gradient is the mean of the processes' gradients, whatever they have of the batch.
            counts, loss = counts * (batch.share.rows > 0), loss * batch.share.weight
        self._sums[part] = self._sums[part] + counts if part in self._sums else counts
        return loss

    def on_train_epoch_end(self) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        column = self.task.metric.column
        self.row = {"epoch": self.current_epoch + 1, "lr": self._lr}
        for part, dataset in (("train", data.train), ("valid", data.valid)):
            if len(dataset):
                loss, total = self.trainer.strategy.reduce(self._sums[part], reduce_op="sum").tolist()
                self.row |= {f"{part}_loss": loss / len(dataset), f"{part}_{column}": total / len(dataset)}
        finite = all(math.isfinite(value) for value in self.row.values())
        self.row |= {"seconds": time.perf_counter() - self._started, "loading": data.loading}
        if not finite:
            raise ConfigError(
                f"the loss became infinite or NaN in epoch {self.current_epoch + 1}: "
                "lower optim.lr, set optim.clip_norm, or look at the data with `attentive data check`"
            )
        if isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step(self.row[f"train_{column}"])
        elif isinstance(self._schedule, MultiStepLR):
            self._schedule.step()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self._schedule is not None:
            checkpoint["schedule"] = self._schedule.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # The optimiser, and with it the schedule, is made after this.
        self._schedule_state = checkpoint.get("schedule")


class SequenceDataModule(pl.LightningDataModule):
    """Batches for training and validation.

    Args:
        train, valid: preprocessed sequences.
        config: of the run.
        place: which of the processes that train this one is.
    """

    def __init__(self, train: LabelledDataset, valid: LabelledDataset, config: Config, place: Place = ALONE) -> None:
        super().__init__()
        data, size = config.data, config.training.batch_size
        self.train, self.valid = train, valid
        shown: LabelledDataset | AugmentedDataset = train
        if data.augmentation:
            if isinstance(train, GeneratedDataset):
                raise ConfigError("data.augmentation must be empty: every sequence is generated anew already")
            shown = AugmentedDataset(train, transform_from_config(data.augmentation), config.seed)
        self._train_loader = EpochLoader(shown, size, config.seed, data.num_workers, place)
        self._valid_loader = EpochLoader(valid, size, place=place)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order and augmentation the next pass uses."""
        self._train_loader.set_epoch(epoch)

    @property
    def loading(self) -> float:
        """Seconds that the batches of the last epoch took."""
        return self._train_loader.seconds + self._valid_loader.seconds

    def train_dataloader(self) -> EpochLoader:
        return self._train_loader

    def val_dataloader(self) -> EpochLoader:
        return self._valid_loader
