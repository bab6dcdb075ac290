"""The player's data stay small, whatever the run is of."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from attentive_rnn.explain import images
from attentive_rnn.explain.report import player
from attentive_rnn.training import load_model
from attentive_rnn.training.setup import load_splits
from explain.runs import explained


@pytest.fixture(scope="module")
def answered(image_run):
    saved, splits = load_model(image_run.model), load_splits(image_run.read_config())
    return saved, splits.test, images.explain_images(saved, splits.test, batch_size=7)


def test_a_page_of_images_stays_small(answered, monkeypatch):
    saved, _, found = answered
    everything = player.pack_images(found, saved.schema.classes)
    assert len(everything["samples"]) == 30
    assert (everything["layers"], everything["samples"][0]["steps"]) == (["layer 1", "layer 2", "all multiplied"], 3)
    monkeypatch.setattr(player, "BYTES", 60_000)
    assert 1 < len(player.pack_images(found, saved.schema.classes)["samples"]) < 30


def test_large_sets_stay_small(monkeypatch, feature_run):
    explanations, classes = explained(feature_run)
    everything = player.pack(explanations, classes)
    assert len(everything["samples"]) == 40
    monkeypatch.setattr(player, "BYTES", 6000)
    monkeypatch.setattr(player, "STEPS", 25)
    few = player.pack(explanations, classes)
    assert 1 < len(few["samples"]) < 40
    assert {(sample["steps"], sample["stride"]) for sample in few["samples"]} == {(25, 4)}


def test_skeletons_fit_into_the_numbers_of_the_page(skeleton_run):
    explanations, classes = explained(skeleton_run)
    data = player.pack(explanations, classes)
    assert len(data["bones"]) == data["joints"] - 1
    attended, relative = data["measures"]
    assert (attended["name"], attended["suffix"], attended["digits"]) == ("attended input", " %", 0)
    assert (relative["name"], relative["suffix"], relative["digits"]) == ("relative attention", "", 2)
    for number, name in enumerate(("attended", "relative")):
        scale = data["measures"][number]
        assert scale["lowest"] <= scale["highest"]
        assert scale["low"] < scale["high"]
        sent = np.frombuffer(base64.b64decode(data["samples"][3]["attention"][number]), np.uint8)
        meant = scale["lowest"] + (scale["highest"] - scale["lowest"]) * sent / 255
        shown = replace(explanations[3], shows=name).relevance.ravel()
        np.testing.assert_allclose(meant, shown, atol=(scale["highest"] - scale["lowest"]) / 500)
