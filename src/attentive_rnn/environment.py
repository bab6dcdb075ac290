"""Environment of a run: versions, hardware, date and command."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from .errors import ConfigError

DISTRIBUTION = "attentive-rnn"
LAUNCHERS = {  # what tells a process that others were started with it, and how to start one
    "WORLD_SIZE": "start attentive by itself",
    "RANK": "start attentive by itself",
    "LOCAL_RANK": "start attentive by itself",
    "SLURM_NTASKS": "ask SLURM for one task (--ntasks=1)",
    "OMPI_COMM_WORLD_SIZE": "start attentive without mpirun",
    "PMI_SIZE": "start attentive without mpirun",
}


class Package(NamedTuple):
    """A dependency, the extra that it belongs to ("" for the core) and its version, None if it is not installed."""

    extra: str
    name: str
    version: str | None


def describe(device: str) -> dict[str, Any]:
    """The environment of a run on a device ("cpu", "cuda:0"), as plain values for env.json."""
    import torch  # here, so that `attentive info` can do without it

    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
        "folder": os.getcwd(),
        "device": device,
        "versions": versions(),
        "hardware": hardware() | {"gpus": gpus()},
        "threads": torch.get_num_threads(),
    }


def require_one_process() -> None:
    """Refuse to work in one of several processes that torchrun, SLURM or MPI has started.

    Each would do all of the work, and know nothing of the others.

    Raises:
        ConfigError: a variable of the environment says that there are several.
    """
    for name, remedy in LAUNCHERS.items():
        value = os.environ.get(name, "")
        if name == "SLURM_NTASKS":  # of the whole job; within srun those of the step count
            value = os.environ.get("SLURM_STEP_NUM_TASKS", value)
        if value.isdecimal() and int(value) > (0 if name.endswith("RANK") else 1):
            raise ConfigError(
                f"this is one of several processes that each would do all of the work ({name}={value}): {remedy} "
                "and give --devices N to train on N devices of a machine; `attentive train` of one run may be started "
                "by torchrun or srun on several; if this process is the only one: "
                f"env -u {name} attentive ..."
            )


def versions() -> dict[str, str]:
    """Python's version and that of every dependency of the package that is installed."""
    found = {"python": platform.python_version(), DISTRIBUTION: importlib.metadata.version(DISTRIBUTION)}
    return found | {p.name: p.version for p in packages() if p.version is not None}


def hardware() -> dict[str, Any]:
    """Processor, cores that this process may use, and memory in GiB."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "system": platform.platform(),
        "cpu": _cpu_name(),
        "cores": cores,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def gpus() -> list[str]:
    """The names of the GPUs that PyTorch sees."""
    import torch

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def packages() -> list[Package]:
    """What the package's metadata says it uses, extra by extra; the developers' tools are left out."""
    found: list[Package] = []
    for requirement in importlib.metadata.requires(DISTRIBUTION) or []:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", requirement)
        if match is None or match[0] == DISTRIBUTION or (extra and extra[1] in ("all", "dev")):
            continue
        found.append(Package(extra[1] if extra else "", match[0], _version(match[0])))
    return found


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    """The name of the processor, which psutil does not know."""
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1] if match else platform.processor() or platform.machine()
