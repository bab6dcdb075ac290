"""JHMDB: annotated joints in MATLAB files, and the official splits."""

import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.skeletons.jhmdb import _parts
from attentive_rnn.errors import ConfigError, DataError
from data.writers import put, write_jhmdb_joints

RNG = np.random.default_rng(0)


@pytest.fixture
def jhmdb(tmp_path):
    for name in ("wave", "clap"):
        write_jhmdb_joints(tmp_path / "joint_positions", [f"{name}/{name} {i}" for i in (1, 2, 3)])
        lines = f"{name} 1.avi 1\n{name} 2.avi 2\n{name} 3.avi 0\n"
        put(tmp_path / "splits" / f"{name}_test_split1.txt", lines.encode())
    return tmp_path


def test_jhmdb_follows_the_official_split_beside_it(jhmdb):
    train, test = load("jhmdb-joints", jhmdb / "joint_positions")
    assert train.groups("name").tolist() == ["clap/clap 1", "wave/wave 1"]
    assert test.groups("name").tolist() == ["clap/clap 2", "wave/wave 2"]
    assert train.schema.classes == ("clap", "wave")
    assert train[0].sequence.shape == (3, 1, 15, 2)
    assert load("jhmdb-joints", jhmdb / "joint_positions", positions="image").train[0].sequence.min() >= 0
    assert recognise(jhmdb / "joint_positions").name == "jhmdb-joints"


def test_jhmdb_without_its_splits_is_refused_with_what_to_do(jhmdb):
    joints = jhmdb / "joint_positions"
    with pytest.raises(DataError, match=r"holds no CLASS_test_split2.txt"):
        load("jhmdb-joints", joints, split=2)
    with pytest.raises(ConfigError, match="split must be 1, 2 or 3"):
        load("jhmdb-joints", joints, split=4)
    with pytest.raises(ConfigError, match="positions must be one of"):
        load("jhmdb-joints", joints, positions="depth")
    write_jhmdb_joints(joints, ["wave/new"])
    with pytest.raises(DataError, match="the clip wave/new is not in the split files"):
        load("jhmdb-joints", joints)
    (jhmdb / "splits" / "wave_test_split1.txt").write_text("wave 1.avi\n")
    with pytest.raises(DataError, match=r"wave_test_split1.txt, line 1: must be CLIP.avi and 0, 1 or 2"):
        load("jhmdb-joints", joints)
    (jhmdb / "splits").rename(jhmdb / "elsewhere")
    with pytest.raises(DataError, match="give their folder or zip with splits=PATH"):
        load("jhmdb-joints", joints)


def test_jhmdb_takes_the_real_split_files(shared_data, tmp_path):
    parts = _parts(shared_data / "jhmdb" / "splits.zip", 1)
    assert [sum(v == part for v in parts.values()) for part in (1, 2)] == [660, 268]
