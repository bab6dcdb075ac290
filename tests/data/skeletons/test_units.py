"""The option units of the readers of skeletons."""

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, load
from attentive_rnn.data.formats.npz import to_bytes
from attentive_rnn.errors import ConfigError


def test_the_option_says_what_coordinates_are_in(tmp_path):
    np.savez(tmp_path / "a.npz", sequences=np.ones((4, 5, 20, 3)), y=[0, 1, 0, 1])
    splits = load("npz", tmp_path / "a.npz", layout="kinect-20", units="millimetres")
    assert {part.schema.units for part in splits.parts().values()} == {"millimetres"}
    with pytest.raises(ConfigError, match="units must be one of metres, centimetres, millimetres"):
        load("npz", tmp_path / "a.npz", layout="kinect-20", units="furlongs")
    with pytest.raises(ConfigError, match="units are those of skeletons"):
        load("npz", tmp_path / "a.npz", units="metres")


def test_a_file_that_knows_its_length_unit_is_not_taken_for_another(tmp_path):
    schema = Schema(("a",), (1, 20, 3), layout="kinect-20", units="metres")
    data = SequenceDataset([torch.ones(3, 1, 20, 3)] * 2, [0, 0], [{}, {}], schema)
    (tmp_path / "a.npz").write_bytes(to_bytes(data))
    with pytest.raises(ConfigError, match="says that it is in metres, not millimetres; give --option units=metres"):
        load("npz", tmp_path / "a.npz", units="millimetres")
    assert load("npz", tmp_path / "a.npz", units="metres").train.schema.units == "metres"
