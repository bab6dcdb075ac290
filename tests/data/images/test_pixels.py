"""Images pixel by pixel, and the rearranged steps that their recipes use."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.cli import main
from attentive_rnn.data import JoinSteps, LimitSteps, PermuteSteps, Schema, load, recognise
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.training import load_config, open_run

RNG = np.random.default_rng(0)


def write_idx(folder, train=40, test=20, side=4, zipped=True):
    """A folder in MNIST's format whose digits are told apart by their brightness."""
    folder.mkdir(exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        labels = np.arange(count, dtype=np.uint8) % 2
        images = RNG.integers(0, 50, (count, side, side)).astype(np.uint8) + 150 * labels[:, None, None]
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            data = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
            file = folder / f"{part}-{name}-ubyte{'.gz' if zipped else ''}"
            file.write_bytes(gzip.compress(data) if zipped else data)
    return folder


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pixel_is_a_frame_scaled_to_one(tmp_path, zipped):
    folder = write_idx(tmp_path / "mnist", zipped=zipped)
    assert recognise(folder).name == "pixels"
    train, test = load("pixels", folder)
    assert (len(train), len(test), train.schema.shape, train.schema.classes[9]) == (40, 20, (1,), "9")
    raw = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes()) if zipped else None
    if raw is not None:
        pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(40, 16)
        np.testing.assert_allclose(train[7].sequence[:, 0], 2 * (pixels[7] / 255 - 0.5), atol=1e-6)
    assert train[0].sequence.untyped_storage().data_ptr() == train[39].sequence.untyped_storage().data_ptr()
    assert train.labels.tolist() == [0, 1] * 20


def test_a_missing_or_truncated_file_is_named(tmp_path):
    folder = write_idx(tmp_path / "mnist", zipped=False)
    file = folder / "t10k-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: holds 19 bytes"):
        load("pixels", folder)
    file.unlink()
    with pytest.raises(DataError, match="has no t10k-labels-idx1-ubyte"):
        load("pixels", folder)


def test_mnist_itself(shared_data):
    train, test = load("pixels", shared_data / "mnist")
    assert (len(train), len(test), train.lengths.min(), train.lengths.max()) == (60000, 10000, 784, 784)
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@given(st.integers(1, 30), st.integers(0, 5))
def test_a_permutation_loses_nothing_and_depends_on_the_seed_alone(steps, seed):
    sequence = torch.arange(steps)[:, None]
    first, again = (PermuteSteps(seed)(sequence, np.random.default_rng(n)) for n in (0, 1))
    assert torch.equal(first, again)
    assert sorted(first.flatten().tolist()) == list(range(steps))


def test_rows_become_frames():
    rows = JoinSteps(3)(torch.arange(12.0)[:, None], np.random.default_rng(0))
    assert rows.tolist() == torch.arange(12.0).reshape(4, 3).tolist()
    assert JoinSteps(3).schema_after(Schema(("a",), (2,), features=("x", "y"), rate=30.0)) == Schema(
        ("a",), (6,), rate=10.0
    )
    with pytest.raises(ConfigError, match="no multiple of steps=5"):
        JoinSteps(5)(torch.zeros(12, 1), np.random.default_rng(0))


def test_long_sequences_are_cut_at_either_end():
    sequence, rng = torch.arange(5), np.random.default_rng(0)
    assert LimitSteps(2)(sequence, rng).tolist() == [0, 1]
    assert LimitSteps(2, keep="last")(sequence, rng).tolist() == [3, 4]
    with pytest.raises(ConfigError, match="first or last"):
        LimitSteps(2, keep="middle")


@pytest.mark.parametrize("recipe", ["smnist", "pmnist"])
@pytest.mark.parametrize("model", [("lstm", "null"), ("gru", "sigmoid"), ("rra", "null"), ("rra", "sigmoid")])
def test_the_recipes_run_from_the_command(tmp_path, recipe, model, capsys):
    folder = write_idx(tmp_path / "mnist")
    options = ["--training.max_epochs", "2", "--model.hidden_size", "5", "--training.batch_size", "8"]
    options += ["--model.cell", model[0], "--model.gate", model[1], "--output_dir", str(tmp_path / "runs")]
    assert main(["train", recipe, "--data", str(folder), *options]) == 0
    assert "test accuracy" in capsys.readouterr().out
    run = open_run(next((tmp_path / "runs" / recipe).iterdir()))
    config = run.read_config()
    assert (config.optim.schedule, config.model.pool) == ("one-cycle", "last")
    steps = load_config(recipe, [("data.path", str(folder))]).data.preprocessing
    assert steps == ([{"name": "permute_steps", "seed": 0}] if recipe == "pmnist" else [])
