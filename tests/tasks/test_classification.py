"""Classification: what is minimised, scored and said of sequences with classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attentive_rnn.data import Schema
from attentive_rnn.errors import ConfigError
from attentive_rnn.tasks import task_for
from attentive_rnn.training import train
from attentive_rnn.training.run_folder import read_rows
from attentive_rnn.training.setup import build_model

TASK = task_for(Schema(("a", "b"), (2,)))


def test_label_smoothing_counts_in_training_only(small_config, tmp_path, quiet):
    plain = read_rows(train(small_config(training__max_epochs="1"), tmp_path, console=quiet).metrics)
    config = small_config(training__max_epochs="1", training__label_smoothing="0.9")
    smoothed = read_rows(train(config, tmp_path, console=quiet).metrics)
    assert smoothed[0]["train_loss"] > plain[0]["train_loss"]
    output, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    assert TASK.loss(output, labels) == F.cross_entropy(output, labels)
    assert TASK.loss(output, labels, 0.9) > TASK.loss(output, labels)


def test_weights_are_a_factor_on_the_loss_of_each_sequence():
    output, labels = torch.tensor([[2.0, 0.0], [1.0, 3.0], [0.5, 0.0]]), torch.tensor([0, 0, 1])
    weights = torch.tensor([0.5, 0.5, 2.0])
    losses = F.cross_entropy(output, labels, reduction="none", label_smoothing=0.1)
    expected = (losses * weights).mean()
    torch.testing.assert_close(TASK.loss(output, labels, 0.1, weights), expected)
    torch.testing.assert_close(TASK.loss(output, labels, 0.1, torch.ones(3)), TASK.loss(output, labels, 0.1))


def test_a_balanced_run_weighs_its_training_loss_only(small_config, tmp_path, quiet):
    options = {"training__max_epochs": "1", "optim__lr": "1e-9", "model__dropout": "0.0"}
    plain, even = (
        read_rows(train(small_config(training__class_balance=b, **options), tmp_path, console=quiet).metrics)[0]
        for b in ("0", "1")
    )
    assert plain["train_loss"] != even["train_loss"]
    assert plain["valid_loss"] == pytest.approx(even["valid_loss"], rel=1e-4)


def test_the_tally_counts_right_answers():
    output = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]])
    assert TASK.tally(output, torch.tensor([0, 0, 0])) == 2


def test_scores_are_said_with_their_interval():
    test = TASK.score(np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0], [1.0, 0.0]]), np.array([0, 1, 0, 1]))
    assert test["confusion"] == [[2, 0], [1, 1]]
    # Wilson's interval of 3 out of 4
    assert TASK.report(test) == [
        "test accuracy    75.0 % (95 % interval 30.1 to 95.4, 4 sequences)",
        "of the classes   75.0 % on average",
    ]


def test_an_answer_has_its_class_and_the_probabilities_of_all():
    (answer,) = TASK.answers(np.array([[0.0, np.log(3.0)]]))
    assert answer["label"] == "b"
    assert answer["probability"] == pytest.approx(0.75)
    assert answer["probabilities"] == pytest.approx({"a": 0.25, "b": 0.75})
    assert TASK.in_words(answer) == "0.750  b"


def test_values_that_do_not_go_together_are_an_error_of_the_section(small_config):
    config = small_config("basic-motions")
    config.model.gate_scale, config.model.cell = 0.0, "no cell"
    with pytest.raises(ConfigError, match="model: cell should be one of"):
        build_model(config, Schema(("a", "b"), (6,)))
