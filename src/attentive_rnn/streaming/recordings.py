"""Segments of recordings that were cut into windows: the answers for overlapping windows, joined frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import LabelledDataset
from ..tasks.metrics import probabilities
from .segments import segments_of


def are_windows(dataset: LabelledDataset) -> bool:
    """Whether all sequences of a data set are windows of recordings."""
    return all("recording" in meta and "start" in meta for meta in dataset.metas)


def segments_of_recordings(dataset: LabelledDataset, logits: np.ndarray) -> list[dict[str, Any]]:
    """The segments of recordings that were cut into windows.

    Args:
        dataset: the windows.
        logits: of each window, (windows, K).

    Returns:
        For each segment a dict: "name", of the recording, "start", the first frame, "end", the frame after the last
        one, "label", "probability" and, where the frames per second are known, "start_seconds" and "end_seconds".
    """
    shares, lengths, rate = probabilities(logits), dataset.lengths, dataset.schema.rate
    windows: dict[str, list[int]] = {}
    for i, meta in enumerate(dataset.metas):
        windows.setdefault(str(meta["recording"]), []).append(i)
    rows = []
    for name, held in windows.items():
        starts = [int(dataset.metas[i]["start"]) for i in held]
        for segment in segments_of(of_windows(starts, lengths[held].tolist(), shares[held])):
            row: dict[str, Any] = {"name": name, "start": segment.start, "end": segment.end}
            if rate is not None:
                row |= {"start_seconds": segment.start / rate, "end_seconds": segment.end / rate}
            rows.append(row | {"label": dataset.schema.classes[segment.label], "probability": segment.probability})
    return rows


def of_windows(starts: Sequence[int], lengths: Sequence[int], probabilities: np.ndarray) -> np.ndarray:
    """The probabilities (T, K) of each frame of a recording: the mean over the windows that hold it.

    Args:
        starts: the first frame of each window.
        lengths: its frames; together the windows hold every frame.
        probabilities: of each window, (windows, K).

    Example:
        >>> of_windows([0, 1], [2, 2], np.eye(2)).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    end = max(start + length for start, length in zip(starts, lengths, strict=True))
    total, count = np.zeros((end, probabilities.shape[1])), np.zeros((end, 1))
    for start, length, one in zip(starts, lengths, probabilities, strict=True):
        total[start : start + length] += one
        count[start : start + length] += 1
    return total / np.maximum(count, 1)
