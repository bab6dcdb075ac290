"""Arrays, texts, cells and structures in MATLAB files of version 5 to 7.2.

Read here and not by ``scipy.io.loadmat``, which reads past its buffers on a damaged file and ends the process.
Source: "MAT-File Format", The MathWorks.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np

from ...errors import DataError

Value: TypeAlias = "np.ndarray | list[Value] | dict[str, Value]"  # numbers or texts, cells, structures

_LARGEST = 64 * 2**20  # bytes of one compressed variable once unpacked
_HEADER = 128
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_NUMERIC_CLASSES = range(6, 16)  # double, single and the integers
_CELL, _STRUCT, _CHAR = 1, 2, 4
_COMPLEX = 0x0800
_TEXTS = {1: "latin-1", 2: "latin-1", 16: "utf-8", 4: "utf-16", 17: "utf-16", 18: "utf-32"}
_DEEPEST = 8  # cells and structures within each other


class _Element(NamedTuple):
    kind: int
    data: bytes


def read_mat(data: bytes, where: str, variable: str) -> np.ndarray:
    """One numeric array of a MATLAB file, float64, with the shape it has there.

    Raises:
        DataError: not such a file, a damaged one, no such variable, or one that is not of finite real numbers.
    """
    if data[:8] == b"\x89HDF\r\n\x1a\n" or data[512:520] == b"\x89HDF\r\n\x1a\n":
        raise DataError(f"{where}: is a MATLAB file of version 7.3; save it with -v7")
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER])
    if order is None:
        raise DataError(f"{where}: is not a MATLAB file of version 5 to 7.2")
    for element in _matrices(data, order, where, _LARGEST):
        values = _matrix(element.data, order, where, variable)
        if values is not None:
            return values
    raise DataError(f"{where}: has no variable {variable!r}")


def read_variables(data: bytes, where: str) -> dict[str, Value]:
    """All variables of a MATLAB file by name; NaN stays, and objects, functions and complex numbers are left out.

    Raises:
        DataError: not such a file, or a damaged one.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER])
    if order is None:
        raise DataError(f"{where}: is not a MATLAB file of version 5 to 7.2")
    found = {}
    for element in _matrices(data, order, where, max(4 * _LARGEST, 20 * len(data))):
        name, value = _variable(element.data, order, where, 0)
        if value is not None and name:
            found[name] = value
    return found


def joints_by_time(data: bytes, where: str, variable: str, joints: int, coordinates: int) -> np.ndarray:
    """A (joints, coordinates, T) variable as (T, 1, joints, coordinates); a single frame may lack its last axis.

    Raises:
        DataError: as :func:`read_mat`, or an array of another shape or without frames.
    """
    values = read_mat(data, where, variable)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[:2] != (joints, coordinates) or values.shape[2] == 0:
        raise DataError(f"{where}: {variable} is {values.shape}, expected ({joints}, {coordinates}, frames)")
    return values.transpose(2, 0, 1)[:, None]


def _elements(data: bytes, order: str, where: str) -> Iterator[_Element]:
    """The elements of a file or of a matrix, one after the other."""
    at = 0
    while at + 8 <= len(data):
        first, size = (int(v) for v in np.frombuffer(data, f"{order}u4", 2, at))
        if first >> 16:  # up to four bytes of data within the tag
            kind, size, start, end = first & 0xFFFF, first >> 16, at + 4, at + 8
            fits = size <= 4
        else:
            kind, start, end = first, at + 8, at + 8 + size
            fits = end <= len(data)
            if kind != _COMPRESSED:
                end += -size % 8
        if not fits:
            raise DataError(f"{where}: is damaged or truncated at an element of {size} bytes; fetch it again")
        yield _Element(kind, data[start : start + size])
        at = end


def _matrices(data: bytes, order: str, where: str, largest: int) -> Iterator[_Element]:
    """The elements of the variables of a file, each at most so large once unpacked, and four times that together."""
    unpacked = 0
    for element in _elements(data[_HEADER:], order, where):
        if element.kind == _COMPRESSED:
            content = _unpacked(element.data, where, largest)
            unpacked += len(content)
            if unpacked > 4 * largest:
                raise DataError(f"{where}: has more than {4 * largest >> 20} MiB")
            element = next(_elements(content, order, where), element)
        if element.kind == _MATRIX:
            yield element


def _unpacked(data: bytes, where: str, largest: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, largest)
    except zlib.error as error:
        raise DataError(f"{where}: a compressed variable is damaged ({error}); fetch it again") from error
    if unpacker.unconsumed_tail:
        raise DataError(f"{where}: a variable has more than {largest >> 20} MiB")
    return unpacked


def _matrix(data: bytes, order: str, where: str, variable: str) -> np.ndarray | None:
    """The values of a matrix of that name, or None if it has another name."""
    parts = _elements(data, order, where)
    flags, shape, name = (next(parts, _Element(0, b"")) for _ in range(3))
    if name.kind == _INT8 and name.data != variable.encode():
        return None
    if (flags.kind, len(flags.data), shape.kind, name.kind) != (_UINT32, 8, _INT32, _INT8) or len(shape.data) % 4:
        raise DataError(f"{where}: a variable's head is damaged; fetch the file again")
    flag = int(np.frombuffer(flags.data, f"{order}u4")[0])
    if flag & 0xFF not in _NUMERIC_CLASSES or flag & _COMPLEX:
        raise DataError(f"{where}: the variable {variable!r} is not an array of real numbers")
    content = next(parts, _Element(0, b""))
    sizes = np.frombuffer(shape.data, f"{order}i4").tolist()
    kind = np.dtype(order + _NUMBERS.get(content.kind, "u1"))
    if (
        content.kind not in _NUMBERS
        or min(sizes, default=-1) < 0
        or math.prod(sizes) * kind.itemsize != len(content.data)
    ):
        raise DataError(
            f"{where}: the variable {variable!r} is damaged: its values do not fit its shape {tuple(sizes)}"
        )
    values = np.frombuffer(content.data, kind).astype(np.float64).reshape(sizes, order="F")
    if not (np.abs(values) <= np.finfo(np.float32).max).all():
        raise DataError(f"{where}: the variable {variable!r} has a value that is NaN, infinite or too large")
    return values


def _variable(data: bytes, order: str, where: str, depth: int) -> tuple[str, Value | None]:
    """The name and the value of a matrix element; None for what is no array, text, cell or structure."""
    parts = _elements(data, order, where)
    if depth > _DEEPEST:
        raise DataError(f"{where}: has more than {_DEEPEST} cells and structures within each other")
    if not data:  # an empty cell
        return "", np.empty((0, 0))
    flags, shape, name = (next(parts, _Element(0, b"")) for _ in range(3))
    if (flags.kind, len(flags.data)) != (_UINT32, 8):
        return "", None  # an object, which has another head
    if (shape.kind, name.kind) != (_INT32, _INT8) or len(shape.data) % 4:
        raise DataError(f"{where}: a variable's head is damaged")
    called = name.data.decode("latin-1")
    sizes = np.frombuffer(shape.data, f"{order}i4").tolist()
    flag = int(np.frombuffer(flags.data, f"{order}u4")[0])
    kind = flag & 0xFF
    if kind == _CELL:
        cells = [_variable(part.data, order, where, depth + 1)[1] for part in parts]
        return called, [np.empty((0, 0)) if cell is None else cell for cell in cells]
    if kind == _STRUCT:
        return called, _structure(list(parts), order, where, depth)
    content = next(parts, _Element(0, b""))
    if kind == _CHAR:
        return called, _texts(content, sizes, order, f"{where}: the variable {called!r}")
    if kind not in _NUMERIC_CLASSES or flag & _COMPLEX:
        return called, None
    dtype = np.dtype(order + _NUMBERS.get(content.kind, "u1"))
    fits = min(sizes, default=-1) >= 0 and math.prod(sizes) * dtype.itemsize == len(content.data)
    if content.kind not in _NUMBERS or not fits:
        raise DataError(f"{where}: the variable {called!r} is damaged: its values do not fit its shape {tuple(sizes)}")
    values = np.frombuffer(content.data, dtype).reshape(sizes, order="F")
    if kind in (6, 7):  # of doubles that are whole, the file has integers
        return called, values.astype(np.float64 if kind == 6 else np.float32)
    return called, values.astype(f"{'ui'[kind % 2 == 0]}{2 ** ((kind - 8) // 2)}")


def _structure(parts: list[_Element], order: str, where: str, depth: int) -> dict[str, Value] | None:
    """The fields of a structure; None of an array of several structures."""
    size = int(np.frombuffer(parts[0].data, f"{order}i4")[0]) if parts and len(parts[0].data) == 4 else 0
    if size < 1 or len(parts) < 2 or len(parts[1].data) % size:
        raise DataError(f"{where}: the fields of a structure are damaged")
    names = [parts[1].data[i : i + size].split(b"\0")[0].decode("latin-1") for i in range(0, len(parts[1].data), size)]
    if len(parts) - 2 != len(names):
        return None
    fields = [_variable(part.data, order, where, depth + 1)[1] for part in parts[2:]]
    return {name: value for name, value in zip(names, fields, strict=True) if value is not None}


def _texts(content: _Element, sizes: list[int], order: str, where: str) -> np.ndarray:
    """A text, or one for each row of a matrix of characters."""
    coding = _TEXTS.get(content.kind, "latin-1")
    if coding.startswith("utf-") and coding != "utf-8":
        coding += "-le" if order == "<" else "-be"
    letters = list(content.data.decode(coding, "replace"))
    if len(sizes) != 2 or min(sizes) < 0 or math.prod(sizes) != len(letters):
        raise DataError(f"{where} is damaged: its text does not fit its shape {tuple(sizes)}")
    rows = ["".join(letters[i :: sizes[0]]).rstrip(" ") for i in range(sizes[0])] if letters else [""]
    return np.array(rows[0] if len(rows) == 1 else rows)
