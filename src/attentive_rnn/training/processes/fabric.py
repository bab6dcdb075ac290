"""Lightning Fabric for a run: the device, the precision, and what several processes exchange.

Input: the configuration, the device and the group. Output: a Fabric, with which the loop trains in one process as in
many.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
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
from lightning_fabric.strategies import DDPStrategy, ModelParallelStrategy, Strategy
from torch.distributed.checkpoint import state_dict as whole
from torch.distributed.fsdp import fully_shard

from ..checkpoint import AtomicCheckpoints, read_checkpoint
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
        strategy = Sharded(devices, environment, config.devices)
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


class Sharded(ModelParallelStrategy):
    """FSDP2: each process holds its share of the weights, the gradients and the optimiser's state.

    They come together for a pass. A checkpoint is that of a run in one process, so that any number of processes, with
    shares or without, can go on from it.

    Args:
        devices: of the processes of this machine.
        environment: where the process finds its place.
        size: how many processes there are.
    """

    def __init__(self, devices: list[torch.device], environment: ClusterEnvironment, size: int) -> None:
        super().__init__(_shard, data_parallel_size=size, tensor_parallel_size=1, timeout=PATIENCE)
        self.parallel_devices, self.cluster_environment = devices, environment

    def setup_module(self, module: torch.nn.Module) -> torch.nn.Module:
        began = module.state_dict()
        module = super().setup_module(module)
        # All start with the weights of process 0, as with DDP.
        options = whole.StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
        whole.set_model_state_dict(module, began if self.is_global_zero else {}, options=options)
        return module

    def save_checkpoint(self, path: str | Path, state: dict[str, Any], *_: Any, **__: Any) -> None:
        options = whole.StateDictOptions(full_state_dict=True, cpu_offload=True)
        model, optimizer = state["model"], state["optimizer"]
        found = {name: one.state_dict() if hasattr(one, "state_dict") else one for name, one in state.items()}
        found["model"] = whole.get_model_state_dict(model, options=options)
        found["optimizer"] = whole.get_optimizer_state_dict(model, optimizer, options=options)
        if self.is_global_zero:
            numbers = {name: number for number, (name, _) in enumerate(model.named_parameters())}
            found["optimizer"] = _renamed(found["optimizer"], numbers)
            AtomicCheckpoints().save_checkpoint(found, path)

    def load_checkpoint(self, path: str | Path, state: Any = None, *_: Any, **__: Any) -> dict[str, Any]:
        options, found = whole.StateDictOptions(full_state_dict=True), read_checkpoint(Path(path))
        model, optimizer = state["model"], state["optimizer"]
        names = dict(enumerate(name for name, _ in model.named_parameters()))
        whole.set_model_state_dict(model, found.pop("model"), options=options)
        whole.set_optimizer_state_dict(model, optimizer, _renamed(found.pop("optimizer"), names), options=options)
        for name in found.keys() & state.keys():
            if hasattr(state[name], "load_state_dict"):
                state[name].load_state_dict(found[name])
            else:
                state[name] = found[name]
        return {}


def _shard(model: torch.nn.Module, mesh: Any) -> torch.nn.Module:
    """All weights of a model as one unit: a recurrent layer's pass reads all of them at every step."""
    fully_shard(model, mesh=mesh["data_parallel"])
    return model


def _renamed(optimizer: Mapping[str, Any], names: Mapping[Any, Any]) -> dict[str, Any]:
    """The state of an optimiser with other names for the weights: torch numbers them, FSDP2 names them."""
    state = {names[name]: value for name, value in optimizer["state"].items()}
    groups = [group | {"params": [names[name] for name in group["params"]]} for group in optimizer["param_groups"]]
    return {"state": state, "param_groups": groups}
