"""Writing files so that a reader finds the old one or the new one, whole, however the writer ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..data.io.files import write_atomically
from ..errors import ConfigError


def write_file(path: Path, data: bytes) -> None:
    """Put data at a path in one step; its folder is made if need be.

    Raises:
        ConfigError: the path cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error
    write_atomically(path, data)


def write_json(path: Path, values: Any) -> None:
    """Put values at a path as readable JSON, in one step."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    write_file(path, (text + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ConfigError: the file is missing, damaged or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is damaged or not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold a JSON object")
    return values
