"""Arrays from .npz and .npy files, without ever unpickling."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from ...errors import DataError
from .files import read_bytes

_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, MemoryError, OverflowError)


def read_arrays(path: Path, largest: int | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name; that of an .npy file under the name "".

    Args:
        path: the file.
        largest: bytes that an array of an .npz file may have; None: any number.

    Raises:
        DataError: the file is damaged, or an array is too large or holds Python objects.
    """
    data = read_bytes(path)
    if path.suffix.lower() == ".npy":
        return {"": _array(data, str(path))}
    arrays, place = {}, str(path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                place = f"{path}, array {info.filename.removesuffix('.npy')!r}"
                if largest is not None and info.file_size > largest:
                    raise DataError(f"{place}: has more than {largest >> 20} MiB")
                if info.filename.endswith(".npy"):
                    arrays[info.filename[:-4]] = _array(archive.read(info), place)
    except _BROKEN as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{place}: cannot be read ({error}); the file is truncated or not an .npz file") from error
    return arrays


def _array(data: bytes, place: str) -> np.ndarray:
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        if dtype.hasobject:
            raise DataError(f"{place}: holds Python objects, which could run code; save it again as numbers or text")
        # Before the array is made: a damaged header may ask for any amount of memory.
        if min(shape, default=1) < 0 or prod(shape) * dtype.itemsize != len(data) - stream.tell():
            raise DataError(f"{place}: its header says {shape} of {dtype}, which is not what follows; it is truncated")
        stream.seek(0)
        return np.load(stream, allow_pickle=False)
    # What NumPy's parser of headers lets through.
    except (*_BROKEN, SyntaxError, tokenize.TokenError, TypeError, KeyError, UserWarning) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{place}: is not a NumPy array ({error})") from error
