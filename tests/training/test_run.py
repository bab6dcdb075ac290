"""Training by recipe: what a run leaves behind, that it can be repeated, and that the test set waits for the end."""

from __future__ import annotations

import json
import math
import shutil
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from attentive_rnn.data import SequenceDataset, Splits, load, preprocess, validation_split
from attentive_rnn.errors import ConfigError
from attentive_rnn.streaming import Recognizer
from attentive_rnn.training import load_model, resume, train
from attentive_rnn.training.checkpoint import read_checkpoint
from attentive_rnn.training.loop import Loop
from attentive_rnn.training.run import find_resumable, require_same
from attentive_rnn.training.run_folder import read_rows


def weights(run):
    return (run.model / "model.safetensors").read_bytes()


def test_a_run_leaves_its_files(finished_run):
    found = {str(path.relative_to(finished_run.path)) for path in finished_run.path.rglob("*") if path.is_file()}
    events = {name for name in found if name.startswith("tensorboard/events")}
    assert len(events) == 1
    assert found - events == {
        "config.yaml",
        "env.json",
        "metrics.csv",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "model/model.safetensors",
        "model/config.json",
        "results.json",
    }


def test_metrics_hold_a_row_for_each_epoch(finished_run):
    rows = read_rows(finished_run.metrics)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert list(rows[0]) == ["epoch", "lr", "train_loss", "train_acc", "valid_loss", "valid_acc", "seconds", "loading"]
    assert rows[0]["lr"] == 0.005
    assert rows[0]["train_loss"] == pytest.approx(math.log(9), rel=0.1)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert all(0 <= row["train_acc"] <= 1 and 0 < row["loading"] < row["seconds"] for row in rows)


def test_tensorboard_shows_the_same_numbers(finished_run):
    events = EventAccumulator(str(finished_run.tensorboard)).Reload()
    rows = read_rows(finished_run.metrics)
    for tag, column in (("loss/train", "train_loss"), ("acc/valid", "valid_acc"), ("lr", "lr")):
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2, 3]
        assert [scalar.value for scalar in scalars] == pytest.approx([row[column] for row in rows], rel=1e-6)


def test_the_saved_model_scores_as_the_results_say(finished_run, small_config):
    results = finished_run.read_results()
    saved = load_model(finished_run.model)
    train_set, test_set = load("japanese-vowels")
    right = saved.logits(test_set).argmax(1) == test_set.labels
    assert results["test"]["accuracy"] == right.mean()
    assert results["test"]["count"] == 370
    low, high = results["test"]["accuracy_interval_95"]
    assert low < right.mean() < high
    assert np.sum(results["test"]["confusion"]) == 370
    _, valid = validation_split(train_set, 0.2, 0)
    assert results["validation_accuracy"] == (saved.logits(valid).argmax(1) == valid.labels).mean()
    assert results["parameters"] == saved.model.num_parameters
    assert results["flops_per_step"] == saved.model.flops(1, 1)


def test_the_best_epoch_has_the_highest_accuracy_and_among_equals_the_lowest_loss(finished_run):
    rows = read_rows(finished_run.metrics)
    best = max(rows, key=lambda row: (row["valid_acc"], -row["valid_loss"]))
    assert finished_run.read_results()["best_epoch"] == best["epoch"]
    stored = read_checkpoint(finished_run.best)["model"]
    for name, tensor in load_file(finished_run.model / "model.safetensors").items():
        assert torch.equal(stored[name], tensor)


def test_the_environment_is_recorded(finished_run):
    environment = json.loads(finished_run.environment.read_text())
    assert environment["versions"]["torch"] == torch.__version__
    assert {"python", "numpy", "tensorboard", "attentive-rnn"} <= set(environment["versions"])
    assert environment["threads"] == 1
    assert environment["device"] == "cpu"
    assert environment["hardware"]["cores"] >= 1
    assert {"date", "command"} <= set(environment)


def test_the_statistics_of_standardising_are_those_of_the_training_part(finished_run):
    train_set, _ = validation_split(load("japanese-vowels").train, 0.2, 0)
    frames = torch.cat(preprocess(train_set, load_model(finished_run.model).preprocessing).sequences)
    assert frames.mean(0).abs().max() < 1e-5


def test_a_seed_repeats_a_run_to_the_bit_and_another_does_not(finished_run, small_config, tmp_path, quiet):
    again = train(small_config(), tmp_path, console=quiet)
    assert weights(again) == weights(finished_run)
    timeless = {"seconds": 0, "loading": 0}
    assert [row | timeless for row in read_rows(again.metrics)] == [
        row | timeless for row in read_rows(finished_run.metrics)
    ]
    assert weights(train(small_config(seed="1"), tmp_path, console=quiet)) != weights(finished_run)


def test_the_random_numbers_drawn_before_do_not_matter(finished_run, small_config, tmp_path, quiet):
    torch.manual_seed(99)
    torch.rand(1000)
    assert weights(train(small_config(), tmp_path, console=quiet)) == weights(finished_run)


class Watched(SequenceDataset):
    """A data set that notes, whenever its sequences or labels are used, whether the run's model is there already."""

    def watch(self, folder):
        self.folder, self.early, self.reads = folder, [], 0

    def __getattribute__(self, name):
        if name in ("sequences", "labels") and "folder" in self.__dict__:
            self.reads += 1
            if not list(self.folder.glob("*/model/model.safetensors")):
                self.early.append(name)
        return super().__getattribute__(name)


def test_the_test_set_is_not_looked_at_before_the_model_is_chosen(small_config, tmp_path, quiet):
    splits = load("japanese-vowels")
    test = Watched(splits.test.sequences, splits.test.labels, splits.test.metas, splits.test.schema, "watched")
    test.watch(tmp_path)
    run = train(small_config(), tmp_path, console=quiet, splits=Splits(splits.train, test))
    assert test.early == []
    assert test.reads > 0
    assert run.read_results()["test"]["count"] == 370


def test_copies_of_training_sequences_are_scored_apart(small_config, tmp_path, quiet):
    splits = load("basic-motions")
    mixed = SequenceDataset(
        [*splits.test.sequences, *splits.train.sequences[:10]],
        [*splits.test.labels, *splits.train.labels[:10]],
        [*splits.test.metas, *splits.train.metas[:10]],
        splits.test.schema,
        "mixed",
    )
    config = small_config("basic-motions", training__max_epochs="1")
    test = train(config, tmp_path, console=quiet, splits=Splits(splits.train, mixed)).read_results()["test"]
    assert (test["count"], test["copies_in_train"], test["without_copies"]["count"]) == (50, 10, 40)


def test_skeletons_are_centred_and_turned_and_validated_on_whole_people(small_config, skeleton_folder, tmp_path, quiet):
    config = small_config("paper/nucla", data__path=str(skeleton_folder), training__max_epochs="2")
    run = train(config, tmp_path, console=quiet)
    assert run.read_results()["test"]["count"] == 6
    model = load_model(run.model)
    assert model.preprocessing.to_config()["transforms"] == [{"name": "origin_at_body_centre", "joint": 1}]
    assert model.schema.layout == "kinect-20"
    turned = read_rows(run.metrics)
    config = small_config(
        "paper/nucla", data__path=str(skeleton_folder), training__max_epochs="2", data__augmentation="[]"
    )
    still = read_rows(train(config, tmp_path, console=quiet).metrics)
    assert turned[0]["train_loss"] != still[0]["train_loss"]


@pytest.mark.parametrize(("coordinates", "options"), [(2, "{}"), (3, "{}"), (3, "{layout: kinect-20}")])
def test_the_recipe_for_skeletons_is_for_poses_in_a_picture_and_in_space(
    small_config, tmp_path, quiet, coordinates, options
):
    rng = np.random.default_rng(0)
    bodies = rng.normal(size=(12, 9, 1, 20, coordinates)).astype(np.float32)
    split = ["train", "test"] * 6
    np.savez(tmp_path / "bodies.npz", sequences=bodies, labels=[0, 0, 1, 1] * 3, split=split)
    changes = {"data__path": str(tmp_path / "bodies.npz"), "data__options": options, "training__max_epochs": "1"}
    run = train(small_config("skeleton", **changes), tmp_path, console=quiet)
    assert run.read_results()["test"]["count"] == 6
    model = load_model(run.model)
    assert model.model.config["input_size"] == 20 * 3 * coordinates
    with pytest.raises(ConfigError, match="the recipe paper/skeleton"):
        Recognizer(model)


def test_random_sampling_in_training_is_centred_in_validation_and_test(small_config, skeleton_folder, tmp_path, quiet):
    steps = [{"name": "random_crop", "low": 0.6}, {"name": "uniform_sampling", "frames": 4, "random": True}]
    steps.append({"name": "motion_features"})
    config = small_config("paper/nucla", data__path=str(skeleton_folder), data__augmentation=json.dumps(steps))
    model = load_model(train(config, tmp_path, console=quiet).model)
    sampling = {"name": "uniform_sampling", "frames": 4, "random": False}
    centred = {"name": "origin_at_body_centre", "joint": 1}
    assert model.preprocessing.to_config()["transforms"] == [centred, sampling, {"name": "motion_features", "root": 0}]
    assert model.model.config["input_size"] == 180


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
def test_other_precisions_train(small_config, tmp_path, quiet, precision):
    run = train(small_config("basic-motions", precision=precision), tmp_path, console=quiet)
    dtype = torch.float64 if precision == "64-true" else torch.float32
    assert {tensor.dtype for tensor in load_file(run.model / "model.safetensors").values()} == {dtype}


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


def test_generated_data_always_hold_something_out(small_config, tmp_path, quiet):
    changes = {"data__options": "{length: 8, count: 20, test_count: 10}", "data__valid_fraction": "0.0"}
    with pytest.raises(ConfigError, match="above 0 for generated data"):
        train(small_config("adding", training__select="last", **changes), tmp_path, console=quiet)


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "gpu"}, "device must be auto, cpu, cuda or cuda:INDEX, got 'gpu'"),
        ({"device": "cuda:99"}, "device cuda:99 is not there"),
        ({"device": "cpu", "precision": "16-mixed"}, "precision 16-mixed needs a GPU"),
        ({"model__backend": "triton"}, "backend 'triton' cannot run"),
        ({"data__options": "{speed: 3}"}, "unknown option 'speed'"),
    ],
)
def test_what_cannot_be_done_here_is_one_clear_error(small_config, tmp_path, quiet, changes, message):
    with pytest.raises(ConfigError) as caught:
        train(small_config(**changes), tmp_path, console=quiet)
    assert message in str(caught.value)


def test_a_user_settings_of_torch_are_left_as_they_were(finished_run, small_config, tmp_path, quiet):
    torch.use_deterministic_algorithms(False)
    threads = torch.get_num_threads()
    train(small_config("basic-motions", training__max_epochs="1"), tmp_path, console=quiet)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.get_num_threads() == threads


@pytest.fixture(scope="module")
def whole(small_config, tmp_path_factory):
    """A whole run of four epochs, whose copies the tests leave as a kill would."""
    torch.set_num_threads(1)
    config = small_config(training__max_epochs="4", optim__lr_patience="0")
    return train(config, tmp_path_factory.mktemp("whole"), name="whole", console=Console(file=StringIO()))


def copy_of(whole, folder, **checkpoints):
    """A copy of a finished run without its results, with other contents for its checkpoints."""
    run = type(whole)(folder / "copy")
    shutil.copytree(whole.path, run.path)
    run.results.unlink()
    shutil.rmtree(run.model)
    for name, content in checkpoints.items():
        path = getattr(run, name)
        path.unlink() if content is None else path.write_bytes(content)
    return run


def test_a_run_killed_while_it_was_finishing_is_finished(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path)
    (run.path / ".results.json.123.tmp").touch()
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert run.read_results()["test"] == whole.read_results()["test"]
    assert not list(run.path.rglob("*.tmp"))
    assert len(json.loads(run.environment.read_text())["resumed"]) == 1


def test_a_run_killed_before_its_first_checkpoint_starts_again(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path, best=None, last=None)
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert "continuing" not in quiet.file.getvalue()


def test_a_damaged_last_checkpoint_is_replaced_by_the_best_and_said_so(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path, last=whole.last.read_bytes()[:1000])
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert "last.ckpt: this checkpoint is damaged" in quiet.file.getvalue()
    assert "best.ckpt instead" in quiet.file.getvalue()


def test_a_damaged_best_checkpoint_is_an_error(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path, best=b"damaged")
    with pytest.raises(ConfigError, match=r"best\.ckpt: this checkpoint is damaged"):
        resume(run, console=quiet)


def test_rows_and_points_past_the_checkpoint_are_dropped(whole, tmp_path, quiet):
    first = train_until(whole, 2, tmp_path / "first", quiet)
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


class Killed(BaseException):
    """Stands for the end of the process."""


def train_until(whole, epoch, parent, console):
    """A run of the same configuration that ends right after the checkpoint of an epoch."""
    train_one_epoch = Loop.train_one_epoch

    def stopping(self, number):
        if number == epoch:
            raise Killed
        return train_one_epoch(self, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "train_one_epoch", stopping)
        with pytest.raises(Killed):
            train(whole.read_config(), parent, name="first", console=console)
    return type(whole)(parent / "first")


def test_a_finished_run_is_left_as_it_is(finished_run, quiet):
    before = finished_run.results.stat().st_mtime_ns
    assert resume(finished_run, console=quiet) == finished_run
    assert finished_run.results.stat().st_mtime_ns == before


def test_the_run_to_continue_is_the_newest_interrupted_one_of_the_configuration(whole, small_config, tmp_path):
    config = whole.read_config()
    assert find_resumable(config, tmp_path) is None
    shutil.copytree(whole.path, tmp_path / "2026-01-01_00-00-00")
    assert find_resumable(config, tmp_path).path.name == "2026-01-01_00-00-00"
    for name in ("2026-01-02_00-00-00", "2026-01-03_00-00-00"):
        shutil.copytree(whole.path, tmp_path / name)
        (tmp_path / name / "results.json").unlink()
    assert find_resumable(config, tmp_path).path.name == "2026-01-03_00-00-00"
    other = small_config(training__max_epochs="4", optim__lr_patience="0", optim__lr="0.1")
    with pytest.raises(
        ConfigError, match=r"cannot resume .*2026-01-03_00-00-00: optim\.lr is 0\.1 now and 0\.005 there"
    ):
        find_resumable(other, tmp_path)
    with pytest.raises(ConfigError, match=r"optim\.lr is 0\.1 now and 0\.005 there"):
        require_same(other, whole)
