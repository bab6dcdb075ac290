"""Results are checked as they are written, and refused where the file was altered."""

from __future__ import annotations

from pathlib import Path

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.training.results import checked

PATH = Path("results.json")


def test_scores_without_copies_are_of_the_classes_of_the_whole_test_set():
    part = {"accuracy": 0.5, "confusion": [[1, 0], [1, 0]]}
    found = checked({"test": {"accuracy": 0.5, "without_copies": part, "classes": ["a", "b"]}}, PATH)
    assert found["test"]["without_copies"]["confusion"] == part["confusion"]
    with pytest.raises(ConfigError, match=r"test\.without_copies\.confusion must be of 3 classes"):
        checked({"test": {"classes": ["a", "b", "c"], "without_copies": part}}, PATH)
    with pytest.raises(ConfigError, match=r"test\.classes must be"):
        checked({"test": {"without_copies": part, "classes": 7}}, PATH)
