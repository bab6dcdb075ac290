"""IDX files: what is written is read, and every damage is one clear error."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data.images.idx import holds_idx, read_idx, read_idx_pair
from attentive_rnn.errors import DataError
from data.writers import idx_bytes, write_mnist


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_arrays_come_back(tmp_path_factory, shape, seed):
    array = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    path.write_bytes(gzip.compress(idx_bytes(array)))
    assert (read_idx(path) == array).all()


def test_numbers_of_several_bytes_are_big_endian(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(struct.pack(">BBBBIhh", 0, 0, 0x0B, 1, 2, 1, -2))
    assert read_idx(path).tolist() == [1, -2]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_folder_has_both_parts(tmp_path, zipped):
    write_mnist(tmp_path, train=30, test=12, zipped=zipped)
    assert holds_idx(tmp_path)
    train, test = read_idx_pair(tmp_path)
    assert train.images.shape == (30, 28, 28)
    assert test.labels.shape == (12,)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "holds 783 bytes of values"),
        (lambda data: data + b"0", "holds 785 bytes"),
        (lambda data: data[:6], "cut short in the sizes"),
        (lambda data: b"PK" + data[2:], "is not an IDX file"),
        (lambda data: b"", "is not an IDX file"),
        (lambda data: data[:2] + b"\x07" + data[3:], "is not an IDX file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(damage(idx_bytes(np.zeros((1, 28, 28), np.uint8))))
    with pytest.raises(DataError, match=f"{path}: .*{message}"):
        read_idx(path)


def test_what_does_not_fit_together_is_an_error(tmp_path):
    write_mnist(tmp_path, train=10, test=10, zipped=False)
    labels = tmp_path / "train-labels-idx1-ubyte"
    good = labels.read_bytes()
    labels.write_bytes(idx_bytes(np.zeros(9, np.uint8)))
    with pytest.raises(DataError, match="9 labels for 10 images"):
        read_idx_pair(tmp_path)
    labels.write_bytes(idx_bytes(np.full(10, 77, np.uint8)))
    with pytest.raises(DataError, match="label 0 is 77"):
        read_idx_pair(tmp_path)
    labels.write_bytes(good)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match="has no t10k-images-idx3-ubyte"):
        read_idx_pair(tmp_path)
    assert not holds_idx(tmp_path)
