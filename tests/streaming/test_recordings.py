"""Predictions for the windows of a recording, joined into segments."""

from __future__ import annotations

import numpy as np
import torch

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.data.recordings import Windows
from attentive_rnn.streaming.recordings import are_windows, of_windows, segments_of_recordings


def _recordings(*lengths, rate=None):
    sequences = [torch.zeros(n, 1) for n in lengths]
    metas = [{"name": f"r{i}"} for i in range(len(lengths))]
    return SequenceDataset(sequences, [-1] * len(lengths), metas, Schema(("sit", "walk"), (1,), rate=rate), "set")


def test_segments_are_those_of_the_mean_of_the_windows_over_each_frame():
    windows = Windows(4, overlap=0.5).cut(_recordings(8, 3, rate=2.0), "here")
    assert windows.groups("start").tolist() == [0, 2, 4, 0]
    logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
    found = segments_of_recordings(windows, logits)
    shown = [(row["name"], row["start"], row["end"], row["label"], round(row["probability"], 4)) for row in found]
    # Frames 4 and 5 are in the second and the third window: 0.55 of walk.
    assert shown == [("r0", 0, 4, "sit", 0.875), ("r0", 4, 8, "walk", 0.725), ("r1", 0, 3, "walk", 0.7)]
    assert (found[1]["start_seconds"], found[1]["end_seconds"]) == (2.0, 4.0)


def test_without_a_rate_there_are_no_seconds():
    windows = Windows(4).cut(_recordings(4), "here")
    assert set(segments_of_recordings(windows, np.zeros((1, 2)))[0]) == {"name", "start", "end", "label", "probability"}


def test_only_windows_are_windows():
    assert are_windows(Windows(2).cut(_recordings(4), "here"))
    assert not are_windows(_recordings(4))


def test_every_frame_has_probabilities():
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 3)
    frames = of_windows([0, 3, 5], [4, 4, 4], shares)
    np.testing.assert_allclose(frames.sum(1), 1)
    np.testing.assert_allclose(frames[3], (shares[0] + shares[1]) / 2)
