"""A run that several processes train, what is compared of it, and the processes themselves."""

from __future__ import annotations

import time
from pathlib import Path

from safetensors.torch import load_file

from attentive_rnn.training.run_folder import read_rows

# 216 sequences train and 54 validate: the last batch has one sequence, and one of two processes none of its own.
CHANGES = {
    "training__batch_size": "43",
    "training__max_epochs": "5",
    "training__patience": "1",
    "optim__lr": "0.2",
    "optim__lr_patience": "0",
    "model__dropout": "0",
    "precision": "64-true",
}


def weights(run):
    return load_file(run.model / "model.safetensors")


def timeless(run):
    return [{name: value for name, value in row.items() if name not in ("seconds", "loading")} for row in rows(run)]


def rows(run):
    return read_rows(run.metrics)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def wait_until(holds, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


def epochs_in(parent: Path) -> int:
    return max((len(file.read_text().splitlines()) - 1 for file in parent.rglob("metrics.csv")), default=0)
