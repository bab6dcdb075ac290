"""Several processes as Lightning knows them: DDP on one machine. This module imports Lightning: import it late."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import ClusterEnvironment
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import ConfigError
from .processes import Place


class OneMachine(ClusterEnvironment):
    """Processes that are there already, each with its place, on one machine.

    A batch system's variables, by which a job may be taken for a part of many, are not looked at.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        return self.place.port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.place.world

    def set_world_size(self, size: int) -> None:
        assert size == self.place.world

    def global_rank(self) -> int:
        return self.place.rank

    def set_global_rank(self, rank: int) -> None:
        assert rank == self.place.rank

    def local_rank(self) -> int:
        return self.place.rank

    def node_rank(self) -> int:
        return 0


class EndAtOnce(pl.Callback):
    """Let SIGTERM end the first of several processes, which ends the others, and nothing else.

    Lightning's own handler tells the others by a collective call in the midst of another one, which may never return.
    """

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.world_size > 1 and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _exit if trainer.is_global_zero else signal.SIG_IGN)


def _exit(number: int, frame: Any) -> NoReturn:
    sys.exit(128 + number)


@contextmanager
def group_closed(place: Place) -> Iterator[None]:
    """Leave torch without the process group that Lightning makes, so that another run can make one of its own."""
    try:
        yield
    finally:
        if place.world > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def check_normalisation(model: torch.nn.Module, device: torch.device) -> None:
    """Raise ConfigError where torch cannot normalise over the batches of several processes."""
    if device.type == "cpu" and any(isinstance(module, _BatchNorm) for module in model.modules()):
        raise ConfigError(
            "devices must be 1 for this network on a CPU: its batch normalisation is over whole batches, "
            "which torch has for GPUs only"
        )
