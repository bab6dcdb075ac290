"""MATLAB files: what scipy writes is read, and damaged files are refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from attentive_rnn.data.io.mat import read_mat
from attentive_rnn.data.skeletons import jhmdb, sysu, utd
from attentive_rnn.errors import DataError
from data.damage import read_or_refuse
from data.writers import mat, put

RNG = np.random.default_rng(0)


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
        (jhmdb.read_joints, "wave/clip/joint_positions.mat", "pos_world", (2, 15, 2)),
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
