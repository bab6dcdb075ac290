"""The card of a model for the hub: it says what the run found, and nothing of the machine that it was trained on."""

from __future__ import annotations

import re

from huggingface_hub import ModelCard

import attentive_rnn
from attentive_rnn.explain.report.card import model_card

NAME = "somebody/watch"


def test_the_card_says_what_the_run_says(feature_run, tmp_path):
    run = attentive_rnn.load(feature_run.path)
    run.save_pretrained(tmp_path / "card", name=NAME, license="mit")
    card = ModelCard.load(tmp_path / "card" / "README.md")
    test = feature_run.read_results()["test"]
    assert card.data.license == "mit"
    assert card.data.eval_results[0].metric_value == test["accuracy"]
    low, high = (100 * end for end in test["accuracy_interval_95"])
    assert f"| 95 % interval {low:.1f} to {high:.1f} |" in card.text
    assert "![What the first layer lets in of each class](classes.png)" in card.text
    assert f'attentive_rnn.load("{NAME}")' in card.text
    assert "items: 40 training, 40 test" in card.text
    assert (tmp_path / "card" / "classes.png").stat().st_size > 10_000


def test_names_of_paths_and_hostile_classes_stay_out_of_the_card(skeleton_run, tmp_path):
    run = attentive_rnn.load(skeleton_run.path)
    card = model_card(skeleton_run, run.saved, NAME, None, None)
    assert str(skeleton_run.path.parent) not in card
    assert "<script>" not in re.sub(r"\\[<>]", "", card)
    assert "waving.npz" in card
