"""Answers of one track: its logits pooled as they arrive, and the segments that they make. NumPy alone is needed."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConfigError, DataError
from .segments import Segment, Segmenter

MOST_TRACKS = 1000  # open at once, of some 20 kB each with a small model
NOT_FINITE = (
    "the answer is not finite: a frame is far outside those of training, or the model is damaged; the track ends"
)


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

    def to_dict(self, classes: Sequence[str]) -> dict[str, Any]:
        """The state as plain values that JSON can hold, for the names of the classes.

        Example:
            >>> Recognition(4, np.array([0.25, 0.75]), label=1, start=2, ended=None).to_dict(("sit", "stand"))
            {'label': 'stand', 'since': 2, 'probabilities': {'sit': 0.25, 'stand': 0.75}}
        """
        shares = (round(float(share), 5) for share in self.probabilities)
        said: dict[str, Any] = {
            "label": classes[self.label],
            "since": self.start,
            "probabilities": dict(zip(classes, shares, strict=True)),
        }
        if self.ended is not None:
            said["ended"] = {"label": classes[self.ended.label], "start": self.ended.start, "end": self.ended.end}
        return said


class Answers:
    """The pooled logits of a track and its segments.

    Args:
        window: frames after which the past fades; None: all frames count alike; 1: the last one alone.
        hold: as in :class:`Segmenter`.
        pooled: float64 (K,), where the pooled logits are kept; None: memory of its own.

    Attributes:
        count: frames that it has taken.
        segmenter: makes the segments of them.

    Example:
        >>> answers = Answers(window=None, hold=1)
        >>> answers.take(np.array([2.0, 0.0])).label, answers.take(np.array([0.0, 6.0])).label
        (0, 1)
        >>> answers.finish().end
        2
    """

    def __init__(self, window: int | None, hold: int, pooled: np.ndarray | None = None) -> None:
        self.window, self.segmenter = window, Segmenter(hold)
        self.count = 0
        self._pooled = pooled

    def take(
        self, logits: np.ndarray, attention: tuple[np.ndarray | None, ...] = (), inputs: np.ndarray | None = None
    ) -> Recognition:
        """The state after a frame of these logits (K,).

        Raises:
            DataError: the answer is not finite, nor will it be after further frames.
        """
        self.count = count = self.count + 1
        if self._pooled is None:
            self._pooled = np.zeros(len(logits))
        self._pooled += (logits - self._pooled) / (count if self.window is None else min(count, self.window))
        best = int(self._pooled.argmax())
        top = self._pooled[best]
        if not isfinite(top):
            raise DataError(NOT_FINITE)
        shares = np.exp(self._pooled - top)
        total = shares.sum()
        shares /= total
        segmenter = self.segmenter
        ended = segmenter.push(shares, best, 1 / float(total))
        return Recognition(count - 1, shares, segmenter.label, segmenter.start, ended, attention, inputs)

    def finish(self) -> Segment | None:
        """The last segment; None without frames."""
        return self.segmenter.finish()


def take_together(
    answers: Sequence[Answers],
    pooled: np.ndarray,
    rows: np.ndarray,
    logits: np.ndarray,
    attention: Sequence[tuple[np.ndarray | None, ...]],
    inputs: Sequence[np.ndarray | None],
) -> list[Recognition]:
    """The states of several tracks after a frame of each, as :meth:`Answers.take` gives them.

    Args:
        answers: of the tracks, each once.
        pooled: float64 (rows, K), where the answers keep their pooled logits.
        rows: of the tracks, in it, (P,).
        logits: (P, K).
        attention, inputs: one for each track.

    Raises:
        DataError: an answer is not finite.
    """
    for one in answers:
        one.count += 1
    counts, window = np.array([one.count for one in answers]), answers[0].window
    means = pooled[rows]
    # In place where it can be: to get new memory takes longer than to compute what is put there.
    change = logits - means
    change /= (counts if window is None else np.minimum(counts, window))[:, None]
    means += change
    pooled[rows] = means
    best = means.argmax(1)
    tops = means[np.arange(len(means)), best]
    if not np.isfinite(tops).all():
        raise DataError(NOT_FINITE)
    means -= tops[:, None]
    shares = np.exp(means, out=means)
    totals = shares.sum(1)
    shares /= totals[:, None]
    segmenters, each = [one.segmenter for one in answers], list(shares)
    ended = list(map(Segmenter.push, segmenters, each, best.tolist(), (1 / totals).tolist()))
    labels, starts = [one.label for one in segmenters], [one.start for one in segmenters]
    return list(
        map(Recognition._make, zip((counts - 1).tolist(), each, labels, starts, ended, attention, inputs, strict=True))
    )


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
