"""The processes that torchrun or SLURM has started for one training, and this one's place among them.

Input: the variables that they set. Output: a group in which process 0 decides, writes and speaks for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from torch import distributed

from ...environment import require_one_process

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """The processes of one training; a process by itself is a group of one.

    Args:
        launcher: torchrun or SLURM; empty: none.
        rank: the number of this process, from 0.
        size: how many there are.
        local_rank: its number among those of this machine.
        local_size: how many those are.
    """

    launcher: str = ""
    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    def first(self, make: Callable[[], T]) -> T:
        """What process 0 makes, in every process."""
        if self.size == 1:
            return make()
        made: list[T | None] = [make() if self.rank == 0 else None]
        distributed.broadcast_object_list(made, 0)
        return made[0]  # type: ignore[return-value]

    def wait(self) -> None:
        """Wait until process 0 is here."""
        self.first(lambda: None)


ALONE = Group()


def find_group() -> Group:
    """The group that the environment speaks of.

    Raises:
        ConfigError: several processes were started, but not in a way by which they can find each other.
    """
    values = {name: int(value) for name, value in os.environ.items() if value.isdecimal()}
    tasks = values.get("SLURM_STEP_NUM_TASKS", values.get("SLURM_NTASKS", 1))
    if "TORCHELASTIC_RUN_ID" in os.environ:  # also within a job of SLURM
        if values.get("WORLD_SIZE", 1) == 1:
            return ALONE
        return Group("torchrun", *(values[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
    if tasks > 1 and "SLURM_PROCID" in values:  # not in the shell of salloc
        local_rank = values.get("SLURM_LOCALID", 0)
        return Group("SLURM", values["SLURM_PROCID"], tasks, local_rank, max(_tasks_here(values), local_rank + 1))
    require_one_process()
    return ALONE


def _tasks_here(values: Mapping[str, int]) -> int:
    """The number of SLURM's tasks on this machine, of a list such as "2(x3),1": two on each of three, then one."""
    listed = os.environ.get("SLURM_STEP_TASKS_PER_NODE") or os.environ.get("SLURM_TASKS_PER_NODE") or "1"
    counts: list[int] = []
    for part in listed.split(","):
        count, _, times = part.rstrip(")").partition("(x")
        counts += [int(count)] * int(times or 1)
    return counts[min(values.get("SLURM_NODEID", 0), len(counts) - 1)]
