"""Shared parts of the readers: sequences in the order of their keys, two parts, and the recipes' preprocessing."""

from pathlib import Path

import numpy as np
import pytest

from attentive_rnn.data import Schema
from attentive_rnn.data.skeletons.reader import divide, held_by, read_members, skeleton_source
from attentive_rnn.errors import DataError

SCHEMA = Schema(("one", "two"), (1, 2, 3))


def key(name):
    return Path(name).stem if name.endswith(".raw") else None


def parse(member):
    frames = np.frombuffer(member.data, dtype=np.float64).reshape(-1, 1, 2, 3)
    return frames, int(member.key[-1]) % 2, {"name": member.key}


@pytest.fixture
def folder(tmp_path):
    for i in (3, 1, 2):
        (tmp_path / f"s{i}.raw").write_bytes(np.full((i, 1, 2, 3), i / 3).tobytes())
    (tmp_path / "notes.txt").write_text("passed over")
    return tmp_path


def test_sequences_come_in_the_order_of_their_keys(folder):
    assert held_by(key)(folder)
    data = read_members(folder, key, ".raw file", parse, SCHEMA, "raw")
    assert data.groups("name").tolist() == ["s1", "s2", "s3"]
    assert (data.lengths.tolist(), data.labels.tolist(), data.name) == ([1, 2, 3], [1, 0, 1], "raw")
    assert (data[0].sequence == np.float32(1 / 3)).all()
    (folder / "empty").mkdir()
    assert not held_by(key)(folder / "empty")
    with pytest.raises(DataError, match=r"empty: holds no \.raw file"):
        read_members(folder / "empty", key, ".raw file", parse, SCHEMA, "raw")


def test_an_empty_part_is_refused(folder):
    data = read_members(folder, key, ".raw file", parse, SCHEMA, "raw")
    train, test = divide(data, np.array([True, False, True]), folder, "")
    assert (train.groups("name").tolist(), test.groups("name").tolist()) == (["s1", "s3"], ["s2"])
    for mask, part in ((np.ones(3, bool), "test"), (np.zeros(3, bool), "train")):
        with pytest.raises(DataError, match=f"has no sequence to {part}; odd ones train"):
            divide(data, mask, folder, "; odd ones train")


def test_recipes_move_the_centre_to_the_origin_and_rotate():
    source = skeleton_source("raw", "raw skeletons", divide, read_members, held_by(key), centre=3)
    assert source.preprocessing == ({"name": "origin_at_body_centre", "joint": 3},)
    assert source.augmentation == ({"name": "random_rotation", "degrees": 35.0},)
