"""Preprocessing is measured on the training sequences, and kept exactly."""

import json

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, load, preprocess, transform_from_config
from attentive_rnn.errors import ConfigError
from attentive_rnn.training.config import DataConfig
from attentive_rnn.training.preprocessing import Standardise, fit_preprocessing, measure


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


@pytest.mark.parametrize(
    "arguments",
    [
        {"mean": [0.0], "std": [0.0]},
        {"mean": [0.0], "std": [1.0, 1.0]},
        {"mean": "x", "std": [1.0]},
        {"mean": [True], "std": [1.0]},
    ],
)
def test_statistics_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ConfigError, match="standardise"):
        transform_from_config({"name": "standardise", **arguments})


def test_frames_of_another_size_are_refused():
    with pytest.raises(ConfigError, match="is for 2 features a frame, got 3"):
        Standardise([0.0, 0.0], [1.0, 1.0])(torch.zeros(4, 3), np.random.default_rng(0))
