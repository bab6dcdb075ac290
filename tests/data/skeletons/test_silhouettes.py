"""Silhouettes from a small .npz and from MATLAB files, and what of a cell a person covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from attentive_rnn.data.skeletons.silhouettes import cover, read_silhouettes
from attentive_rnn.errors import DataError

FRAMES = np.random.default_rng(0).random((5, 30, 40)) < 0.3


def packed(path, **changes):
    arrays = {"name": np.array(["wave/a", "wave/b"]), "T": np.array([2, 3], np.int16)}
    arrays["sil"] = np.packbits(FRAMES.reshape(5, -1), axis=1)
    arrays |= changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_an_npz_has_the_frames_of_each_clip(tmp_path):
    found = read_silhouettes(packed(tmp_path / "small.npz"))
    assert list(found) == ["wave/a", "wave/b"]
    assert np.array_equal(found["wave/a"], FRAMES[:2])
    assert np.array_equal(found["wave/b"], FRAMES[2:])


def test_a_folder_of_puppet_masks_has_the_same(tmp_path):
    for name, frames in (("a", FRAMES[:2]), ("b", FRAMES[2:3])):
        (tmp_path / "puppet_mask" / "wave" / name).mkdir(parents=True)
        mask = frames.transpose(1, 2, 0).astype(np.uint8)
        savemat(tmp_path / "puppet_mask" / "wave" / name / "puppet_mask.mat", {"part_mask": mask}, do_compression=True)
    found = read_silhouettes(tmp_path)
    assert np.array_equal(found["wave/a"], FRAMES[:2])
    assert np.array_equal(found["wave/b"], FRAMES[2:3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sil": None}, "no array 'sil'"),
        ({"T": np.array([2, 2], np.int16)}, "4 frames of 150 bytes are due"),
        ({"T": np.array([2], np.int16)}, "one for each clip"),
        ({"T": np.array([5, 0], np.int16)}, "T 1 or more"),
        ({"sil": np.zeros((5, 100), np.uint8)}, "150 bytes are due"),
    ],
)
def test_arrays_that_do_not_fit_are_one_error(changes, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read_silhouettes(packed(tmp_path / "bad.npz", **changes))


def test_a_folder_without_masks_is_one_error(tmp_path):
    with pytest.raises(DataError, match=r"holds no CLASS/CLIP/puppet_mask\.mat"):
        read_silhouettes(tmp_path)


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 5))
def test_what_the_cells_cover_adds_up_to_the_person(rows, columns, height, width):
    frames = np.random.default_rng(rows * columns).random((2, rows, columns)) < 0.5
    shares = cover(frames, (height, width))
    assert shares.shape == (2, height, width)
    assert np.allclose(shares.mean((1, 2)), frames.mean((1, 2)))
    assert (shares[:, 0, 0] == 1).all() if frames.all() else shares.min() >= 0


def test_the_silhouettes_at_hand_cover_an_eighth_of_the_frames(shared_data):
    found = read_silhouettes(shared_data / "jhmdb" / "silhouettes40x30.npz")
    assert (len(found), sum(len(frames) for frames in found.values())) == (928, 31838)
    assert 0.1 < np.mean([frames.mean() for frames in found.values()]) < 0.15
