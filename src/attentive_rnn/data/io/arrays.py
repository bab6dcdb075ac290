"""Arrays of numbers: from .npz and .npy files, without unpickling, and their missing values."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import IO, Any, Literal, get_args

import numpy as np
from numpy.lib import format as npy

from ...errors import ConfigError, DataError
from ..stored.spool import is_on_disk, keep, large
from .memory import check_memory
from .pickle import load_array, no_objects

_PIECE = 2**24  # bytes that are unpacked at a time
_MOST_EMPTY = 10**6  # elements along the axes of an array without any, which loops go over all the same
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, MemoryError, OverflowError)


def read_arrays(path: Path, largest: int | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name; that of an .npy file under the name "". True is read as 1, false as 0.

    Of arrays of Python's objects, those of texts and of numbers are read as such; one of arrays stays one of objects.

    Args:
        path: the file.
        largest: bytes that an array of an .npz file may have; None: any number.

    Raises:
        DataError: the file is damaged, or an array is too large or holds other objects; nothing of it is run.
    """
    place = str(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    with file:
        if path.suffix.lower() == ".npy":
            return {"": _array(file, path.stat().st_size, place)}
        arrays = {}
        try:
            with zipfile.ZipFile(file) as archive:
                arrays_in = [info for info in archive.infolist() if info.filename.endswith(".npy")]
                if not is_on_disk():
                    check_memory(sum(info.file_size for info in arrays_in), place)
                for info in arrays_in:
                    place = f"{path}, array {info.filename.removesuffix('.npy')!r}"
                    if largest is not None and info.file_size > largest:
                        raise DataError(f"{place}: has more than {largest >> 20} MiB")
                    with archive.open(info) as stream:
                        arrays[info.filename[:-4]] = _array(stream, info.file_size, place)
        except _BROKEN as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{place}: cannot be read ({error}); the file is truncated or not an .npz file") from error
    return arrays


def open_array(path: Path) -> np.ndarray:
    """The array of an .npy file, mapped: what is used of it is read when it is used.

    Raises:
        DataError: the file is damaged, or holds Python objects.
    """
    place = str(path)
    try:
        with path.open("rb") as stream:
            shape, fortran, dtype = _header(stream, path.stat().st_size, place)
            if dtype.hasobject:
                raise no_objects(place)
            offset = stream.tell()
    except OSError as error:
        raise DataError(f"{place}: cannot be read: {error.strerror or error}") from error
    if not prod(shape):
        return np.empty(shape, dtype)
    return _plain(np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C"), place)


def _array(stream: IO[bytes], size: int, place: str) -> np.ndarray:
    """The array of so many bytes, read piece by piece, so that what is large goes where sequences are kept."""
    shape, fortran, dtype = _header(stream, size, place)
    if dtype.hasobject:
        check_memory(size, place)
        return load_array(stream.read(), place)
    values = large(shape[::-1] if fortran else shape, dtype)
    left = values.reshape(-1).view(np.uint8).data
    while len(left):
        count = stream.readinto(left[:_PIECE])  # type: ignore[attr-defined]
        if not count:
            raise DataError(f"{place}: ends early; the file is truncated")
        left = left[count:]
    stream.read(1)  # at its end a member of a zip is checked
    values = values.T if fortran else values
    return _plain(values, place)


def _plain(values: np.ndarray, place: str) -> np.ndarray:
    """The same array, with 1 and 0 for true and false; what NumPy takes but holds no such values is refused."""
    if values.dtype == bool:
        values = values.view(np.int8)
        if ((values != 0) & (values != 1)).any():
            raise DataError(f"{place}: a value is neither true nor false; the file is damaged")
    if values.dtype.kind == "U":
        points = np.ascontiguousarray(values).reshape(-1).view(np.dtype(np.uint32).newbyteorder(values.dtype.byteorder))
        if ((points > 0x10FFFF) | ((points >= 0xD800) & (points < 0xE000))).any():
            raise DataError(f"{place}: is no text; the file is damaged")
    return values


def _header(stream: IO[bytes], size: int, place: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the order is Fortran's, and type of an array, checked against the size of its file in bytes."""
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        if dtype.kind == "O":
            return shape, fortran, dtype
        if dtype.hasobject:
            raise no_objects(place)
        if not dtype.itemsize or (0 in shape and prod(n or 1 for n in shape) > _MOST_EMPTY):
            raise DataError(f"{place}: its header says {shape} of {dtype}, which is nothing")
        # Before the array is made: a damaged header may ask for any amount of memory.
        if min(shape, default=1) < 0 or prod(shape) * dtype.itemsize != size - stream.tell():
            raise DataError(f"{place}: its header says {shape} of {dtype}, which is not what follows; it is truncated")
        return shape, fortran, dtype
    # What NumPy's parser of headers lets through.
    except (*_BROKEN, SyntaxError, tokenize.TokenError, TypeError, KeyError, UserWarning) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{place}: is not a NumPy array ({error})") from error


Missing = Literal["refuse", "interpolate", "zero", "keep", "skip"]

_FLOAT32_MAX = np.finfo(np.float32).max


def check_missing(missing: str) -> None:
    """ConfigError unless ``missing`` is one of its words."""
    if missing not in get_args(Missing):
        raise ConfigError(f"missing must be one of {', '.join(get_args(Missing))}; got {missing!r}")


def fill(values: np.ndarray, missing: Missing, place: Callable[[int, int], str], hint: str = "") -> np.ndarray:
    """The frames (T, D) of one sequence as contiguous float32, with NaN dealt with.

    Args:
        values: (T, D) numbers; NaN is a missing value.
        missing: "refuse" makes one an error, "interpolate" puts the straight line through its neighbours in time
            (the nearest value at the ends), "zero" puts 0, "keep" leaves NaN, for looking at a file. "skip" is the
            same error, with which a reader leaves the sequence out.
        place: ``place(t, d)`` says in a message where a value is.
        hint: how a missing value is written, for the message on an infinite one.

    Raises:
        DataError: a value is missing and refused, or it is infinite or too large for float32.

    Example:
        >>> x = np.array([[1.0], [np.nan], [4.0]])
        >>> fill(x, "interpolate", lambda t, d: f"frame {t}").ravel().tolist()
        [1.0, 2.5, 4.0]
    """
    if values.size == 0 or np.abs(values).max() <= _FLOAT32_MAX:
        return keep(np.ascontiguousarray(values, dtype=np.float32))
    absent = np.isnan(values)
    wrong = np.argwhere(~absent & ~(np.abs(values) <= _FLOAT32_MAX))
    if len(wrong):
        raise DataError(f"{place(*wrong[0])} is infinite or too large for float32" + (f"; {hint}" if hint else ""))
    if missing in ("refuse", "skip"):
        raise DataError(
            f"{place(*np.argwhere(absent)[0])} is missing; load with --option missing=interpolate or missing=zero, or "
            "leave such sequences out with missing=skip"
        )
    if missing == "zero":
        values = np.where(absent, 0.0, values)
    elif missing == "interpolate":
        values, time = np.array(values, dtype=np.float64), np.arange(len(values))
        for d in np.flatnonzero(absent.any(axis=0)):
            gaps = absent[:, d]
            if gaps.all():
                raise DataError(
                    f"{place(0, int(d))}, like all others of this sequence, is missing; load with --option "
                    "missing=zero, or leave such sequences out with missing=skip"
                )
            values[gaps, d] = np.interp(time[gaps], time[~gaps], values[~gaps, d])
    return keep(np.ascontiguousarray(values, dtype=np.float32))
