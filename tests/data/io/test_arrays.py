"""Arrays: read without unpickling, and missing values refused, filled or kept."""

import numpy as np
import pytest

from attentive_rnn.data.io.arrays import check_missing, fill, open_array, read_arrays
from attentive_rnn.errors import ConfigError, DataError


def place(t, d):
    return f"frame {t}, feature {d}"


def test_arrays_come_back_by_name(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez_compressed(tmp_path / "set.npz", x=values, name=np.array("text"))
    found = read_arrays(tmp_path / "set.npz")
    np.testing.assert_array_equal(found["x"], values)
    assert str(found["name"]) == "text"
    np.save(tmp_path / "one.npy", values)
    np.testing.assert_array_equal(read_arrays(tmp_path / "one.npy")[""], values)


def test_objects_damage_and_arrays_that_are_too_large_are_refused(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x=np.array([object()], dtype=object))
    with pytest.raises(DataError, match=r"set.npz, array 'x': holds Python objects"):
        read_arrays(path)
    np.savez(path, x=np.zeros(1000))
    with pytest.raises(DataError, match=r"array 'x': has more than 0 MiB"):
        read_arrays(path, largest=1000)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"set.npz: cannot be read .*truncated or not an .npz file"):
        read_arrays(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("point", [0x110000, 0xFFFFFFFF, 0xD800])
def test_texts_of_what_is_no_character_are_refused(tmp_path, point, order):
    values = np.array([["sit", "up"]], f"{order}U4")
    np.savez(tmp_path / "good.npz", names=values)
    assert read_arrays(tmp_path / "good.npz")["names"].tolist() == [["sit", "up"]]
    values.view(np.dtype(np.uint32).newbyteorder(order))[0, 1] = point
    np.savez(tmp_path / "bad.npz", names=values)
    np.save(tmp_path / "bad.npy", values)
    for read in (lambda: read_arrays(tmp_path / "bad.npz"), lambda: open_array(tmp_path / "bad.npy")):
        with pytest.raises(DataError, match=r"bad.*: is no text; the file is damaged"):
            read()


def test_missing_values_are_refused_filled_or_kept():
    values = np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, 4.0], [8.0, 5.0]])
    with pytest.raises(DataError, match="frame 0, feature 0 is missing; load with"):
        fill(values, "refuse", place)
    assert fill(values, "interpolate", place).T.tolist() == [[2.0, 2.0, 5.0, 8.0], [1.0, 2.5, 4.0, 5.0]]
    assert fill(values, "zero", place)[0].tolist() == [0.0, 1.0]
    assert np.isnan(fill(values, "keep", place)).sum() == 3
    with pytest.raises(DataError, match="like all others of this sequence, is missing"):
        fill(values[:1], "interpolate", place)


def test_infinite_values_and_unknown_words_are_refused():
    with pytest.raises(DataError, match="frame 0, feature 1 is infinite or too large for float32; write"):
        fill(np.array([[0.0, 1e39]]), "keep", place, "write ? for a missing value")
    check_missing("zero")
    with pytest.raises(ConfigError, match="missing must be one of refuse, interpolate, zero, keep, skip; got 'drop'"):
        check_missing("drop")


def test_true_and_false_are_1_and_0_in_a_file_as_in_an_archive(tmp_path):
    values = np.arange(24).reshape(4, 3, 2) % 3 == 0
    np.save(tmp_path / "x.npy", values)
    np.savez(tmp_path / "x.npz", x=values)
    for found in (open_array(tmp_path / "x.npy"), read_arrays(tmp_path / "x.npz")["x"]):
        assert found.dtype == np.int8
        assert (found == values).all()
    data = bytearray((tmp_path / "x.npy").read_bytes())
    data[-1] = 7
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(DataError, match=r"x\.npy: a value is neither true nor false; the file is damaged"):
        open_array(tmp_path / "x.npy")
