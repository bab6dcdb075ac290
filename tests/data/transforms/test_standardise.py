"""Statistics of a standardisation are checked when it is made, and frames when they come."""

import numpy as np
import pytest
import torch

from attentive_rnn.data import transform_from_config
from attentive_rnn.data.transforms import Standardise
from attentive_rnn.errors import ConfigError


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
