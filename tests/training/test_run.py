"""Training by recipe: what a run leaves behind, that it can be repeated, and that the test set waits for the end."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from attentive_rnn.data import SequenceDataset, Splits, load, preprocess, validation_split
from attentive_rnn.data.io.locks import temporary
from attentive_rnn.errors import ConfigError
from attentive_rnn.streaming import Recognizer
from attentive_rnn.training import load_model, resume, train
from attentive_rnn.training.run import find_resumable, require_same
from attentive_rnn.training.run_folder import read_rows
from small_runs import copy_of, train_until, weights


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
        "fingerprint.json.gz",
        "results.json",
    }


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
    """A data set that notes when its sequences or labels are used between the run's fingerprint and its model."""

    def watch(self, folder):
        self.folder, self.early, self.reads = folder, [], 0

    def __getattribute__(self, name):
        if name in ("sequences", "labels") and "folder" in self.__dict__:
            self.reads += 1
            begun, ended = (list(self.folder.glob(f"*/{file}")) for file in ("fingerprint.json.gz", "model/model.*"))
            if begun and not ended:
                self.early.append(name)
        return super().__getattribute__(name)


def test_the_test_set_is_not_looked_at_from_its_fingerprint_to_the_choice_of_the_model(small_config, tmp_path, quiet):
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
    with pytest.raises(ConfigError, match="attentive train DATA --live"):
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


def test_generated_data_always_hold_something_out(small_config, tmp_path, quiet):
    changes = {"data__options": "{length: 8, count: 20, test_count: 10}", "data__valid_fraction": "0.0"}
    with pytest.raises(ConfigError, match="above 0 for generated data"):
        train(small_config("adding", training__select="last", **changes), tmp_path, console=quiet)


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


def test_a_run_killed_while_it_was_finishing_is_finished(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path)
    draft = temporary(run.path / "results.json")
    draft.with_name(draft.name.replace(str(os.getpid()), "99999999")).touch()
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert run.read_results()["test"] == whole.read_results()["test"]
    assert not list(run.path.rglob("*.tmp"))
    assert len(json.loads(run.environment.read_text())["resumed"]) == 1


def test_a_run_killed_before_its_first_checkpoint_starts_again(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path, best=None, last=None)
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert "continuing" not in quiet.file.getvalue()


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


def test_a_run_does_not_go_on_with_other_columns(whole, tmp_path):
    run = copy_of(whole, tmp_path / "run")
    run.results.unlink(missing_ok=True)
    config = run.read_config()
    splits = load(config.data.source, config.data.path, **config.data.options)
    turned = replace(splits.train.schema, features=splits.train.schema.features[::-1])
    splits.train.schema = turned
    before = run.environment.read_bytes()
    with pytest.raises(ConfigError, match=r"cannot resume .* have other features: \['LPC cepstrum 12', .* now, "):
        resume(run, splits=splits)
    assert run.environment.read_bytes() == before


def _turned(part):
    return part.subset(reversed(range(len(part))))


def test_the_same_sequences_in_another_order_go_on_to_the_same_weights(small_config, tmp_path, quiet):
    config, splits = small_config(), load("japanese-vowels")
    whole = train(config, tmp_path / "whole", console=quiet, splits=splits)
    killed = train_until(1, config, tmp_path)
    resume(killed, console=quiet, splits=Splits(_turned(splits.train), _turned(splits.test)))
    assert weights(killed) == weights(whole)
    assert killed.read_results()["test"] == whole.read_results()["test"]


def test_a_run_does_not_go_on_with_other_sequences(whole, tmp_path):
    run = copy_of(whole, tmp_path / "run")
    run.results.unlink(missing_ok=True)
    splits = load("japanese-vowels")
    edited = splits.train.subset(range(len(splits.train)))
    for i in (4, 7, 9):
        edited.sequences[i] = edited.sequences[i] + 1
    first = edited.metas[4]["name"]
    with pytest.raises(ConfigError, match=f"3 of 270 training sequences have other values, first: {first}"):
        resume(run, splits=Splits(edited, splits.test))
    with pytest.raises(ConfigError, match="1 of 370 test sequences are missing, first: JapaneseVowels_TEST/370"):
        resume(run, splits=Splits(splits.train, splits.test.subset(range(369))))


def test_a_run_of_an_earlier_version_goes_on_with_a_note(whole, tmp_path, capsys):
    run = copy_of(whole, tmp_path / "run")
    run.fingerprint.unlink()
    resume(run)
    assert "keeps no fingerprint of its data" in " ".join(capsys.readouterr().err.split())
    assert weights(run) == weights(whole)
    assert not run.fingerprint.exists()


def test_the_count_of_the_validation_part_is_kept(finished_run):
    assert finished_run.read_results()["validation_count"] == 54
