"""HDF5 files: what h5py writes is read, and damage ends in one error."""

import h5py
import numpy as np
import pytest

from attentive_rnn.data.io import hdf5
from attentive_rnn.data.io.hdf5 import read_hdf5
from attentive_rnn.errors import DataError
from data.damage import corrupted, read_or_refused
from data.hdf5_files import write_matlab

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "chunks": (2, 2), "shuffle": True}])
def test_numbers_are_read(tmp_path, options):
    values = {dtype: RNG.integers(0, 2, (5, 3)).astype(dtype) for dtype in ("i1", "u2", ">i4", "f2", "<f4", ">f8", "?")}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, array in values.items():
            file.create_dataset(name, data=array, **options)
    found = read_hdf5(tmp_path / "a.h5")
    assert set(found) == set(values)
    for name, array in values.items():
        np.testing.assert_array_equal(found[name], array)


def test_texts_groups_and_single_values_are_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/y"] = ["up", "dön"]
        file["train/fixed"] = np.array([b"ab", b"c"])
        file["title"] = "gestures"
        file["rate"] = 50
        file["none"] = np.zeros((0, 3))
        file["complex"] = np.ones(2, complex)
    found = read_hdf5(tmp_path / "a.h5")
    assert found["train"]["y"].tolist() == ["up", "dön"]
    assert found["train"]["fixed"].tolist() == ["ab", "c"]
    assert (str(found["title"]), found["rate"].item(), found["none"].shape) == ("gestures", 50, (0, 3))
    assert "complex" not in found


def test_matlab_files_have_their_axes_texts_and_cells(tmp_path):
    values = RNG.normal(size=(2, 3, 4))
    path = write_matlab(tmp_path / "a.mat", x=values, name="sway", cells=[np.ones((2, 5)), "walk", [1.0, "in"], []])
    found = read_hdf5(path)
    np.testing.assert_array_equal(found["x"], values)
    assert str(found["name"]) == "sway"
    array, text, cell, empty = found["cells"]
    assert (array.shape, str(text), cell[0].tolist(), str(cell[1]), empty) == ((2, 5), "walk", [[1.0]], "in", [])
    assert set(found) == {"x", "name", "cells"}


def test_what_leads_into_other_files_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(24))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1.0]
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"] = h5py.ExternalLink("other.h5", "/x")
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_dataset("x", (3,), "f8", external=[(str(tmp_path / "secret"), 0, 24)])
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((1,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (1,))
        file.create_virtual_dataset("x", layout)
    for name in ("link", "outside", "virtual"):
        with pytest.raises(DataError, match=rf"{name}\.h5: cannot be read \('x' .*(into|in) (this one|another file)"):
            read_hdf5(tmp_path / f"{name}.h5")


def test_a_file_that_asks_for_more_than_it_holds_is_refused(tmp_path):
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file.create_dataset("x", (10**6, 10**6), "f8", chunks=(10, 10))
    with pytest.raises(
        DataError, match=r"large\.h5: cannot be read \('x' and what is before it have more than 256 MiB"
    ):
        read_hdf5(tmp_path / "large.h5")


def test_groups_within_themselves_are_refused(tmp_path):
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        file["a"] = file["/"]
    with pytest.raises(DataError, match="within more than 8 groups"):
        read_hdf5(tmp_path / "loop.h5")


def test_a_process_that_dies_or_takes_too_long_is_one_error(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros((4, 2))
    for text in ("import os; os.kill(os.getpid(), 11)", "while True: pass", "print('no description')"):
        (tmp_path / "program.py").write_text(
            "import resource, sys\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\n"
            "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n" + text
        )
        monkeypatch.setattr(hdf5, "_PROGRAM", tmp_path / "program.py")
        with pytest.raises(DataError, match=r"a\.h5: cannot be read \(reading it needs too much time or memory"):
            read_hdf5(tmp_path / "a.h5")


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"MATLAB 7.3".ljust(600)])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.h5: is not an HDF5 file"):
        read_hdf5(tmp_path / "a.h5")


def test_damaged_files_are_read_or_refused(tmp_path):
    path = write_matlab(tmp_path / "a.mat", x=[np.ones((2, 3)), np.ones((4, 3))], y=["a", "b"])
    assert read_or_refused(read_hdf5, path, corrupted(path.read_bytes(), 8)) < 8
