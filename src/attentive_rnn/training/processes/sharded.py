"""FSDP2 for Fabric: a model's weights, gradients and optimiser's state, shared out among the processes of a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.environments import ClusterEnvironment
from lightning_fabric.strategies import ModelParallelStrategy
from torch.distributed.checkpoint import state_dict as whole
from torch.distributed.fsdp import fully_shard

from ..checkpoint import AtomicCheckpoints, read_checkpoint


class Sharded(ModelParallelStrategy):
    """FSDP2: each process holds its share of the weights, the gradients and the optimiser's state.

    They come together for a pass. A checkpoint is that of a run in one process, so that any number of processes, with
    shares or without, can go on from it.

    Args:
        devices: of the processes of this machine.
        environment: where the process finds its place.
        size: how many processes there are.
        patience: how long one waits for the others.
    """

    def __init__(
        self, devices: list[torch.device], environment: ClusterEnvironment, size: int, patience: timedelta
    ) -> None:
        super().__init__(_shard, data_parallel_size=size, tensor_parallel_size=1, timeout=patience)
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
