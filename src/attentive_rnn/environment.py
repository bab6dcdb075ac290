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

DISTRIBUTION = "attentive-rnn"


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
