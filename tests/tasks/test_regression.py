"""Regression: runs that learn a number, their scores, and the settings of the optimiser that serve them."""

from __future__ import annotations

import math
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from attentive_rnn.cli import main
from attentive_rnn.data import Schema, SequenceDataset, Splits, load
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.compare import compare
from attentive_rnn.tasks import task_for
from attentive_rnn.training import load_config, load_model, resume, train
from attentive_rnn.training.run_folder import read_rows
from small_runs import train_until

NUMBER = Schema((), (2,), target="number")
TINY = {
    "data.options": "{length: 12, count: 60, test_count: 40}",
    "model.hidden_size": "5",
    "training.max_epochs": "4",
    "training.batch_size": "20",
    "device": "cpu",
}


def adding(**changes):
    return load_config("adding", (TINY | {key.replace("__", "."): value for key, value in changes.items()}).items())


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    torch.set_num_threads(1)
    return train(adding(), tmp_path_factory.mktemp("adding"), console=Console(file=StringIO()))


def test_a_number_is_learnt_by_the_squared_error(regression):
    test = regression.read_results()["test"]
    saved = load_model(regression.model)
    data = load("adding", length=12, count=60, test_count=40).test
    errors = saved.logits(data)[:, 0] - data.labels
    assert test["mse"] == pytest.approx(float((errors**2).mean()))
    assert test["mse_interval_95"][0] < test["mse"] < test["mse_interval_95"][1]
    assert test["variance"] == pytest.approx(float(np.var(data.labels)))
    rows = read_rows(regression.metrics)
    assert list(rows[0]) == ["epoch", "lr", "train_loss", "train_mse", "valid_loss", "valid_mse", "seconds", "loading"]
    best = min(rows, key=lambda row: row["valid_mse"])
    assert regression.read_results()["best_epoch"] == best["epoch"]
    assert regression.read_results()["validation_mse"] == best["valid_mse"]


def far_off(count, seed):
    """Sequences of 0s and 1s whose label is 5,000 and 100 times their mean."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 2, (count, 8, 1)).astype(np.float32)
    return SequenceDataset(
        list(torch.from_numpy(frames)),
        5000 + 100 * frames.mean((1, 2)),
        [{}] * count,
        Schema((), (1,), target="number"),
    )


def test_labels_of_any_size_are_learnt_where_they_are_standardised(tmp_path):
    splits = Splits(far_off(60, 0), far_off(40, 1), far_off(20, 2))
    errors = []
    for standardise in ("true", "false"):
        config = adding(data__standardise_target=standardise, training__max_epochs="12", model__dropout="0.0")
        run = train(config, tmp_path, splits=splits, console=Console(file=StringIO()))
        results = run.read_results()
        rows = read_rows(run.metrics)
        assert results["validation_mse"] == min(row["valid_mse"] for row in rows)
        answers = load_model(run.model).logits(splits.valid)[:, 0]
        assert results["validation_mse"] == pytest.approx(
            float(((answers - splits.valid.labels) ** 2).mean()), rel=1e-3
        )
        errors.append(results["test"]["mse"] / results["test"]["variance"])
    assert errors[0] < 0.5
    assert errors[1] > 100


def test_only_numbers_are_standardised():
    with pytest.raises(ConfigError, match="standardise_target must be false where a label is no number"):
        task_for(Schema(("a", "b"), (2,))).standardise(np.array([0, 1]))


def test_the_command_reports_a_number(regression, capsys):
    assert main(["evaluate", str(regression.path)]) == 0
    printed = capsys.readouterr().out
    assert "mean squared" in printed
    assert "always the mean" in printed
    assert "%" not in printed.replace("95 %", "")


def test_a_comparison_of_errors(tmp_path):
    comparison = compare(
        adding(training__max_epochs="1", model__gate="sigmoid"), tmp_path, [0, 1], console=Console(file=StringIO())
    )
    console = Console(file=StringIO(), width=200)
    console.print(comparison.table())
    assert "test mse" in console.file.getvalue()
    assert "points" not in "".join(comparison.remarks())
    assert (comparison.folder / "comparison.png").exists()


@pytest.mark.parametrize("schedule", ["one-cycle", "constant", "plateau"])
def test_a_resumed_run_ends_with_the_same_bits(schedule, tmp_path, quiet):
    config = adding(optim__schedule=schedule, optim__weight_decay="0.01", optim__lr_patience="0")
    whole = train(config, tmp_path / "whole", console=quiet)
    stopped = train_until(2, config, tmp_path)
    assert len(read_rows(stopped.metrics)) == 2
    resume(stopped, console=quiet)
    ended = [(run.model / "model.safetensors").read_bytes() for run in (whole, stopped)]
    assert ended[0] == ended[1]
    rates = [[row["lr"] for row in read_rows(run.metrics)] for run in (whole, stopped)]
    assert rates[0] == rates[1]


def test_one_cycle_rises_to_the_rate_and_falls_to_nearly_nothing(tmp_path, quiet):
    run = train(adding(optim__schedule="one-cycle", training__max_epochs="10"), tmp_path, console=quiet)
    rates = [row["lr"] for row in read_rows(run.metrics)]
    assert max(rates) == pytest.approx(0.01, rel=0.05)
    assert rates.index(max(rates)) == 2
    assert rates[-1] < 1e-5, rates


def test_weight_decay_shrinks_the_weights(tmp_path, quiet):
    size = {}
    for decay in ("0", "5"):
        run = train(adding(optim__weight_decay=decay), tmp_path, console=quiet)
        size[decay] = sum(float(p.detach().square().sum()) for p in load_model(run.model).model.parameters())
    assert size["5"] < 0.9 * size["0"], size


def test_a_number_is_not_smoothed(tmp_path, quiet):
    with pytest.raises(ConfigError, match="label_smoothing must be 0"):
        train(adding(training__label_smoothing="0.1"), tmp_path, console=quiet)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optim.weight_decay", "-1"),
        ("optim.schedule", "cosine"),
        ("training.label_smoothing", "1"),
        ("model.embedding_size", "0"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(key, value):
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        load_config("adding", [(key, value)])


def test_the_interval_of_a_single_mse_is_the_normal_one_of_its_mean():
    outputs, labels = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 1.0, 1.0])
    scores = task_for(NUMBER).score(outputs, labels)
    squares = np.array([0.0, 1.0, 9.0])
    half = 1.959964 * squares.std(ddof=1) / math.sqrt(3)
    assert scores["mse_interval_95"] == pytest.approx([squares.mean() - half, squares.mean() + half])
    assert scores["mae"] == pytest.approx(4 / 3)
    assert task_for(NUMBER).answers(outputs)[1] == {"value": 2.0}


def test_a_model_without_its_target_in_reach_is_worse_than_the_mean():
    task = task_for(NUMBER)
    labels = np.array([0.0, 2.0])
    test = task.score(np.array([[9.0], [9.0]]), labels)
    assert test["variance"] == 1.0
    assert test["mse"] > test["variance"]
    assert task.report(test)[-1] == "always the mean  1 mean squared"
    assert task.in_words({"value": 1 / 3}) == "0.333333"
