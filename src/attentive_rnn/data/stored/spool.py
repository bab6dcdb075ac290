"""Place of the sequences that a reader reads: memory, or, within :func:`on_disk`, files that are mapped.

A reader hands each sequence to :func:`keep` as soon as it has it, and uses what comes back. So a set that is converted
need not fit into memory, and no reader is written twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError

_CHUNK = 2**28  # bytes of a file that small arrays share
_SMALL = 2**20  # bytes below which an array read for its sequences stays in memory


class Spool:
    """Arrays in mapped files of a folder, which are deleted with it.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._chunk, self._used = np.empty(0, dtype=np.uint8), 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """A new array on the disk, whose values are not set."""
        size = prod(shape) * np.dtype(dtype).itemsize
        if size > _CHUNK:
            return self._map(size).view(dtype).reshape(shape)
        if self._used + size > len(self._chunk):
            self._chunk, self._used = self._map(_CHUNK), 0
        taken = self._chunk[self._used : self._used + size]
        self._used += -(-size // 64) * 64  # aligned for any type
        return taken.view(dtype).reshape(shape)

    def _map(self, size: int) -> np.ndarray:
        path = self._folder / f"{self._count}.raw"
        self._count += 1
        try:
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, and not when it is written
            return np.memmap(path, np.uint8, "r+", 0, (size,))
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


_SPOOL: ContextVar[Spool | None] = ContextVar("spool", default=None)


@contextmanager
def on_disk(folder: Path) -> Iterator[None]:
    """Keep what readers read in files of a folder, which must outlive the sequences.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, on_disk(Path(folder)):
        ...     type(keep(np.ones((3, 2), dtype=np.float32)).base).__name__
        'memmap'
    """
    token = _SPOOL.set(Spool(folder))
    try:
        yield
    finally:
        _SPOOL.reset(token)


def is_on_disk() -> bool:
    """Whether what is read goes to the disk, so that its size is not bounded by the memory."""
    return _SPOOL.get() is not None


def keep(values: np.ndarray) -> np.ndarray:
    """An array with the same values where sequences are kept now: in memory the array itself."""
    spool = _SPOOL.get()
    if spool is None or _is_mapped(values):
        return values
    kept = spool.empty(values.shape, values.dtype)
    kept[...] = values
    return kept


def large(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array that is filled next with what may be all sequences of a set; its values are not set."""
    spool = _SPOOL.get()
    if spool is None or prod(shape) * np.dtype(dtype).itemsize < _SMALL:
        return np.empty(shape, dtype)
    return spool.empty(shape, dtype)


def concatenated(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays one after the other, where :func:`large` puts them."""
    shape = sum(map(len, arrays)), *arrays[0].shape[1:]
    return np.concatenate(arrays, out=large(shape, np.result_type(*{array.dtype for array in arrays})))


def _is_mapped(values: Any) -> bool:
    while values is not None:
        if isinstance(values, np.memmap):
            return True
        values = getattr(values, "base", None)
    return False
