"""Reading checkpoints without trusting them."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from ..errors import ConfigError


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU; only tensors and plain values are read from it.

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
    except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        if isinstance(error, ConfigError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{path}: this checkpoint is damaged or not one ({reason})") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise ConfigError(f"{path}: is not a checkpoint of a run")
    return content
