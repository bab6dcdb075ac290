"""The epochs of a run: their rows, precisions and schedules, and that an interrupted run goes on to the same bits."""

from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.optim import SGD, Adam, RMSprop
from torch.optim.lr_scheduler import MultiStepLR, OneCycleLR

from attentive_rnn.data import SequenceDataset, Splits, load, preprocess
from attentive_rnn.data.dataset import concatenate
from attentive_rnn.data.stored.layout import write
from attentive_rnn.errors import ConfigError
from attentive_rnn.tasks.classification import Classification
from attentive_rnn.tasks.regression import Regression
from attentive_rnn.training import load_model, resume, train
from attentive_rnn.training import loop as loop_module
from attentive_rnn.training.config import OptimConfig
from attentive_rnn.training.loop import Loop, make_optimizer, make_schedule
from attentive_rnn.training.processes.fabric import StepPrecision
from attentive_rnn.training.run_folder import RunFolder, create_run, read_rows
from attentive_rnn.training.setup import build_model, load_splits, make_job
from small_runs import Killed, train_until, weights


def test_metrics_hold_a_row_for_each_epoch(finished_run):
    rows = read_rows(finished_run.metrics)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert list(rows[0]) == ["epoch", "lr", "train_loss", "train_acc", "valid_loss", "valid_acc", "seconds", "loading"]
    assert rows[0]["lr"] == 0.005
    assert rows[0]["train_loss"] == pytest.approx(math.log(9), rel=0.1)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert all(0 <= row["train_acc"] <= 1 and 0 < row["loading"] < row["seconds"] for row in rows)


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
def test_other_precisions_train(small_config, tmp_path, quiet, precision):
    run = train(small_config("basic-motions", precision=precision), tmp_path, console=quiet)
    dtype = torch.float64 if precision == "64-true" else torch.float32
    assert {tensor.dtype for tensor in load_file(run.model / "model.safetensors").values()} == {dtype}


def test_mixed_precision_takes_the_input_as_it_is_and_sums_gradients_of_a_weight_in_float32():
    precision = StepPrecision("bf16-mixed", "cpu")
    x, weight = torch.rand(64, 8), torch.rand(8, 8, requires_grad=True)
    assert precision.convert_input(x) is x
    with precision.forward_context():
        y = x @ weight
    assert y.dtype == torch.bfloat16
    assert precision.convert_output(y) is y
    gradients = []
    for inputs in ([x[:32]], [x[32:]], [x[:32], x[32:]]):
        with precision.forward_context():
            (gradient,) = torch.autograd.grad(sum((part @ weight).sum() for part in inputs), weight)
        gradients.append(gradient)
    assert torch.equal(gradients[0] + gradients[1], gradients[2])


@pytest.mark.parametrize(("metric", "mode", "threshold"), [(Classification, "max", "abs"), (Regression, "min", "rel")])
def test_a_plateau_is_judged_by_the_metric(metric, mode, threshold):
    model = torch.nn.Linear(2, 2)
    schedule = make_schedule(make_optimizer(model, OptimConfig(), True), OptimConfig(), metric.metric, 10)
    assert (schedule.mode, schedule.threshold_mode) == (mode, threshold)


@pytest.mark.parametrize(("name", "kind"), [("adam", Adam), ("sgd", SGD), ("rmsprop", RMSprop)])
@pytest.mark.parametrize(("schedule", "made"), [("one-cycle", OneCycleLR), ("steps", MultiStepLR), ("constant", None)])
def test_an_optimiser_and_its_schedule_are_those_of_the_configuration(name, kind, schedule, made):
    optim = OptimConfig(optimizer=name, schedule=schedule, lr=0.25, weight_decay=0.5, lr_steps=[3])
    optimizer = make_optimizer(torch.nn.Linear(2, 2), optim, fused=True)
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["weight_decay"] == 0.5
    found = make_schedule(optimizer, optim, Classification.metric, 10)
    assert found is None if made is None else type(found) is made
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01 if schedule == "one-cycle" else 0.25)


def test_with_nothing_held_out_all_sequences_train_and_no_validation_is_claimed(small_config, tmp_path, quiet):
    changes = {"training__select": "last", "data__valid_fraction": "0.0", "optim__schedule": "one-cycle"}
    config = small_config("basic-motions", **changes)
    run = train(config, tmp_path, console=quiet)
    assert not any(column.startswith("valid") for column in read_rows(run.metrics)[0])
    assert not any(key.startswith("validation") for key in run.read_results())
    frames = torch.cat(preprocess(load("basic-motions").train, load_model(run.model).preprocessing).sequences)
    assert frames.mean(0).abs().max() < 1e-5  # the statistics are of all training sequences
    before = weights(run)
    run.results.unlink()
    assert weights(resume(run, console=quiet)) == before


def test_the_learning_rate_falls_when_the_training_accuracy_does_not_rise(small_config, tmp_path, quiet):
    changes = {"optim__lr": "1e-12", "optim__lr_patience": "1", "optim__lr_cooldown": "0", "model__dropout": "0"}
    config = small_config("basic-motions", training__max_epochs="6", training__patience="9", **changes)
    rates = [row["lr"] for row in read_rows(train(config, tmp_path, console=quiet).metrics)]
    assert rates[:3] == pytest.approx([1e-12] * 3)
    assert rates[3] == pytest.approx(1e-13)


def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_do(small_config, tmp_path, quiet):
    config = small_config("basic-motions", optim__lr="1e30", optim__clip_norm="null", model__init="torch")
    splits = load("basic-motions")
    wild = SequenceDataset(
        [torch.full_like(s, float("nan")) for s in splits.train.sequences],
        splits.train.labels,
        splits.train.metas,
        splits.train.schema,
        "wild",
    )
    config.data.standardise = False
    with pytest.raises(ConfigError, match=r"the loss became infinite or NaN in epoch 1: lower optim\.lr"):
        train(config, tmp_path, console=quiet, splits=Splits(wild, splits.test))


def test_a_user_settings_of_torch_are_left_as_they_were(finished_run, small_config, tmp_path, quiet):
    torch.use_deterministic_algorithms(False)
    threads = torch.get_num_threads()
    train(small_config("basic-motions", training__max_epochs="1"), tmp_path, console=quiet)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.get_num_threads() == threads


def gradients(loop):
    """The gradients that the optimiser steps by in an epoch, step by step."""
    steps, step = [], loop.optimizer.step

    def watched():
        steps.append(torch.cat([parameter.grad.flatten() for parameter in loop.model.parameters()]))
        return step()

    loop.optimizer.step = watched
    loop.train_one_epoch(0)
    return steps


@pytest.mark.parametrize(
    ("precision", "most", "penalty"), [("64-true", 1e-12, "0"), ("64-true", 1e-12, "3"), ("32-true", 1e-6, "0")]
)
def test_a_bound_on_the_frames_of_a_batch_leaves_every_gradient_as_it_is(
    small_config, tmp_path, quiet, precision, most, penalty
):
    found = {}
    options = {"precision": precision, "model__dropout": "0", "training__attention_penalty": penalty}
    for bound in ("1000000", "60", "1"):
        config = small_config(training__max_frames_per_batch=bound, **options)
        splits = load_splits(config)
        job = make_job(config, splits, build_model(config, splits.train.schema), torch.device("cpu"))
        loop = Loop(create_run(config, tmp_path, bound), job, quiet)
        found[bound] = gradients(loop)
    for bound in ("60", "1"):
        assert len(found[bound]) == len(found["1000000"]) == 7
        for one, other in zip(found[bound], found["1000000"], strict=True):
            assert torch.allclose(one, other, rtol=0, atol=most)


@pytest.mark.parametrize("gate", ["sigmoid", "hard"])
def test_a_penalty_closes_the_gate_and_none_changes_nothing(small_config, tmp_path, quiet, gate):
    def run(name, **options):
        config = small_config(training__max_epochs="6", training__select="last", model__gate=gate, **options)
        return train(config, tmp_path, name=name, console=quiet)

    plain, zero, penalised = (
        run("plain"),
        run("zero", training__attention_penalty="0"),
        run("penalised", training__attention_penalty="1"),
    )
    assert weights(plain) == weights(zero)
    assert "train_attention" not in read_rows(zero.metrics)[0]
    attention = [row["train_attention"] for row in read_rows(penalised.metrics)]
    assert attention[0] == pytest.approx(plain.read_config().model.gate_scale / 2, rel=0.2)  # as it begins
    assert attention[-1] < attention[0] - 0.05
    assert list(read_rows(penalised.metrics)[0])[2:5] == ["train_loss", "train_acc", "train_attention"]


def test_the_penalty_on_attention_rises_over_the_first_half(small_config, tmp_path, quiet):
    config = small_config(training__attention_penalty="2", training__max_epochs="4")
    splits = load_splits(config)
    job = make_job(config, splits, build_model(config, splits.train.schema), torch.device("cpu"))
    loop, shares = Loop(create_run(config, tmp_path, "run"), job, quiet), []
    evaluate = loop.evaluate

    def watched(*arguments):
        shares.append(arguments[-1])
        return evaluate(*arguments)

    loop.evaluate = watched
    for epoch in range(4):
        loop.train_one_epoch(epoch)
    steps = len(shares) // 4
    assert shares[0] == 0
    assert shares[steps] == pytest.approx(0.5)
    assert shares == sorted(shares)
    assert set(shares[2 * steps :]) == {1.0}


def test_a_run_within_a_bound_ends_where_one_without_does(small_config, tmp_path, quiet):
    options = {"precision": "64-true", "model__dropout": "0", "training__label_smoothing": "0.1"}
    free = train(small_config(**options), tmp_path, name="free", console=quiet)
    bounded = train(small_config(**options, training__max_frames_per_batch="100"), tmp_path, name="b", console=quiet)
    expected, found = (load_file(run.model / "model.safetensors") for run in (free, bounded))
    assert all(torch.allclose(found[name], expected[name], rtol=0, atol=1e-9) for name in expected)
    for one, other in zip(read_rows(free.metrics), read_rows(bounded.metrics), strict=True):
        for column in ("train_loss", "train_acc", "valid_loss", "valid_acc"):
            assert one[column] == pytest.approx(other[column], rel=1e-9)
    assert bounded.read_results()["test"]["loss"] == pytest.approx(free.read_results()["test"]["loss"], rel=1e-9)
    assert load_model(bounded.model).max_frames == 100


def test_a_killed_run_within_a_bound_resumes_to_the_same_bits(small_config, tmp_path, quiet):
    config = small_config(training__max_frames_per_batch="100")
    uninterrupted = train(config, tmp_path, name="whole", console=quiet)
    assert weights(resume(train_until(1, config, tmp_path), console=quiet)) == weights(uninterrupted)


def test_pooling_over_the_padding_keeps_batches_whole(small_config, tmp_path, quiet):
    results = [
        train(small_config(model__pool="keras_compat", training__max_frames_per_batch=bound), tmp_path, console=quiet)
        for bound in ("100", "100000")
    ]
    assert weights(results[0]) == weights(results[1])


def test_rows_and_points_past_the_checkpoint_are_dropped(whole, tmp_path, quiet):
    first = train_until(2, whole.read_config(), tmp_path)
    with open(first.metrics, "a") as file:
        file.write("3,0.005,9,9,9,9,9\n")
    assert weights(resume(first, console=quiet)) == weights(whole)
    assert [row["train_loss"] for row in read_rows(first.metrics)] == [
        row["train_loss"] for row in read_rows(whole.metrics)
    ]
    assert [row["lr"] for row in read_rows(first.metrics)] == [row["lr"] for row in read_rows(whole.metrics)]
    events = EventAccumulator(str(first.tensorboard)).Reload()
    assert [scalar.step for scalar in events.Scalars("lr")] == [1, 2, 3, 4]
    assert "continuing after epoch 2" in quiet.file.getvalue()


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The set of `whole` in its parts, as a stored set in several shards."""
    folder = tmp_path_factory.mktemp("stored")
    parts = load("japanese-vowels").parts()
    for name, part in parts.items():
        for meta in part.metas:
            meta["split"] = name
    write(folder, concatenate(list(parts.values())), shard=50_000)
    return load("stored", folder)


def test_a_stored_set_trains_to_the_bits_of_the_set_in_memory(whole, stored, tmp_path, quiet):
    run = train(whole.read_config(), tmp_path, console=quiet, splits=stored)
    assert weights(run) == weights(whole)
    assert run.read_results()["test"] == whole.read_results()["test"]


def test_a_run_on_a_stored_set_that_is_killed_within_an_epoch_goes_on_to_the_same_bits(
    whole, stored, tmp_path, quiet, monkeypatch
):
    calls = []
    save_within = Loop.save_within

    def killed(loop, *arguments):
        save_within(loop, *arguments)
        calls.append(arguments)
        if len(calls) == 7:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
        patch.setattr(Loop, "save_within", killed)
        with pytest.raises(Killed):
            train(whole.read_config(), tmp_path, name="killed", console=quiet, splits=stored)
    assert weights(resume(RunFolder(tmp_path / "killed"), console=quiet, splits=stored)) == weights(whole)
    assert ", batch" in quiet.file.getvalue()
