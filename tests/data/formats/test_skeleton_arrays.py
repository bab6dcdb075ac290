"""Skeleton arrays of ST-GCN, from files that the tests write."""

import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.formats import skeleton_arrays
from attentive_rnn.errors import DataError
from data.damage import damaged, read_or_refused
from data.writers import put_pickle


def write(folder, part="train", count=4, kind="", labels=None, joints=18):
    """(N, C, T, V, M) of which sequence i has i + 2 of 6 frames, and its labels; no labels for an empty list."""
    x = np.random.default_rng(count).normal(size=(count, 3, 6, joints, 2)).astype(np.float32)
    for i in range(count):
        x[i, :, i + 2 :] = 0
    path = folder / f"{part}_data{kind}.npy"
    np.save(path, x)
    labels = [i % 2 for i in range(count)] if labels is None else labels
    if labels:
        put_pickle(folder / f"{part}_label.pkl", ([f"{part}{i}" for i in range(count)], labels))
    return path, x


def test_sequences_are_read_by_frame_and_person_without_padding(tmp_path):
    path, x = write(tmp_path)
    assert recognise(path).name == recognise(tmp_path).name == "skeleton-arrays"
    data = skeleton_arrays.read(path)
    assert data.schema.shape == (2, 18, 3)
    assert data.schema.layout == "openpose-18"
    assert data.lengths.tolist() == [2, 3, 4, 5]
    np.testing.assert_array_equal(data[1].sequence[2, 1, 7].numpy(), x[1, :, 2, 7, 1])
    assert data.labels.tolist() == [0, 1, 0, 1]
    assert data.metas[3] == {"name": "train3"}


def test_the_files_beside_it_are_the_other_parts(tmp_path):
    path, _ = write(tmp_path, "train", 4)
    write(tmp_path, "val", 2)
    assert {name: len(part) for name, part in load("skeleton-arrays", path).parts().items()} == {"train": 4, "test": 2}
    write(tmp_path, "test", 3)
    splits = load("skeleton-arrays", tmp_path)
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 4, "valid": 2, "test": 3}


def test_names_of_ntu_and_labels_as_an_array_are_read(tmp_path):
    path, _ = write(tmp_path, kind="_joint", count=2, joints=25)
    names = ["S001C001P001R001A001.skeleton", "S001C002P003R001A060.skeleton"]
    put_pickle(tmp_path / "train_label.pkl", (names, np.array([0, 59])))
    data = skeleton_arrays.read(path)
    assert len(data.schema.classes) == 60
    assert data.metas[1]["subject"] == 3


def test_what_cannot_be_used_is_named_or_left_out(tmp_path):
    path, x = write(tmp_path)
    x[1] = 0
    np.save(path, x)
    with pytest.raises(DataError, match="the sequence train1 has nobody in any frame; missing=skip"):
        skeleton_arrays.read(path)
    assert "1 of 4 sequences are left out" in skeleton_arrays.read(path, missing="skip").notes[0]
    put_pickle(tmp_path / "train_label.pkl", (["a"], [0]))
    with pytest.raises(DataError, match=r"must be .names, labels. with 4 entries each"):
        skeleton_arrays.read(path)
    np.save(path, x[0])
    with pytest.raises(DataError, match=r"must be numbers \(N, C, T, V, M\)"):
        skeleton_arrays.read(path)


def test_an_array_without_labels_is_to_be_predicted(tmp_path):
    assert skeleton_arrays.read(write(tmp_path, labels=[])[0]).labels.tolist() == [-1] * 4


def test_damaged_files_are_read_or_refused(tmp_path):
    path, _ = write(tmp_path)
    read_or_refused(skeleton_arrays.read, path, damaged(path.read_bytes(), 300))
    write(tmp_path)
    label = tmp_path / "train_label.pkl"
    read_or_refused(lambda _: skeleton_arrays.read(path), label, damaged(label.read_bytes(), 300))
