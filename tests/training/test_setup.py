"""The parts of a job: devices, validation part and model as a configuration names them."""

import json

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, Splits, load, preprocess, transform_from_config
from attentive_rnn.errors import ConfigError
from attentive_rnn.models import AttentiveResNet
from attentive_rnn.training.config import DataConfig
from attentive_rnn.training.setup import (
    build_model,
    check_normalisation,
    choose_device,
    device_of,
    fit_preprocessing,
    input_schema,
    load_splits,
    make_job,
    measure,
    print_notes,
    training_parts,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "cuda", "devices": "3"}, "devices must be at most 2: so many GPUs"),
        ({"device": "auto", "devices": "3"}, "devices must be at most 2: so many GPUs"),
        ({"device": "cuda:1", "devices": "2"}, "device must be auto or cuda for 2 devices, got 'cuda:1'"),
    ],
)
def test_more_devices_than_there_are_is_one_clear_error(small_config, monkeypatch, changes, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError) as caught:
        device_of(small_config(**changes))
    assert message in str(caught.value)
    assert device_of(small_config(device="auto", devices="2"), rank=1) == torch.device("cuda", 1)


def test_a_network_with_batch_normalisation_takes_one_process_on_a_cpu():
    with pytest.raises(ConfigError, match="devices must be 1 for this network on a CPU"):
        check_normalisation(AttentiveResNet(32, 10), torch.device("cpu"))
    check_normalisation(AttentiveResNet(32, 10), torch.device("cuda"))


@pytest.mark.parametrize("name", ["gpu", "cpu:0", "cuda:", "cuda:x", "cuda:99"])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(ConfigError, match=f"device.*{name}"):
        choose_device(name)


def test_each_fold_holds_out_its_own_share(small_config):
    splits = load_splits(small_config())
    parts = [training_parts(small_config(data__folds="3", data__fold=str(k)), splits) for k in range(3)]
    assert sum(len(valid) for _, valid in parts) == len(splits.train)
    assert all(len(train) + len(valid) == len(splits.train) for train, valid in parts)
    given = Splits(splits.train, splits.test, splits.test)
    train, valid = training_parts(small_config(data__folds="2"), given)
    assert len(train) + len(valid) == len(splits.train) + len(splits.test)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__folds": "1"}, "data.folds must be 0 or 2 or more, got 1"),
        ({"data__folds": "3", "data__fold": "3"}, "data.fold must be below data.folds, 3, got 3"),
        ({"data__fold": "1"}, "data.fold must be 0, got 1"),
    ],
)
def test_a_fold_that_is_none_is_refused(small_config, changes, message):
    with pytest.raises(ConfigError, match=message):
        small_config(**changes)


def test_every_sequence_is_either_trained_on_or_held_out(small_config):
    config = small_config()
    splits = load_splits(config)
    train, valid = training_parts(config, splits)
    assert (len(train), len(valid)) == (216, 54)
    parts = sorted(s.sum().item() for s in (*train.sequences, *valid.sequences))
    assert parts == sorted(s.sum().item() for s in splits.train.sequences)
    config.data.valid_fraction = 0.0
    train, valid = training_parts(config, splits)
    assert (len(train), len(valid)) == (270, 0)


def test_a_model_has_the_weights_of_its_seed_and_the_precision_of_its_configuration(small_config):
    schema = load("japanese-vowels").train.schema
    one, same, other = (build_model(small_config(seed=seed), schema).state_dict() for seed in ("1", "1", "2"))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])
    double = build_model(small_config(precision="64-true"), schema)
    assert {parameter.dtype for parameter in double.parameters()} == {torch.float64}


def test_the_model_takes_frames_as_they_are_after_preprocessing_and_augmentation(small_config, skeleton_folder):
    config = small_config("paper/nucla", data__path=str(skeleton_folder))
    schema = load_splits(config).train.schema
    config.data.augmentation = [{"name": "motion_features"}]
    assert input_schema(config, schema).size == 3 * schema.size


def test_training_sequences_of_a_job_are_standardised_and_validation_by_their_statistics(small_config):
    config = small_config()
    splits = load_splits(config)
    job = make_job(config, splits, build_model(config, splits.train.schema), torch.device("cpu"))
    assert torch.cat(job.train.sequences).mean(0).abs().max() < 1e-5
    assert torch.cat(job.valid.sequences).mean(0).abs().max() > 1e-5
    assert len(job.train) + len(job.valid) == len(splits.train)


def dataset(*sequences):
    schema = Schema(classes=("a",), shape=tuple(sequences[0].shape[1:]))
    return SequenceDataset(sequences, [0] * len(sequences), [{}] * len(sequences), schema, "toy")


def test_every_feature_of_the_training_frames_gets_mean_0_and_deviation_1():
    train = load("japanese-vowels").train
    frames = torch.cat(preprocess(train, measure(train)).sequences)
    assert frames.mean(0).abs().max() < 1e-5
    assert (frames.std(0, correction=0) - 1).abs().max() < 1e-5


def test_a_feature_that_never_changes_is_only_centred():
    data = dataset(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    assert preprocess(data, measure(data))[0].sequence.tolist() == [[-1.0, 0.0], [1.0, 0.0]]


def test_a_missing_value_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match=r"toy: a value is missing .* --data.options.missing interpolate"):
        measure(dataset(torch.tensor([[1.0], [float("nan")]])))


def test_the_statistics_survive_json_to_the_bit():
    train = load("basic-motions").train
    fitted = fit_preprocessing(DataConfig(source="basic-motions", standardise=True, preprocessing=[]), train)
    again = transform_from_config(json.loads(json.dumps(fitted.to_config())))
    rng = np.random.default_rng(0)
    assert torch.equal(fitted(train[0].sequence, rng), again(train[0].sequence, rng))


def test_the_statistics_are_of_the_sequences_after_the_steps_before():
    skeleton = torch.rand(5, 1, 3, 3) + 10
    steps = [{"name": "origin_at_body_centre", "joint": 1}]
    fitted = fit_preprocessing(DataConfig(preprocessing=steps, standardise=True), dataset(skeleton))
    assert fitted.transforms[1].mean[3:6] != [0.0, 0.0, 0.0]
    assert max(map(abs, fitted.transforms[1].mean)) < 2


def test_absent_joints_do_not_count_in_the_standardisation_and_stay_absent():
    x = torch.randn(8, 30, 1, 20, 3, generator=torch.Generator().manual_seed(0)) + 5
    gone = torch.rand(8, 30, 1, 20, generator=torch.Generator().manual_seed(1)) < 0.2
    gone[:, :, 0, 7] = True  # never seen
    x[gone] = 0
    data = SequenceDataset(list(x), [0] * 8, [{}] * 8, Schema(("a",), (1, 20, 3), layout="kinect-20"))
    config = DataConfig(preprocessing=[{"name": "origin_at_body_centre", "joint": 1}], standardise=True)
    fitted = fit_preprocessing(config, data)
    ready = torch.stack(preprocess(data, fitted).sequences)
    assert not ready[gone].any()
    seen = ready[:, :, 0, 3][~gone[:, :, 0, 3]]
    torch.testing.assert_close(seen.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.std(0, correction=0), torch.ones(3), atol=1e-4, rtol=0)
    assert np.isfinite(fitted.to_config()["transforms"][1]["std"]).all()


def test_a_validation_part_of_the_data_is_used_as_it_is(small_config):
    config = small_config()
    train, test = load_splits(config)
    splits = Splits(train.subset(range(200)), test, train.subset(range(200, 270)))
    for config.data.valid_fraction in (0.2, 0.0):
        fitted, valid = training_parts(config, splits)
        assert (len(fitted), len(valid)) == (200, 70)


def test_notes_of_the_data_are_printed_once(capsys):
    print_notes(["the first column was left out"])
    assert capsys.readouterr().err == "note: the first column was left out\n"
