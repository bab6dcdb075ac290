"""Refusals of maps and weights that do not fit each other."""

from __future__ import annotations

import pytest

from attentive_rnn.ops.lstm2d import lstm2d
from random_maps import random_input, random_weights


def test_what_does_not_fit_is_refused_by_name():
    p, w = random_input(2, 3, 4, 2, 3), random_weights(2, 3, feed=True)
    for part, weights, message in [
        (p[0], w, r"p must have 5 dimensions"),
        (p[:, :, :, :1].expand(-1, -1, -1, 3, -1), w, r"1, 2 or 4 directions"),
        (p[..., :8], w, r"4N = 12 pre-activations"),
        (p[:, :, :0], w, r"at least one cell"),
        (p, w._replace(left=w.left[:1]), r"weight left must be \(2, 12, 3\)"),
        (p, w._replace(read=w.read[:, :2]), r"weight read must be \(2, 3\)"),
        (p, w._replace(read=None), r"values are fed back with"),
        (p, w._replace(value_up=None), r"values are fed back with"),
        (p, w._replace(up=None, value_up=None), r"a map of 3 rows needs the weight up"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            lstm2d(part, weights)
    with pytest.raises(ValueError, match=r"backend should be 'auto' or one of"):
        lstm2d(p, w, backend="fast")
