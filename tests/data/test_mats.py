"""The three data sets of MATLAB files: SYSU 3D HOI, UTD-MHAD and JHMDB's joints."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from attentive_rnn.data import get_layout, load, recognise
from attentive_rnn.data.io.mat import read_mat
from attentive_rnn.data.skeletons import jhmdb_joints, jhmdb_splits, sysu, utd
from attentive_rnn.errors import ConfigError, DataError
from data.corrupt import read_or_refuse

RNG = np.random.default_rng(0)


def mat(**variables):
    stream = io.BytesIO()
    savemat(stream, variables)
    return stream.getvalue()


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_sysu(folder, people=("ann", "bob", "cid", "dan"), actions=range(1, 13), frames=3):
    for person in people:
        for action in actions:
            put(folder / person / f"video{action}" / "sklWorld.mat", mat(SW=RNG.normal(size=(20, 3, frames))))
    return folder


def write_utd(folder, action=1, subject=1, trial=1, frames=3):
    x = RNG.normal(size=(20, 3, frames))
    return put(folder / f"a{action}_s{subject}_t{trial}_skeleton.mat", mat(d_skel=x)), x


def write_jhmdb(folder, clips):
    for name in clips:
        variables = {"pos_img": RNG.uniform(0, 320, (2, 15, 3)), "pos_world": RNG.normal(size=(2, 15, 3))}
        put(folder / name / "joint_positions.mat", mat(**variables, scale=np.ones((1, 3)), viewpoint="S"))


def test_sysu_trains_on_half_of_the_people_or_half_of_everybodys_sequences(tmp_path):
    folder = write_sysu(tmp_path / "3DvideoNorm")
    assert recognise(folder).name == "sysu"
    people = set()
    for fold in range(5):
        train, test = load("sysu", folder, protocol="CS", fold=fold)
        assert len(train) == len(test) == 24
        assert not set(train.groups("subject")) & set(test.groups("subject"))
        people.add(tuple(sorted(set(train.groups("subject")))))
    assert len(people) > 1
    train, test = load("sysu", folder, protocol="SS", fold=3)
    again, _ = load("sysu", folder, protocol="SS", fold=3)
    assert train.groups("name").tolist() == again.groups("name").tolist()
    for person in ("ann", "bob", "cid", "dan"):
        assert (train.groups("subject") == person).sum() == (test.groups("subject") == person).sum() == 6
    assert np.bincount(np.concatenate([train.labels, test.labels])).tolist() == [4] * 12


def test_sysu_frames_are_time_first(tmp_path):
    x = RNG.normal(size=(20, 3, 5))
    put(tmp_path / "ann" / "video7" / "sklWorld.mat", mat(SW=x))
    sample = sysu.read(tmp_path)[0]
    np.testing.assert_array_equal(sample.sequence[4, 0], np.float32(x[:, :, 4]))
    assert sysu.ACTIONS[sample.label] == "sitting chair"
    assert sample.meta == {"name": "ann/video7", "subject": "ann"}


def test_sysu_takes_the_list_of_the_authors(tmp_path):
    folder = write_sysu(tmp_path / "set", people=("ann",))
    listed = tmp_path / "train.txt"
    listed.write_text("ann/video2\n\nann/video12\n")
    assert load("sysu", folder, train_list=listed).train.groups("name").tolist() == ["ann/video2", "ann/video12"]
    listed.write_text("ann/video2\neve/video1\n")
    with pytest.raises(DataError, match=r"train.txt, line 2: there is no sequence 'eve/video1'"):
        load("sysu", folder, train_list=listed)
    for options, message in (({"protocol": "XS"}, "CS or SS"), ({"fold": 30}, "from 0 to 29")):
        with pytest.raises(ConfigError, match=message):
            load("sysu", folder, **options)


def test_utd_trains_on_odd_subjects_with_joints_in_the_order_of_the_layout(tmp_path):
    for subject in range(1, 9):
        path, x = write_utd(tmp_path, 27, subject)
    train, test = load("utd-mhad", tmp_path)
    assert (train.groups("subject").tolist(), test.groups("subject").tolist()) == ([1, 3, 5, 7], [2, 4, 6, 8])
    joints = get_layout("kinect-20").joints
    last = test[3].sequence[:, 0]
    for name, place in (("head", 0), ("shoulder centre", 1), ("hip centre", 3), ("right foot", 19)):
        np.testing.assert_array_equal(last[:, joints.index(name)], np.float32(x[place].T))
    assert recognise(path).name == "utd-mhad"
    assert train.schema.classes[train.labels[0]] == "squat (two arms stretch out)"
    with pytest.raises(DataError, match="not from 1 to 27"):
        utd.read(write_utd(tmp_path / "other", 28)[0])


@pytest.fixture
def jhmdb(tmp_path):
    for name in ("wave", "clap"):
        write_jhmdb(tmp_path / "joint_positions", [f"{name}/{name} {i}" for i in (1, 2, 3)])
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
    write_jhmdb(joints, ["wave/new"])
    with pytest.raises(DataError, match="the clip wave/new is not in the split files"):
        load("jhmdb-joints", joints)
    (jhmdb / "splits" / "wave_test_split1.txt").write_text("wave 1.avi\n")
    with pytest.raises(DataError, match=r"wave_test_split1.txt, line 1: must be CLIP.avi and 0, 1 or 2"):
        load("jhmdb-joints", joints)
    (jhmdb / "splits").rename(jhmdb / "elsewhere")
    with pytest.raises(DataError, match="give their folder or zip with splits=PATH"):
        load("jhmdb-joints", joints)


def test_jhmdb_takes_the_real_split_files(shared_data, tmp_path):
    parts = jhmdb_splits._parts(shared_data / "jhmdb" / "splits.zip", 1)
    assert [sum(v == part for v in parts.values()) for part in (1, 2)] == [660, 268]


def bomb():
    """A variable of 128 MiB in less than one."""
    packed = zlib.compress(b"\0" * 2**27, 1)
    return mat(x=1)[:128] + struct.pack("<II", 15, len(packed)) + packed


MALFORMED = {
    "empty": (lambda: b"", "is not a MATLAB file of version 5"),
    "text": (lambda: b"hello " * 50, "is not a MATLAB file of version 5"),
    "version 7.3": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(600), "save it with -v7"),
    "truncated": (lambda: mat(d_skel=np.zeros((20, 3, 4)))[:-200], "is damaged or truncated"),
    "another variable": (lambda: mat(skel=np.zeros((20, 3, 4))), "has no variable 'd_skel'"),
    "19 joints": (lambda: mat(d_skel=np.zeros((19, 3, 4))), r"d_skel is \(19, 3, 4\), expected \(20, 3, frames\)"),
    "no frames": (lambda: mat(d_skel=np.zeros((20, 3, 0))), "expected"),
    "text in it": (lambda: mat(d_skel="none"), "not an array of real numbers"),
    "cells": (lambda: mat(d_skel=np.array([[1], [2, 3]], dtype=object)), "not an array of real numbers"),
    "complex": (lambda: mat(d_skel=np.full((20, 3, 2), 1j)), "not an array of real numbers"),
    "NaN": (lambda: mat(d_skel=np.full((20, 3, 2), np.nan)), "NaN, infinite or too large"),
    "a bomb": (bomb, "more than 64 MiB"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_matlab_file_is_refused(tmp_path, kind):
    make, message = MALFORMED[kind]
    path = put(tmp_path / "a1_s1_t1_skeleton.mat", make())
    with pytest.raises(DataError, match=f"a1_s1_t1_skeleton.mat: .*{message}"):
        utd.read(path)


@pytest.mark.parametrize(
    ("read", "name", "variable", "shape"),
    [
        (utd.read, "a1_s1_t1_skeleton.mat", "d_skel", (20, 3, 2)),
        (sysu.read, "ann/video1/sklWorld.mat", "SW", (20, 3, 2)),
        (jhmdb_joints.read, "wave/clip/joint_positions.mat", "pos_world", (2, 15, 2)),
    ],
)
def test_two_thousand_damaged_files_are_read_or_refused(tmp_path, read, name, variable, shape):
    data = mat(**{variable: RNG.normal(size=shape)})
    assert read_or_refuse(read, put(tmp_path / name, data), data) > 500


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_arrays_are_those_that_scipy_reads(packed, dtype):
    stream = io.BytesIO()
    x = RNG.integers(0, 100, (4, 3, 2)).astype(dtype)
    savemat(stream, {"before": "text", "cells": np.array([1, "a"], dtype=object), "x": x}, do_compression=packed)
    np.testing.assert_array_equal(read_mat(stream.getvalue(), "here", "x"), loadmat(stream)["x"])
    np.testing.assert_array_equal(read_mat(mat(x=x[0, 0, 0]), "here", "x"), [[x[0, 0, 0]]])


def test_a_compressed_file_that_is_damaged_is_read_or_refused(tmp_path):
    stream = io.BytesIO()
    savemat(stream, {"d_skel": RNG.normal(size=(20, 3, 2))}, do_compression=True)
    assert read_or_refuse(utd.read, tmp_path / "a1_s1_t1_skeleton.mat", stream.getvalue(), count=1000) > 500
