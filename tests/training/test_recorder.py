"""The record of the epochs: curves, the selected epoch, the early stop, and what the terminal shows."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
import torch
from lightning_fabric.loggers import CSVLogger, TensorBoardLogger
from rich.console import Console
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from attentive_rnn.errors import ConfigError
from attentive_rnn.tasks.classification import Classification
from attentive_rnn.training import RunFolder, resume, train
from attentive_rnn.training.checkpoint import read_checkpoint
from attentive_rnn.training.config import TrainingConfig
from attentive_rnn.training.recorder import ProgressBar, Recorder
from attentive_rnn.training.run_folder import read_rows
from small_runs import weights

METRIC = Classification.metric


def test_tensorboard_shows_the_same_numbers(finished_run):
    events = EventAccumulator(str(finished_run.tensorboard)).Reload()
    rows = read_rows(finished_run.metrics)
    for tag, column in (("loss/train", "train_loss"), ("acc/valid", "valid_acc"), ("lr", "lr")):
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2, 3]
        assert [scalar.value for scalar in scalars] == pytest.approx([row[column] for row in rows], rel=1e-6)


def test_the_best_epoch_has_the_highest_accuracy_and_among_equals_the_lowest_loss(finished_run):
    rows = read_rows(finished_run.metrics)
    best = max(rows, key=lambda row: (row["valid_acc"], -row["valid_loss"]))
    assert finished_run.read_results()["best_epoch"] == best["epoch"]
    stored = read_checkpoint(finished_run.best)["model"]
    for name, tensor in load_file(finished_run.model / "model.safetensors").items():
        assert torch.equal(stored[name], tensor)


def test_training_stops_when_the_best_epoch_is_long_ago(small_config, tmp_path, quiet):
    # A step this small changes no prediction, and the loss only by its last digits.
    config = small_config("basic-motions", optim__lr="1e-12", training__patience="2", training__max_epochs="9")
    run = train(config, tmp_path, console=quiet)
    results, rows = run.read_results(), read_rows(run.metrics)
    assert results["epochs"] == len(rows) == results["best_epoch"] + 2 < 9


def test_the_last_epoch_is_kept_by_choice_and_nothing_stops_early(small_config, tmp_path, quiet):
    changes = {"training__patience": "1", "training__max_epochs": "4", "training__select": "last"}
    run = train(small_config("basic-motions", optim__lr="1e-12", **changes), tmp_path, console=quiet)
    results = run.read_results()
    assert results["epochs"] == results["best_epoch"] == 4
    assert results["select"] == "last"
    assert "validation_accuracy" in results
    stored, last = (read_checkpoint(file)["model"] for file in (run.best, run.last))
    assert all(torch.equal(stored[name], last[name]) for name in last)


def recorder(folder, *values, **training):
    """A recorder of epochs that had these validation accuracies, each with a lower loss than the one before."""
    rows = [
        {"epoch": epoch, "lr": 0.1, "train_acc": 0.5, "valid_loss": 1 / epoch, "valid_acc": value, "seconds": 2.0}
        for epoch, value in enumerate(values, 1)
    ]
    return Recorder(RunFolder(folder), TrainingConfig(**training), METRIC, rows)


def test_among_equals_the_epoch_of_the_lowest_loss_is_selected(tmp_path):
    assert recorder(tmp_path, 0.5, 0.7, 0.7, 0.6).best["epoch"] == 3
    assert recorder(tmp_path, 0.5, 0.7, 0.7, 0.6, select="last").best["epoch"] == 4


@pytest.mark.parametrize(("patience", "stops"), [(1, True), (2, True), (3, False)])
def test_training_stops_when_the_selected_epoch_lies_as_far_back_as_the_patience(tmp_path, patience, stops):
    assert recorder(tmp_path, 0.5, 0.7, 0.6, 0.6, patience=patience).exhausted == stops
    assert not recorder(tmp_path, 0.5, 0.7, 0.6, 0.6, patience=patience, select="last").exhausted


def test_rows_of_a_checkpoint_replace_those_of_the_table(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch\n1\n2\n3\n")
    kept = recorder(tmp_path, 0.5, 0.7)
    assert read_rows(tmp_path / "metrics.csv") == kept.rows
    assert not (tmp_path / "tensorboard").exists()


def test_without_a_terminal_the_line_of_an_epoch_says_its_scores(tmp_path, quiet):
    bar = ProgressBar(quiet, "recipe/time", 3, 9)
    kept = recorder(tmp_path, 0.5, 0.75, 0.625)
    bar.start_epoch(2)
    bar.advance(torch.tensor([1.5, 1.0]), 2)
    bar.end_epoch(kept.rows[-1], kept)
    bar.close()
    assert quiet.file.getvalue() == "recipe/time  epoch 3/9  2.00 s  train 0.5  valid 0.625  best 0.75 at 2\n"


@pytest.mark.parametrize(
    ("epochs", "ended", "lines"),
    [
        (200, 200, [1, *range(20, 201, 20)]),
        (25, 25, [1, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25]),
        (5, 5, [1, 2, 3, 4, 5]),
        (200, 47, [1, 20, 40, 47]),  # by patience, or by Ctrl-C
    ],
)
def test_without_a_terminal_the_first_epoch_every_tenth_part_and_the_last_are_lines(
    epochs, ended, lines, tmp_path, quiet
):
    bar = ProgressBar(quiet, "r", 1, epochs)
    kept = recorder(tmp_path, 0.5)
    for epoch in range(ended):
        bar.start_epoch(epoch)
        bar.end_epoch(kept.rows[-1] | {"epoch": epoch + 1}, kept)
    bar.close()
    assert [int(line.split()[2].split("/")[0]) for line in quiet.file.getvalue().splitlines()] == lines


def test_on_a_terminal_a_bar_shows_the_epoch_and_the_scores(tmp_path):
    console = Console(file=StringIO(), width=100, force_terminal=True)
    bar = ProgressBar(console, "recipe/time", 1, 9)
    kept = recorder(tmp_path, 0.5, 0.75)
    bar.start_epoch(1)
    bar.advance(torch.tensor([1.5, 1.0]), 2)
    bar.end_epoch(kept.rows[-1], kept)
    bar.close()
    shown = console.file.getvalue()
    assert shown.startswith("recipe/time\n")
    assert "epoch 2/9" in shown
    assert "train 0.5  valid 0.75  best 0.75 at 2" in shown


def test_callbacks_are_given_each_row_and_change_none(finished_run, small_config, tmp_path, quiet):
    rows = []
    run = train(small_config(), tmp_path, console=quiet, callbacks=[rows.append, dict.clear])
    assert rows == read_rows(run.metrics)
    assert weights(run) == weights(finished_run)


def test_a_callback_ends_the_training_and_what_there_is_is_tested(small_config, tmp_path, quiet):
    run = train(small_config(), tmp_path, console=quiet, callbacks=[lambda row: row["epoch"] == 2, lambda row: None])
    results = run.read_results()
    assert (results["epochs"], results["best_epoch"] <= 2, results["test"]["count"]) == (2, True, 370)


def test_a_callback_that_answers_something_else_is_refused(small_config, tmp_path, quiet):
    with pytest.raises(ConfigError, match="a callback answers True to end the training, False or None, got 3"):
        train(small_config(), tmp_path, console=quiet, callbacks=[lambda row: 3])


def test_a_run_that_a_callback_broke_off_goes_on_to_the_same_weights(finished_run, small_config, tmp_path, quiet):
    class LogbookError(Exception):
        pass

    def fail(row):
        raise LogbookError

    told = Told()
    with pytest.raises(LogbookError):
        train(small_config(), tmp_path, name="run", console=quiet, callbacks=[fail], loggers=[told])
    run = RunFolder(tmp_path / "run")
    assert not run.finished
    resume(run, console=quiet, loggers=[told])
    assert weights(run) == weights(finished_run)
    assert [one for one in told.all if one in ("failed", "success")] == ["failed", "success"]
    assert [step for step in told.all if isinstance(step, int)] == [1, 2, 3]
    assert told.all[0]["model"]["hidden_size"] == 6


class Told:
    """A logger that keeps what it is told."""

    def __init__(self):
        self.all = []

    def log_hyperparams(self, params):
        self.all.append(params)

    def log_metrics(self, metrics, step=None):
        self.all.append(step)

    def finalize(self, status):
        self.all.append(status)


def test_the_loggers_of_lightning_write_the_rows_of_the_run(small_config, tmp_path, quiet):
    loggers = [CSVLogger(tmp_path / "csv", flush_logs_every_n_steps=1), TensorBoardLogger(tmp_path / "board")]
    rows = read_rows(train(small_config(), tmp_path, console=quiet, loggers=loggers).metrics)
    with open(Path(loggers[0].log_dir) / "metrics.csv", newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["valid_loss"]) for row in written] == pytest.approx([row["valid_loss"] for row in rows])
    scalars = EventAccumulator(loggers[1].log_dir).Reload().Scalars("valid_loss")
    assert [scalar.step for scalar in scalars] == [1, 2, 3]
