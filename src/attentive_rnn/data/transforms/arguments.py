"""Checks that several transforms make, and who is present in a frame."""

from __future__ import annotations

from torch import Tensor

from ...errors import ConfigError


def number(name: str, key: str, value: float, low: float, high: float, *, above: bool = False) -> float:
    """The value as a float from ``low`` (above it, if ``above``) to ``high``, or ConfigError."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not low <= value <= high or (above and value == low):
        limits = f"above {low:g}" if above else f"from {low:g}"
        upper = "" if high == float("inf") else f" to {high:g}"
        raise ConfigError(f"{name}: {key} must be a number {limits}{upper}, got {value!r}")
    return float(value)


def count(name: str, key: str, value: int, low: int) -> int:
    """The value as an int of at least ``low``, or ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"{name}: {key} must be a whole number >= {low}, got {value!r}")
    return value


def check_skeletons(name: str, sequence: Tensor, *, joints: int = 1, coordinates: int | None = None) -> None:
    """ConfigError unless the sequence is (T, M, V, C) with at least ``joints`` joints and, if given, that C."""
    fits = sequence.ndim == 4 and sequence.shape[2] >= joints and coordinates in (None, sequence.shape[-1])
    if not fits:
        wanted = f"(T, M, V, {coordinates or 'C'})" + (f" with V >= {joints}" if joints > 1 else "")
        raise ConfigError(f"{name}: needs skeletons {wanted}, got {tuple(sequence.shape)}")


def present(sequence: Tensor) -> Tensor:
    """Where somebody is: bool (T, M, 1, 1) for skeletons, (T, 1, ...) otherwise; absent is all zeros."""
    kept = 2 if sequence.ndim == 4 else 1
    found = (sequence != 0).flatten(kept).any(kept) if sequence.ndim > kept else sequence != 0
    return found.reshape(*found.shape, *[1] * (sequence.ndim - kept))
