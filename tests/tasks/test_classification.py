"""Classification: what is minimised, scored and said of sequences with classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Batch, Schema
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
    # A quarter held out leaves 22 sequences of some classes and 23 of others.
    options = {
        "training__max_epochs": "1",
        "optim__lr": "1e-9",
        "model__dropout": "0.0",
        "data__valid_fraction": "0.25",
    }
    plain, even = (
        read_rows(train(small_config(training__class_balance=b, **options), tmp_path, console=quiet).metrics)[0]
        for b in ("0", "1")
    )
    assert plain["train_loss"] != even["train_loss"]
    assert plain["valid_loss"] == pytest.approx(even["valid_loss"], rel=1e-4)


@pytest.mark.parametrize("pool", ["mean", "last"])
def test_early_learning_minimises_the_mean_loss_of_each_beginning_of_a_sequence(pool):
    torch.manual_seed(0)
    model = SequenceClassifier(3, 2, 4, 1, pool=pool, dropout=0.0).double().train()
    task = task_for(Schema(("a", "b"), (3,)))
    task.learn_early(model)
    x, lengths, labels = torch.randn(2, 5, 3, dtype=torch.float64), torch.tensor([5, 2]), torch.tensor([1, 0])
    weights = torch.tensor([0.5, 2.0])
    output, loss = task.learn(model, Batch(x, lengths, labels), 0.1, weights)
    torch.testing.assert_close(output, model(x, lengths))
    wanted = []
    for row, length, label, weight in zip(x, lengths, labels, weights, strict=True):
        steps = [model(row[None, :t]) for t in range(1, length + 1)]
        losses = [F.cross_entropy(step, label[None], label_smoothing=0.1) for step in steps]
        wanted.append(weight * sum(losses) / length)
    torch.testing.assert_close(loss, sum(wanted) / 2)
    model.eval()
    output, loss = task.learn(model, Batch(x, lengths, labels))
    torch.testing.assert_close(loss, F.cross_entropy(model(x, lengths), labels))


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"pool": "keras_compat"}])
def test_models_that_need_the_whole_sequence_cannot_learn_early(options):
    model = SequenceClassifier(3, 2, 4, 1, **options)
    with pytest.raises(ConfigError, match="forward only"):
        task_for(Schema(("a", "b"), (3,))).learn_early(model)
    with pytest.raises(ValueError, match="every_step"):
        model(torch.zeros(1, 2, 3), every_step=True)
    with pytest.raises(ConfigError, match="classes of sequences"):
        task_for(Schema((), (3,), target="number")).learn_early(model)


def test_a_run_that_learns_early_has_another_training_loss_alone(small_config, tmp_path, quiet):
    options = {"training__max_epochs": "1", "optim__lr": "1e-9", "model__dropout": "0.0"}
    plain, early = (
        read_rows(train(small_config(training__early=e, **options), tmp_path, console=quiet).metrics)[0]
        for e in ("false", "true")
    )
    assert plain["train_loss"] != early["train_loss"]
    assert plain["valid_loss"] == pytest.approx(early["valid_loss"], rel=1e-4)


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
    config.model.cell = "no cell"
    with pytest.raises(ConfigError, match="model: cell should be one of"):
        build_model(config, Schema(("a", "b"), (6,)))
