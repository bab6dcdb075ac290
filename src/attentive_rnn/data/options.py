"""Checks of the values of options, of readers and of transforms."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..errors import ConfigError


def one_of(where: str, key: str, value: Any, known: Collection[Any]) -> None:
    """ConfigError unless the value of an option is among the known ones."""
    if value not in known:
        raise ConfigError(f"{where}: {key} must be one of {', '.join(map(str, known))}, got {value!r}")


def whole(where: str, key: str, value: int, low: int) -> int:
    """The value as an int of at least ``low``, or ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"{where}: {key} must be a whole number >= {low}, got {value!r}")
    return value


def number(where: str, key: str, value: float, low: float, high: float, *, above: bool = False) -> float:
    """The value as a float from ``low`` (above it, if ``above``) to ``high``, or ConfigError."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not low <= value <= high or (above and value == low):
        limits = f"above {low:g}" if above else f"from {low:g}"
        upper = "" if high == float("inf") else f" to {high:g}"
        raise ConfigError(f"{where}: {key} must be a number {limits}{upper}, got {value!r}")
    return float(value)
