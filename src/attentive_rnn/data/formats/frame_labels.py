"""Arrays of recordings with a label for each frame, as the arrays of an .npz file.

sequences   (sum T, ...), with lengths; or (N, T_max, ...) padded; or (T, D), where recordings are told apart
recording   (T,) by this array, or by subject, split, name and the like with an entry for each frame
labels      (sum T,), (N, T_max) or (T,)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import DataError
from ..recordings import REMEDY, changes

_OF_FRAMES = ("recording", "sequence", "session", "subject", "split", "name")


def by_recording(
    arrays: dict[str, np.ndarray], stored: np.ndarray | None, labels: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Arrays with the lengths of their recordings, and facts about a recording once for each, where frames have them.

    Args:
        arrays: of a file.
        stored: that of the sequences; as it is unless (T, D) without an array "lengths".
        labels: that of the labels.
    """
    if stored is None or stored.ndim != 2 or "lengths" in arrays or not len(stored):
        return arrays
    named = {name: np.squeeze(array) for name, array in arrays.items() if name in _OF_FRAMES}
    facts = {name: array for name, array in named.items() if array.shape == (len(stored),)}
    starts = changes(*facts.values()) if facts else np.zeros(1, dtype=np.int64)
    once = {name: array[starts] for name, array in facts.items()}
    return arrays | once | {"lengths": np.diff([*starts, len(stored)])}


def labels_of_frames(
    labels: np.ndarray | None, lengths: Sequence[int], padded: tuple[int, ...], where: str, cut: bool
) -> tuple[np.ndarray | None, bool]:
    """Labels (sum T,), or (sum T, K) if they are one-hot, and True, where there is one for each frame.

    Args:
        labels: as they are stored.
        lengths: of the sequences.
        padded: rows and columns of the array of the sequences, (N, T_max) if it is padded.
        where: the file, for a message.
        cut: whether the sequences are cut into windows, so that a label for each frame is right.

    Raises:
        DataError: there is one for each frame, and the sequences are not cut.
    """
    if labels is None or labels.ndim == 0:
        return labels, False
    total, count = sum(lengths), len(lengths)
    if labels.shape == padded and padded[0] == count and padded[1] > 1 and not _one_hot(labels):
        labels = np.concatenate([row[:size] for row, size in zip(labels, lengths, strict=True)])
    elif len(labels) != total or total == count or labels.ndim > 2:
        return labels, False
    if not cut:
        raise DataError(f"{where}: there are {total} labels, one for each frame of {count} recordings; {REMEDY}")
    return labels, True


def _one_hot(labels: np.ndarray) -> bool:
    return labels.dtype.kind in "iufb" and bool((np.isin(labels, (0, 1)).all(1) & (labels == 1).sum(1) == 1).all())
