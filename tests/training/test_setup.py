"""The parts of a job: devices, validation part and model as a configuration names them."""

import pytest
import torch

from attentive_rnn.data import load
from attentive_rnn.errors import ConfigError
from attentive_rnn.models import AttentiveResNet
from attentive_rnn.training.setup import (
    build_model,
    check_normalisation,
    choose_device,
    device_of,
    input_schema,
    load_splits,
    make_job,
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


def test_every_sequence_is_either_trained_on_or_held_out(small_config):
    config = small_config()
    splits = load_splits(config)
    train, valid = training_parts(config, splits.train)
    assert (len(train), len(valid)) == (216, 54)
    parts = sorted(s.sum().item() for s in (*train.sequences, *valid.sequences))
    assert parts == sorted(s.sum().item() for s in splits.train.sequences)
    config.data.valid_fraction = 0.0
    train, valid = training_parts(config, splits.train)
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
