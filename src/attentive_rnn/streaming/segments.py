"""Segments of a stream: the end of one action and the beginning of the next, decided while the frames arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Segment:
    """A span of frames with one label.

    Args:
        label: the index of the class.
        start: the first frame, from 0.
        end: the frame after the last one.
        probability: the mean over its frames of the label's probability.
    """

    label: int
    start: int
    end: int
    probability: float


class SourceFrames:
    """The numbers that the frames of one track have in their source, in which the track may begin late or have gaps.

    Those before the present segment are forgotten, so that they take little memory.

    Example:
        >>> frames = SourceFrames()
        >>> for number in (62, 63, 65):
        ...     frames.push(number, 0)
        >>> frames.of(Segment(label=1, start=1, end=3, probability=0.5))
        Segment(label=1, start=63, end=66, probability=0.5)
    """

    def __init__(self) -> None:
        self._first = 0
        self._numbers: deque[int] = deque()

    def push(self, number: int, start: int) -> None:
        """Take the number of the track's next frame; no segment to come begins before the track's frame ``start``."""
        while self._numbers and self._first < start:
            self._numbers.popleft()
            self._first += 1
        self._numbers.append(number)

    def number(self, frame: int) -> int:
        """The number in the source of a frame of the track."""
        return self._numbers[frame - self._first]

    def of(self, segment: Segment) -> Segment:
        """A segment of the track with the numbers of its frames in the source."""
        return replace(segment, start=self.number(segment.start), end=self.number(segment.end - 1) + 1)


class Segmenter:
    """Labels that change only when another class has led for some frames.

    The first frame's best class is the label. Once another class has been the best for ``hold`` frames in a row it is
    the label, from the first of these on: the segment before ends there.

    Args:
        hold: frames that another class must lead in a row, 1 or more.

    Attributes:
        label: of the segment that goes on; -1 before the first frame.
        start: its first frame.

    Example:
        >>> import numpy as np
        >>> segmenter, ended = Segmenter(hold=2), []
        >>> for best in (0, 0, 1, 0, 1, 1, 1):
        ...     segment = segmenter.push(np.eye(2)[best])
        ...     ended += [] if segment is None else [segment]
        >>> ended, segmenter.label, segmenter.finish()
        ([Segment(label=0, start=0, end=4, probability=0.75)], 1, Segment(label=1, start=4, end=7, probability=1.0))
    """

    def __init__(self, hold: int) -> None:
        self.hold = hold
        self.reset()

    def reset(self) -> None:
        """Start a new sequence."""
        self.label = -1
        self._count, self.start = 0, 0
        self._sum = 0.0  # of the label's probabilities since the start of the segment
        self._rival, self._lead = -1, 0
        self._rival_sum = self._sum_in_lead = 0.0  # of the rival's and the label's, over the frames it has led

    def push(self, probabilities: np.ndarray, best: int | None = None, sure: float = 0.0) -> Segment | None:
        """Take the probabilities (K,) of the next frame; the segment that has ended by it, if one has.

        Args:
            probabilities: of the classes.
            best: the class of the largest, if it is known already; then ``sure`` is the largest.
        """
        if best is None:
            best = int(probabilities.argmax())
            sure = float(probabilities[best])
        self._count += 1
        if best == self.label:
            self._rival = -1
            self._sum += sure
            return None
        if self.label < 0:
            self.label, self._sum = best, sure
            return None
        if best != self._rival:
            self._rival, self._lead, self._rival_sum, self._sum_in_lead = best, 0, 0.0, 0.0
        of_label = float(probabilities[self.label])
        self._lead += 1
        self._rival_sum += sure
        self._sum_in_lead += of_label
        self._sum += of_label
        if self._lead < self.hold:
            return None
        start = self._count - self._lead
        # Where the label has led no frame since the rival began, there is nothing to end: it was never there.
        ended = self._segment(start, self._sum - self._sum_in_lead) if start > self.start else None
        self.label, self.start, self._sum, self._rival = best, start, self._rival_sum, -1
        return ended

    def finish(self) -> Segment | None:
        """The last segment, up to the last frame; None without frames."""
        return self._segment(self._count, self._sum) if self._count else None

    def _segment(self, end: int, total: float) -> Segment:
        return Segment(self.label, self.start, end, total / (end - self.start))


def segments_of(probabilities: Iterable[np.ndarray], hold: int = 1) -> list[Segment]:
    """The segments of a whole sequence, from the probabilities (K,) of each of its frames.

    Example:
        >>> [(segment.label, segment.start, segment.end) for segment in segments_of(np.eye(2)[[0, 0, 1]])]
        [(0, 0, 2), (1, 2, 3)]
    """
    segmenter = Segmenter(hold)
    found = [segmenter.push(one) for one in probabilities]
    return [segment for segment in (*found, segmenter.finish()) if segment is not None]
