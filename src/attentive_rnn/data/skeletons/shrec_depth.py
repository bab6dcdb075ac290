"""SHREC'17 hand gestures as features of depth images, from one .npz with 16 frames of each gesture.

The file has ``depth`` (N, 16, 50, 50) uint8, the image round the hand, 0 where nothing is near, else
(millimetres - 200) // 3 + 1; ``hand`` (N, 16, 9), the mean, the least and the greatest image row, image column and
depth (millimetres) of the hand; ``rows`` (N, 7), gesture, finger, subject, trial, label of 14, label of 28 and
number of frames; and ``n_train``, how many come first to train.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..io.arrays import read_arrays
from ..io.files import existing
from ..schema import Schema
from ..source import Source
from .shrec import FINGERS, GESTURES, class_names, label_of, sequence_name

_SIDE, _BANDS, _CELLS = 50, 10, 5
_HAND = tuple(f"{what} {of}" for what in ("mean", "least", "greatest") for of in ("row", "column", "depth"))
# Image rows and columns become shares of a 480 x 640 image, millimetres become metres.
_HAND_SCALE = np.tile(np.array([480, 640, 1000], dtype=np.float32), 3)
FEATURES = (
    *(f"hand {name}" for name in _HAND),
    *(f"occupied rows {i}" for i in range(_BANDS)),
    *(f"occupied columns {i}" for i in range(_BANDS)),
    *(f"depth in cell {i} {j}" for i in range(_CELLS) for j in range(_CELLS)),
)
_LARGEST = 2**30  # bytes of one array


def load(path: str | Path, labels: int = 14) -> Splits:
    """The official parts: the first 1960 gestures train, the other 840 test.

    Args:
        path: the .npz file.
        labels: 14 gestures, or 28 for each of them with one finger or the whole hand.

    Raises:
        ConfigError: labels is neither 14 nor 28.
        DataError: the file is malformed, or one part is empty.
    """
    path = existing(path)
    arrays = _arrays(path)
    dataset = _dataset(path, arrays, labels)
    count = int(arrays["n_train"])
    if not 0 < count < len(dataset):
        raise DataError(f"{path}: n_train is {count}, but there are {len(dataset)} gestures")
    return Splits(dataset.subset(range(count)), dataset.subset(range(count, len(dataset))))


def read(path: str | Path, labels: int = 14) -> SequenceDataset:
    """Every gesture, with its label.

    Raises:
        ConfigError: labels is neither 14 nor 28.
        DataError: the file is malformed.
    """
    path = existing(path)
    return _dataset(path, _arrays(path), labels)


def recognise(path: Path) -> bool:
    """Whether the path is an .npz file named after SHREC and depth."""
    name = path.name.lower()
    return name.endswith(".npz") and "shrec" in name and "depth" in name


def depth_features(depth: np.ndarray) -> np.ndarray:
    """What is where in the image round the hand, float32 (..., 45), each value from 0 to 1.

    With o the pixels that are not background: the share of o in each of 10 bands of rows, then of 10 bands of
    columns; then the mean of depth / 255 over o in each cell of a 5 x 5 grid, 0 where a cell is empty.

    Args:
        depth: uint8 (..., 50, 50), 0 for background.

    Example:
        >>> features = depth_features(np.full((50, 50), 255, dtype=np.uint8))
        >>> features.shape, features.min(), features.max()
        ((45,), np.float32(1.0), np.float32(1.0))
    """
    lead, band, cell = depth.shape[:-2], _SIDE // _BANDS, _SIDE // _CELLS
    occupied = depth > 0
    rows = occupied.reshape(*lead, _BANDS, band * _SIDE).mean(-1)
    columns = occupied.reshape(*lead, _SIDE, _BANDS, band).mean((-3, -1))
    grid = (*lead, _CELLS, cell, _CELLS, cell)
    total = depth.reshape(grid).sum((-3, -1), dtype=np.float64) / 255
    count = occupied.reshape(grid).sum((-3, -1))
    cells = (total / np.maximum(count, 1)).reshape(*lead, _CELLS**2)
    return np.concatenate([rows, columns, cells], axis=-1).astype(np.float32)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    wanted = {"depth": "u", "hand": "f", "rows": "iu", "n_train": "iu"}
    try:
        arrays = read_arrays(path, _LARGEST)
    except DataError as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}); fetch it again") from error
    missing = [key for key in wanted if key not in arrays]
    if missing:
        raise DataError(f"{path}: has no array {missing[0]!r}")
    for key, kinds in wanted.items():
        if arrays[key].dtype.kind not in kinds:
            raise DataError(f"{path}: the array {key!r} has the wrong type of values")
    return arrays


def _dataset(path: Path, arrays: dict[str, np.ndarray], labels: int) -> SequenceDataset:
    depth, hand, rows = arrays["depth"], arrays["hand"], arrays["rows"]
    classes = class_names(labels)
    frames = depth.shape[1] if depth.ndim == 4 else 0
    wanted = {"depth": (len(rows), frames, _SIDE, _SIDE), "hand": (len(rows), frames, 9), "rows": (len(rows), 7)}
    for key, shape in {**wanted, "n_train": ()}.items():
        if arrays[key].shape != shape or frames == 0:
            raise DataError(f"{path}: the array {key!r} is {arrays[key].shape}, expected {shape}")
    if not len(rows):
        raise DataError(f"{path}: has no gesture")
    limits = np.array([len(GESTURES), len(FINGERS)])
    bad = np.flatnonzero(((rows[:, :2] < 1) | (rows[:, :2] > limits)).any(1) | ~np.isfinite(hand).all((1, 2)))
    if len(bad):
        raise DataError(
            f"{path}: gesture {bad[0]} has an unknown gesture or finger, or a hand value that is not finite"
        )
    sequences = [
        torch.from_numpy(np.concatenate([h.astype(np.float32) / _HAND_SCALE, depth_features(d)], axis=-1))
        for h, d in zip(hand, depth, strict=True)
    ]
    metas = [
        {"name": sequence_name(g, f, s, e), "subject": s, "repetition": e, "finger": f, "frames": size}
        for g, f, s, e, _, _, size in rows.tolist()
    ]
    targets = [label_of(int(g), int(f), labels) for g, f in rows[:, :2]]
    schema = Schema(classes=classes, shape=(len(FEATURES),), features=FEATURES)
    return SequenceDataset(sequences, targets, metas, schema, "shrec17-depth")


SOURCE = Source(
    name="shrec17-depth",
    title="SHREC'17 depth images: shrec17_depth16.npz",
    load=load,
    recognise=recognise,
    read=read,
)
