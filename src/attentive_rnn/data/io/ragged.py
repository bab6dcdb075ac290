"""Sequences of several lengths that have an array each, as one array and their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DataError
from ..stored.spool import concatenated

CELLS = ("TD", "DT")  # the axes of each: T of frames, D of features


def joined(
    cells: Sequence[Any], name: str, where: str, order: str | None, own: str | None = None
) -> dict[str, np.ndarray]:
    """The sequences of cells, one after the other, and their lengths.

    Args:
        cells: an array for each sequence, (T,), (T, D), (D, T) or (T, ...).
        name: of the array that has them, as it is returned.
        where: the file in messages.
        order: "TD" or "DT", the axes of each; None: they are told by which of them differs.
        own: its name in messages; None: the same.

    Raises:
        DataError: a cell is none of these, or they are unlike each other, or can be read in two ways.

    Example:
        >>> found = joined([np.zeros((2, 5)), np.zeros((2, 7))], "x", "here", None)  # 2 features
        >>> found["x"].shape, found["lengths"].tolist()
        ((12, 2), [5, 7])
    """
    full, called = {}, own or name
    for i, cell in enumerate(cells):
        if not isinstance(cell, np.ndarray) or cell.dtype.kind not in "iuf" or not 1 <= cell.ndim <= 4:
            raise DataError(f"{where}: cell {i + 1} of {called!r} must be an array of numbers, frames by features")
        if cell.size:
            full[i] = cell[:, None] if cell.ndim == 1 else cell
    if not full:
        raise DataError(f"{where}: {called!r} has no cells with frames")
    found = list(full.values())
    axes = {cell.ndim for cell in found}
    if len(axes) > 1:
        raise DataError(f"{where}: the cells of {called!r} have {' or '.join(map(str, sorted(axes)))} axes")
    if axes == {2} and _turned([cell.shape for cell in found], called, where, order):
        found = [cell.T for cell in found]
    shapes = {cell.shape[1:]: i for i, cell in reversed(list(zip(full, found, strict=True)))}
    if len(shapes) > 1:
        (one, first), (other, second) = sorted(shapes.items(), key=lambda item: item[1])[:2]
        raise DataError(
            f"{where}: cell {second + 1} of {called!r} has frames {other}, but cell {first + 1} has {one}; all must "
            "agree"
        )
    lengths = np.zeros(len(cells), dtype=np.int64)
    lengths[list(full)] = [len(cell) for cell in found]
    return {name: concatenated(found), "lengths": lengths}


def _turned(shapes: list[tuple[int, ...]], name: str, where: str, order: str | None) -> bool:
    """Whether sequences are (D, T): the axis in which they differ is time."""
    if order in CELLS:
        return order == "DT"
    rows, columns = ({shape[axis] for shape in shapes} for axis in (0, 1))
    if len(columns) == 1 and (len(rows) > 1 or columns == {1}):
        return False
    if len(rows) == 1 and (len(columns) > 1 or rows == {1}):
        return True
    if len(rows) > 1:
        raise DataError(f"{where}: the cells of {name!r} differ in both axes, so that none can be the features")
    raise DataError(
        f"{where}: all cells of {name!r} are {shapes[0]}, which can be (frames, features) or (features, frames); say "
        "which with --option order=TD or order=DT"
    )
