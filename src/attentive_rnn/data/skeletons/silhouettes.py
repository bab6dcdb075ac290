"""Silhouettes of the person in each frame of a film: JHMDB's CLASS/CLIP/puppet_mask.mat, or a small .npz of them.

A puppet_mask.mat holds ``part_mask`` (240, 320, frames). The .npz holds ``name``, the clips CLASS/CLIP; ``T``, the
frames of each; and ``sil``, one after the other for all frames, 30 rows of 40 bits.
Reference: H. Jhuang, J. Gall, S. Zuffi, C. Schmid, M. Black, "Towards understanding action recognition", ICCV 2013.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..io.arrays import read_arrays
from ..io.files import existing
from ..io.mat import read_mat
from ..io.members import members

_NAME = re.compile(r"(?:.*/)?([^/]+/[^/]+)/puppet_mask\.mat", re.DOTALL)
_PACKED = (30, 40)  # rows and columns of a frame in the .npz


def read_silhouettes(path: str | Path) -> dict[str, np.ndarray]:
    """The silhouettes of each clip CLASS/CLIP, bool (T, rows, columns), true where the person is.

    Args:
        path: an .npz, or a folder or a zip with CLASS/CLIP/puppet_mask.mat.

    Raises:
        DataError: a file is missing, damaged or of another form.
    """
    path = existing(path)
    if path.suffix.lower() == ".npz":
        return _unpacked(path)
    found = {}
    for member in members(path, _key, "CLASS/CLIP/puppet_mask.mat"):
        mask = read_mat(member.data, member.where, "part_mask")
        mask = mask[:, :, None] if mask.ndim == 2 else mask
        if mask.ndim != 3 or 0 in mask.shape:
            raise DataError(f"{member.where}: part_mask is {mask.shape}, expected (rows, columns, frames)")
        found[member.key] = mask.transpose(2, 0, 1) > 0
    return found


def cover(silhouettes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The share of each cell that the person covers, float64 (T, H, W), for maps of H x W cells over whole frames.

    Example:
        >>> frame = np.zeros((1, 3, 4), bool)
        >>> frame[0, :2, :2] = True
        >>> cover(frame, (2, 2))[0].tolist()
        [[1.0, 0.0], [0.3333333333333333, 0.0]]
    """
    frames, rows, columns = silhouettes.shape
    # Each pixel as H x W small ones: then every cell is rows x columns of these, whatever the sizes.
    fine = silhouettes.repeat(size[0], 1).repeat(size[1], 2).reshape(frames, size[0], rows, size[1], columns)
    shares: np.ndarray = fine.mean((2, 4))
    return shares


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return match[1] if match else None


def _unpacked(path: Path) -> dict[str, np.ndarray]:
    arrays = read_arrays(path)
    wanted = {"name": "U", "T": "iu", "sil": "u"}
    for key, kinds in wanted.items():
        if key not in arrays or arrays[key].dtype.kind not in kinds:
            raise DataError(f"{path}: has no array {key!r} of silhouettes (name, T and sil, bytes)")
    names, lengths, bits = arrays["name"], arrays["T"], arrays["sil"]
    if names.ndim != 1 or lengths.shape != names.shape or not len(names) or lengths.min() < 1:
        raise DataError(f"{path}: name {names.shape} and T {lengths.shape} must be one for each clip, T 1 or more")
    total, (rows, columns) = int(lengths.sum(dtype=np.int64)), _PACKED
    if bits.dtype != np.uint8 or bits.shape != (total, rows * columns // 8):
        raise DataError(
            f"{path}: sil is {bits.dtype} {bits.shape}; {total} frames of {rows * columns // 8} bytes are due"
        )
    frames = np.unpackbits(bits, axis=1).reshape(total, rows, columns).astype(bool)
    parts = np.split(frames, np.cumsum(lengths.astype(np.int64))[:-1])
    return dict(zip(names.tolist(), parts, strict=True))
