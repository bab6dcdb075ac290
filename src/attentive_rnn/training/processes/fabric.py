"""Lightning Fabric for a run: the device, the precision, and what several processes exchange.

Input: the configuration, the device and the group. Output: a Fabric, with which the loop trains in one process as in
many.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning_fabric.plugins.precision import DoublePrecision
from lightning_fabric.strategies import DDPStrategy, Strategy

from ..checkpoint import AtomicCheckpoints
from ..config import Config
from .group import Group

PATIENCE = timedelta(hours=6)  # for a process that reads slowly; one that has died is noticed at once

logging.getLogger("lightning_fabric").setLevel(logging.ERROR)  # without its remarks on the machine


def make_fabric(config: Config, device: torch.device, group: Group) -> Fabric:
    """Fabric for a process of a run.

    Args:
        config: whose `devices` are all processes of the run.
        device: of this process.
        group: of torchrun or SLURM; one of a single process: the others are those of :mod:`.launch`, if there are any.
    """
    precision: list[Any] = []
    if config.precision.endswith("mixed"):
        precision = [StepPrecision(config.precision, device.type)]  # type: ignore[arg-type]
    elif config.precision == "64-true":
        precision = [DoublePrecision()]
    if config.devices == 1:
        # Without the environment a batch system's job would be taken for one of many.
        plugins = [LightningEnvironment(), AtomicCheckpoints(), *precision]
        index = [device.index or 0] if device.type == "cuda" else 1
        return Fabric(accelerator=device.type, devices=index, plugins=plugins)
    # Fabric looks up the device by the process's number on its machine.
    devices = [device] * (group.local_size if group.size > 1 else config.devices)
    environment = environment_of(group)
    strategy: Strategy
    if config.training.strategy == "fsdp":
        from .sharded import Sharded  # slow to import

        strategy = Sharded(devices, environment, config.devices, PATIENCE)
    else:
        strategy = DDPStrategy(None, devices, environment, AtomicCheckpoints(), timeout=PATIENCE)
    return Fabric(accelerator=device.type, strategy=strategy, plugins=precision)


def environment_of(group: Group) -> ClusterEnvironment:
    """Where Fabric finds the place of a process."""
    if group.size == 1:
        return LightningEnvironment()
    return TorchElastic() if group.launcher == "torchrun" else Slurm(group)


class TorchElastic(TorchElasticEnvironment):
    """The processes of torchrun, on each machine as many as it was told there."""

    def validate_settings(self, num_devices: int, num_nodes: int) -> None:
        """Nothing: the number of processes is torchrun's."""


class Slurm(SLURMEnvironment):
    """The tasks of srun, also where no number of tasks for each machine was asked for."""

    def __init__(self, group: Group) -> None:
        super().__init__(auto_requeue=False)
        self._group = group

    @staticmethod
    def _validate_srun_used() -> None:
        """Nothing: `find_group` has looked at that."""

    @staticmethod
    def _validate_srun_variables() -> None:
        """Nothing: `srun -n 3` on two machines is as good as any."""

    def validate_settings(self, num_devices: int, num_nodes: int) -> None:
        """Nothing: the number of processes is SLURM's."""

    def world_size(self) -> int:
        return self._group.size

    def local_rank(self) -> int:
        return self._group.local_rank

    def node_rank(self) -> int:
        """Not used: the number of the process is SLURM's."""
        return 0


class StepPrecision(MixedPrecision):
    """Mixed precision of a whole step, the loss included, that leaves the input as it is; Fabric's rounds the input."""

    def forward_context(self) -> AbstractContextManager[Any]:
        # Rounded weights are not kept for a second use: the gradients of both uses are summed in float32.
        return torch.autocast(self.device, dtype=self._desired_input_dtype, cache_enabled=False)

    def convert_input(self, data: Any) -> Any:
        return data

    def convert_output(self, data: Any) -> Any:
        return data
