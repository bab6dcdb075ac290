"""Values that a file does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from ...errors import ConfigError, DataError

Missing = Literal["refuse", "interpolate", "zero", "keep"]

_LARGEST = np.finfo(np.float32).max


def check_missing(missing: str) -> None:
    """ConfigError unless ``missing`` is one of the four words."""
    if missing not in get_args(Missing):
        raise ConfigError(f"missing must be one of {', '.join(get_args(Missing))}; got {missing!r}")


def fill(values: np.ndarray, missing: Missing, place: Callable[[int, int], str], hint: str = "") -> np.ndarray:
    """The frames (T, D) of one sequence as contiguous float32, with NaN dealt with.

    Args:
        values: (T, D) numbers; NaN is a missing value.
        missing: "refuse" makes one an error, "interpolate" puts the straight line through its neighbours in time
            (the nearest value at the ends), "zero" puts 0, "keep" leaves NaN, for looking at a file.
        place: ``place(t, d)`` says in a message where a value is.
        hint: how a missing value is written, for the message on an infinite one.

    Raises:
        DataError: a value is missing and refused, or it is infinite or too large for float32.

    Example:
        >>> x = np.array([[1.0], [np.nan], [4.0]])
        >>> fill(x, "interpolate", lambda t, d: f"frame {t}").ravel().tolist()
        [1.0, 2.5, 4.0]
    """
    if values.size == 0 or np.abs(values).max() <= _LARGEST:
        return np.ascontiguousarray(values, dtype=np.float32)
    absent = np.isnan(values)
    wrong = np.argwhere(~absent & ~(np.abs(values) <= _LARGEST))
    if len(wrong):
        raise DataError(f"{place(*wrong[0])} is infinite or too large for float32" + (f"; {hint}" if hint else ""))
    if missing == "refuse":
        raise DataError(
            f'{place(*np.argwhere(absent)[0])} is missing; load with missing="interpolate" or missing="zero"'
        )
    if missing == "zero":
        values = np.where(absent, 0.0, values)
    elif missing == "interpolate":
        values, time = np.array(values, dtype=np.float64), np.arange(len(values))
        for d in np.flatnonzero(absent.any(axis=0)):
            gaps = absent[:, d]
            if gaps.all():
                raise DataError(
                    f'{place(0, int(d))}, like all others of this sequence, is missing; load with missing="zero"'
                )
            values[gaps, d] = np.interp(time[gaps], time[~gaps], values[~gaps, d])
    return np.ascontiguousarray(values, dtype=np.float32)
