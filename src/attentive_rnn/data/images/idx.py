"""The IDX format of MNIST and Fashion-MNIST: images and labels of a training and a test part.

A file starts with two zero bytes, a byte for the type of the values, a byte for the number of axes, and each axis's
size as a big-endian 32-bit integer; then come the values. It may be packed with gzip.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import DataError
from ..io.files import decompress, existing, read_bytes

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_FILES = (
    ("{part}-images-idx3-ubyte", "{part}-images.idx3-ubyte"),
    ("{part}-labels-idx1-ubyte", "{part}-labels.idx1-ubyte"),
)


class LabelledImages(NamedTuple):
    """Images uint8 (N, H, W) or (N, H, W, C), and their labels int64 (N,)."""

    images: np.ndarray
    labels: np.ndarray


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an IDX file, of the file's own type and shape.

    Raises:
        DataError: there is no such file, or it is not IDX, cut short or too long.
    """
    path = existing(path)
    data = decompress(read_bytes(path), str(path))
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or not 1 <= data[3] <= 8:
        raise DataError(f"{path}: is not an IDX file: it does not start with two zero bytes, a type and 1 to 8 axes")
    axes, dtype = data[3], np.dtype(_TYPES[data[2]])
    start = 4 + 4 * axes
    if len(data) < start:
        raise DataError(f"{path}: is cut short in the sizes of its {axes} axes; fetch it again")
    shape = struct.unpack(f">{axes}I", data[4:start])
    wanted = dtype.itemsize
    for size in shape:
        wanted *= size
    if len(data) - start != wanted:
        raise DataError(
            f"{path}: holds {len(data) - start} bytes of values, but its shape {shape} needs {wanted}; fetch it again"
        )
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def holds_idx(path: Path) -> bool:
    """Whether a folder has the files of :func:`read_idx_pair`, by their names."""
    return path.is_dir() and all(_find(path, names, part) for names in _FILES for part in ("train", "t10k"))


def read_idx_pair(path: str | Path) -> tuple[LabelledImages, LabelledImages]:
    """The training and test part of a folder of ``{train,t10k}-{images-idx3,labels-idx1}-ubyte``, with or without .gz.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not fit together.
    """
    path = existing(path)
    return _part(path, "train"), _part(path, "t10k")


def _part(folder: Path, part: str) -> LabelledImages:
    files = []
    for names in _FILES:
        file = _find(folder, names, part)
        if file is None:
            raise DataError(f"{folder}: has no {names[0].format(part=part)}, neither as it is nor with .gz")
        files.append(file)
    images, labels = (read_idx(file) for file in files)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(f"{files[0]}: must hold bytes (N, H, W), got {images.dtype} {images.shape}")
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise DataError(f"{files[1]}: must hold bytes (N,), got {labels.dtype} {labels.shape}")
    if len(images) != len(labels) or len(images) == 0:
        raise DataError(f"{files[1]}: has {len(labels)} labels for {len(images)} images of {files[0].name}")
    if labels.max() > 9:
        i = int((labels > 9).argmax())
        raise DataError(f"{files[1]}: label {i} is {labels[i]}; labels go from 0 to 9")
    return LabelledImages(images, labels.astype(np.int64))


def _find(folder: Path, names: tuple[str, ...], part: str) -> Path | None:
    for name in names:
        for suffix in ("", ".gz"):
            file = folder / (name.format(part=part) + suffix)
            if file.is_file():
                return file
    return None
