"""Checkpoints: written in one step, and read without trusting them.

A checkpoint holds "model" and "optimizer" (their states), "precision" (of the scaler of float16 gradients, or empty),
"schedule" where the learning rate has one, "rows" (of metrics.csv), and "within": where in an epoch it was written, or
empty after a whole one.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import CheckpointIO
from rich.console import Console

from ..data.io.files import write_file
from ..errors import ConfigError
from .run_folder import RunFolder


def starting_point(run: RunFolder, console: Console) -> Path | None:
    """The checkpoint that a run goes on from: its last, or its best where the last is damaged; None at the start.

    Raises:
        ConfigError: neither can be used, or the best one, without which the run has no result, cannot.
    """
    if not run.last.exists() and not run.best.exists():
        return None
    try:
        last = read_checkpoint(run.last)
    except ConfigError as error:
        read_checkpoint(run.best)
        console.print(f"{error}; continuing from {run.best} instead", highlight=False, soft_wrap=True, markup=False)
        return run.best
    if last["rows"]:  # in the first epoch there is no best one
        read_checkpoint(run.best)
    return run.last


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU; only tensors and plain values are read from it.

    Raises:
        ConfigError: the file is missing, cut short, or altered.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such checkpoint")
    try:
        # torch.load does not compare the check sums that the file holds.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ConfigError(f"{path}: this checkpoint is damaged (in {damaged})")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except ConfigError:
        raise
    except Exception as error:  # zipfile and the unpickler fail in many ways at damaged bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{path}: this checkpoint is damaged or not one ({reason})") from error
    if isinstance(content, dict) and "pytorch-lightning_version" in content:
        content = _from_trainer(content)
    if not isinstance(content, dict) or "model" not in content:
        raise ConfigError(f"{path}: is not a checkpoint of a run")
    return {"within": {}} | content  # earlier versions wrote whole epochs only


class AtomicCheckpoints(CheckpointIO):
    """Fabric's way to checkpoint files: a kill leaves the old one or the new one, and only plain values are read."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_file(Path(path), buffer.getvalue())

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


def _from_trainer(content: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of version 0.1.0, which trained with Lightning's Trainer, in the present layout."""
    return {
        "model": {name.removeprefix("model."): tensor for name, tensor in content["state_dict"].items()},
        "optimizer": content["optimizer_states"][0],
        "precision": content.get("MixedPrecision", {}),
        "rows": content["callbacks"]["Recorder"]["rows"],
        **{key: content[key] for key in ("schedule",) if key in content},
    }
