"""Inputs of the estimators: what scikit-learn, aeon and this package call data, as sequences (T, D) of one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor

from ..data import Sample
from ..errors import ConfigError, DataError, either, needed_for

with needed_for("the estimators need scikit-learn: pip install 'attentive-rnn[estimators]'"):
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import validate_data

Channels = Literal["last", "first"]
_ORDERS = ("last", "first")


def unpad(x: Any, lengths: Sequence[int]) -> list[np.ndarray]:
    """Padded sequences as the list that the estimators take, which scikit-learn can cut into folds.

    Args:
        x: (N, T, D).
        lengths: frames of each sequence, (N,), from 1 to T; what follows them is not read.

    Raises:
        DataError: the lengths do not fit.

    Example:
        >>> [one.shape for one in unpad(np.zeros((3, 5, 2)), [5, 4, 1])]
        [(5, 2), (4, 2), (1, 2)]
    """
    array, counts = _numbers(x), np.asarray(lengths)
    if array.ndim != 3:
        raise DataError(f"padded sequences must be (N, T, D), got {array.shape}")
    if counts.shape != array.shape[:1] or counts.dtype.kind not in "iu":
        raise DataError(f"lengths must be one whole number for each of the {len(array)} sequences, got {lengths!r}")
    if len(counts) and not 1 <= counts.min() <= counts.max() <= array.shape[1]:
        raise DataError(f"lengths must be from 1 to {array.shape[1]}, got {counts.min()} to {counts.max()}")
    return [one[:count] for one, count in zip(array, counts.tolist(), strict=True)]


def as_sequences(x: Any, channels: Channels | None) -> tuple[list[np.ndarray], Channels] | None:
    """Sequences in memory, each (T_i, D), and where their channels were; None: x is a table with a row for each.

    Args:
        x: a list of arrays or tensors (T_i, D), an array (N, T, D), or of aeon's (D, T_i) and (N, D, T).
        channels: "last", or "first" for aeon's; None: last, unless that is in doubt.

    Raises:
        ConfigError: channels is none of these. DataError: it is not known which axis is time, or the numbers of
            channels differ.

    Example:
        >>> sequences, channels = as_sequences([np.zeros((5, 2)), np.zeros((7, 2))], None)
        >>> channels, as_sequences(np.zeros((4, 3)), None)
        ('last', None)
    """
    if channels is not None and channels not in _ORDERS:
        raise ConfigError(f"channels must be {either(_ORDERS)}, or None, got {channels!r}")
    if isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1):
        if any(isinstance(one, Sample) for one in x):
            raise DataError("X holds samples, whose schema is lost: give the data set, or its sequences for folds")
        parts = [_numbers(one) if np.ndim(one) == 2 or isinstance(one, Tensor) else one for one in x]
        found = [part for part in parts if np.ndim(part) == 2]
        if not found and all(np.ndim(part) < 2 for part in parts):
            return None
        if len(found) < len(parts):
            raise DataError("X is a list: each of its sequences must be an array (T, D); of skeletons give a data set")
    elif getattr(x, "ndim", None) == 3:
        array = _numbers(x)
        if channels is None and len(array) and 1 < array.shape[2] >= array.shape[1]:
            raise DataError(
                f"X is {array.shape}: is that (sequences, time, channels) or aeon's (sequences, channels, time)? Say "
                "channels='last' or channels='first'"
            )
        found = list(array)
    else:
        return None
    order: Channels = channels or "last"
    if order == "first":
        found = [part.T for part in found]
    widths = sorted({part.shape[1] for part in found})
    if len(widths) > 1:
        hint = "; of (channels, time) say channels='first'" if len({len(part) for part in found}) == 1 else ""
        raise DataError(f"all sequences of X must have as many channels, got {widths[0]} to {widths[-1]}{hint}")
    return found, order


def rows_as_sequences(estimator: BaseEstimator, x: Any, reset: bool) -> list[np.ndarray]:
    """The rows of a table (N, T) as sequences of one channel, (T, 1), after scikit-learn's checks of it.

    Raises:
        ValueError: the table is not made of finite numbers, or its columns are not those of the training.
    """
    table = validate_data(estimator, x, reset=reset, dtype=[np.float64, np.float32])
    return list(table[..., None])


def _numbers(x: Any) -> np.ndarray:
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
