"""The registry of tasks, the fit of a model to a schema, and the metric."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.data import Schema
from attentive_rnn.models import AttentiveResNet, MapClassifier, SequenceClassifier
from attentive_rnn.tasks import TASKS, Metric, register, task_for
from attentive_rnn.tasks.classification import Classification
from attentive_rnn.tasks.images import ImageClassification, ImageEditing
from attentive_rnn.tasks.maps import MapClassification
from attentive_rnn.tasks.regression import Regression
from attentive_rnn.training.config import Config
from attentive_rnn.training.recipes import load_config
from attentive_rnn.training.setup import build_model

SEQUENCES = Schema(("a", "b"), (6,))
NUMBERS = Schema((), (6,), target="number")
IMAGES = Schema(("a", "b"), (3, 16, 16), medium="image")
EDITS = Schema((), (3, 16, 16), medium="image", target="image", vocabulary=("red",))
MAPS = Schema(("a", "b"), (4, 7, 7), medium="maps")
KINDS = {
    Classification: SEQUENCES,
    Regression: NUMBERS,
    ImageClassification: IMAGES,
    ImageEditing: EDITS,
    MapClassification: MAPS,
}


@pytest.mark.parametrize("kind", KINDS)
def test_medium_and_target_choose_the_task(kind):
    assert type(task_for(KINDS[kind])) is kind


def test_every_schema_that_can_be_made_has_a_task():
    assert {(schema.medium, schema.target): kind for kind, schema in KINDS.items()} == TASKS


def test_a_new_medium_is_one_registered_class():
    try:

        @register("sound", "class")
        class SoundClassification(Classification):
            explanation = "sounds"

        assert TASKS["sound", "class"] is SoundClassification
        assert SoundClassification(SEQUENCES).explanation == "sounds"
    finally:
        TASKS.pop(("sound", "class"), None)


def test_tasks_name_their_explanation_and_their_section_of_a_configuration():
    found = {kind: (kind.explanation, kind.section) for kind in KINDS}
    assert found[Classification] == found[Regression] == ("sequences", "model")
    assert found[ImageClassification] == found[ImageEditing] == ("images", "vision")
    assert found[MapClassification] == ("films", "vision")
    for _, section in found.values():
        assert hasattr(Config(), section)


@pytest.mark.parametrize("kind", [Classification, Regression, ImageClassification])
def test_a_task_builds_a_model_that_fits_its_schema_and_no_other(kind):
    model = build_model(load_config("basic-motions"), KINDS[kind])
    for other, schema in KINDS.items():
        assert task_for(schema).fits(model, schema) == (other is kind)


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        (SequenceClassifier(6, 3), SEQUENCES),
        (SequenceClassifier(5, 2), SEQUENCES),
        (SequenceClassifier(1, 2, vocabulary_size=3, embedding_size=4), Schema(("a", "b"), (1,), vocabulary=("x",))),
        (MapClassifier(5, 2), MAPS),
        (MapClassifier(4, 3), MAPS),
        (AttentiveResNet(16, 3, channels=(4,), blocks=(1,)), IMAGES),
        (AttentiveResNet(24, 2, channels=(4,), blocks=(1,)), IMAGES),
        (AttentiveResNet(16, 2, channels=(4,), blocks=(1,)), Schema(("a", "b"), (3, 16, 20), medium="image")),
    ],
)
def test_a_model_of_other_sizes_does_not_fit(model, schema):
    assert not task_for(schema).fits(model, schema)


def test_by_default_a_task_keeps_the_output_as_it_is_and_knows_nothing_more():
    output = torch.rand(2, 2)
    task = task_for(SEQUENCES)
    assert task.keep(output, None) is output
    assert task.examine(None, None, output.numpy()) == {}
    assert task.details({}) == {}


def test_a_metric_is_shown_in_percent_or_as_a_number():
    share = Metric("accuracy", "acc", rising=True, percent=True, single="")
    error = Metric("mse", "mse", rising=False, percent=False, single="")
    assert (share.title, share.unit, share.show(0.1234), share.in_words(0.1234)) == (
        "accuracy %",
        " points",
        "12.3",
        "12.3 %",
    )
    assert (error.title, error.unit, error.show(0.12345), error.in_words(0.5)) == ("mse", "", "0.1235", "0.5")
    assert (share.show(0.05, signed=True), error.show(0.05, signed=True), share.show(None)) == ("+5.0", "+0.05", "")
    assert share.better(0.9) > share.better(0.8)
    assert error.better(0.8) > error.better(0.9)


def test_over_seeds_the_interval_is_students_and_of_one_run_its_own():
    metric = Classification.metric
    one = {"accuracy": 0.5, "accuracy_interval_95": [0.4, 0.7]}
    assert metric.over_seeds([one]) == (0.5, 0.4, 0.7)
    value, low, high = metric.over_seeds([one, {"accuracy": 0.7}])
    assert value == pytest.approx(0.6)
    assert high - value == pytest.approx(value - low) == pytest.approx(12.706204736 * 0.1)
