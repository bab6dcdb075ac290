"""Scores of answers: calibration as published, their pictures, and the items worth a look."""

from __future__ import annotations

import numpy as np
import pytest

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.explain.report import player
from attentive_rnn.explain.scores import choose, draw_scores, expected_calibration_error, reliability


def test_calibration_is_measured_as_published():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.45, 0.55], [0.35, 0.65]])
    found = reliability(probabilities, np.array([0, 1, 1, 0]), bins=2)
    assert [(one.low, one.sequences, one.accuracy) for one in found] == [(0.5, 4, 0.5)]
    assert expected_calibration_error(found) == pytest.approx(0.725 - 0.5)
    assert expected_calibration_error(reliability(np.array([[1.0, 0.0]]), np.array([0]))) == 0


def test_mistakes_come_first_and_every_class_is_shown():
    labels = np.repeat(np.arange(3), 100)
    probabilities = np.full((300, 3), 0.1)
    probabilities[np.arange(300), labels] = 0.8
    probabilities[[250, 7]] = [[0.0, 0.9, 0.1], [0.05, 0.9, 0.05]]
    data = SequenceDataset(np.zeros((300, 2, 1)), labels, [{}] * 300, Schema(("a", "b", "c"), (1,)))
    chosen = choose(probabilities, data, player.SAMPLES)
    assert chosen[:2] == [7, 250]
    assert len(chosen) == len(set(chosen)) == player.SAMPLES
    assert np.bincount(labels[chosen]).min() >= 49


def test_classes_and_numbers_have_their_own_pictures(tmp_path):
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    of_classes = draw_scores(shares, np.array([0, 1, 1]), ("a", "b"), tmp_path)
    names = [f"{name}{suffix}" for name in ("accuracy", "calibration", "confusion") for suffix in (".png", ".svg")]
    assert [path.name for path in of_classes] == names
    assert all(path.stat().st_size > 1000 for path in of_classes)
    many = [f"class {i}" for i in range(41)]
    assert "confusion.png" not in [
        path.name for path in draw_scores(np.eye(41), np.arange(41), many, tmp_path / "many")
    ]
    of_numbers = draw_scores(np.array([[0.5], [2.0]]), np.array([1.0, 2.0]), (), tmp_path)
    assert [path.name for path in of_numbers] == ["answers.png", "answers.svg"]
