"""Answers of one track: its logits pooled as they arrive, and the segments that they make. NumPy alone is needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import ConfigError, DataError
from .segments import Segment, Segmenter

MOST_TRACKS = 1000  # open at once, of some 20 kB each with a small model


class Recognition(NamedTuple):
    """The state of a track after a frame.

    Args:
        frame: its number in the track, from 0.
        probabilities: of the classes, (K,), after this frame.
        label: the index of the class that the track shows now, steadied; see :class:`Segmenter`.
        start: the frame at which that began.
        ended: the segment before, in the result of the frame that decided that it had ended; else None.
        attention: a of each layer, (D_layer,), None for a layer without a gate; empty if not asked for.
        inputs: the first layer's input, (D,), NaN where a joint is not seen; None if no attention is asked for.
    """

    frame: int
    probabilities: np.ndarray
    label: int
    start: int
    ended: Segment | None
    attention: tuple[np.ndarray | None, ...] = ()
    inputs: np.ndarray | None = None


class Answers:
    """The pooled logits of a track and its segments.

    Args:
        window: frames after which the past fades; None: all frames count alike; 1: the last one alone.
        hold: as in :class:`Segmenter`.

    Example:
        >>> answers = Answers(window=None, hold=1)
        >>> answers.take(np.array([2.0, 0.0])).label, answers.take(np.array([0.0, 6.0])).label
        (0, 1)
        >>> answers.finish().end
        2
    """

    def __init__(self, window: int | None, hold: int) -> None:
        self._window, self._segmenter = window, Segmenter(hold)
        self._count = 0
        self._pooled: np.ndarray | None = None

    def take(
        self, logits: np.ndarray, attention: tuple[np.ndarray | None, ...] = (), inputs: np.ndarray | None = None
    ) -> Recognition:
        """The state after a frame of these logits (K,)."""
        self._count += 1
        if self._pooled is None:
            self._pooled = logits.astype(np.float64)
        else:
            count = self._count if self._window is None else min(self._count, self._window)
            self._pooled += (logits - self._pooled) / count
        shares = np.exp(self._pooled - self._pooled.max())
        shares /= shares.sum()
        ended = self._segmenter.push(shares)
        label, start = self._segmenter.label, self._segmenter.start
        return Recognition(self._count - 1, shares, label, start, ended, attention, inputs)

    def finish(self) -> Segment | None:
        """The last segment; None without frames."""
        return self._segmenter.finish()


def check_room(tracks: int, most: int = MOST_TRACKS) -> None:
    """DataError where a frame begins another track although as many are open as may be."""
    if tracks >= most:
        raise DataError(
            f"{most} tracks are open, and a frame begins another; end those who have gone: "
            '{"end": TRACK} in lines of JSON, end(track) in Python'
        )


def check_frames(window: int | None, hold: int) -> None:
    """ConfigError unless a window, where there is one, and a hold are of a frame or more."""
    for name, value in (("window", window), ("hold", hold)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} must be 1 frame or more, got {value}")
