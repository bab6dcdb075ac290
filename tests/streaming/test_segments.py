"""Segments cover a stream and change where another class began to lead."""

from __future__ import annotations

import numpy as np
import pytest

from attentive_rnn.streaming import Segment, Segmenter
from attentive_rnn.streaming.segments import segments_of


def _segments(best, hold, classes=3):
    segmenter, found = Segmenter(hold), []
    for label in best:
        segment = segmenter.push(np.eye(classes)[label])
        if segment is not None:
            found.append(segment)
    last = segmenter.finish()
    return found + ([] if last is None else [last])


def test_segments_cover_the_stream_and_change_where_another_class_began_to_lead():
    assert _segments([0, 0, 0, 1, 1, 1, 1], hold=3) == [Segment(0, 0, 3, 1.0), Segment(1, 3, 7, 1.0)]
    assert [(s.label, s.start, s.end) for s in _segments([0, 1, 0, 2, 2, 1], hold=2)] == [(0, 0, 3), (2, 3, 6)]
    assert _segments([], hold=2) == []
    assert [(s.label, s.start, s.end) for s in _segments([0, 1, 2, 1], hold=1)] == [
        (0, 0, 1),
        (1, 1, 2),
        (2, 2, 3),
        (1, 3, 4),
    ]


def test_segments_have_the_mean_probability_of_their_label():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(4), 200)
    segmenter, found = Segmenter(2), []
    for row in shares:
        found += [s for s in [segmenter.push(row)] if s is not None]
    found.append(segmenter.finish())
    assert [s.start for s in found] == [0, *(s.end for s in found[:-1])]
    assert found[-1].end == 200
    for s in found:
        assert s.probability == pytest.approx(shares[s.start : s.end, s.label].mean())


def test_a_whole_sequence_has_the_segments_of_its_frames():
    assert segments_of(np.eye(3)[[0, 0, 2, 1, 1]]) == _segments([0, 0, 2, 1, 1], hold=1)
    assert segments_of(np.eye(3)[[0, 2, 0, 1, 1]], hold=2) == _segments([0, 2, 0, 1, 1], hold=2)
