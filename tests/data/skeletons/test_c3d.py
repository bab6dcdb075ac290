"""Motion capture: .c3d files and folders of them."""

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import get_source, load, read_sequences, recognise
from attentive_rnn.data.schema import Schema
from attentive_rnn.data.skeletons.c3d import read_c3d
from attentive_rnn.data.skeletons.layouts import get_layout
from attentive_rnn.data.transforms.body import UnitBodySize
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse
from data.writers import c3d_file, put

NAMES = ("hip", "knee", "toe")
X = np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32)


def test_positions_rate_and_units_are_those_of_the_file(tmp_path):
    capture = read_c3d(put(tmp_path / "a.c3d", c3d_file(X, NAMES, rate=120.0)))
    assert (capture.names, capture.rate, capture.units) == (NAMES, 120.0, "millimetres")
    np.testing.assert_array_equal(capture.positions, X)
    assert read_c3d(put(tmp_path / "b.c3d", c3d_file(X, NAMES, units="m"))).units == "metres"
    assert read_c3d(put(tmp_path / "c.c3d", c3d_file(X, NAMES, units="inch"))).units is None


def test_whole_numbers_times_a_scale_are_read(tmp_path):
    capture = read_c3d(put(tmp_path / "a.c3d", c3d_file(np.round(100 * X) * 0.5, NAMES, scale=0.5)))
    np.testing.assert_array_equal(capture.positions, np.round(100 * X) * 0.5)


def test_a_marker_that_is_not_seen_or_is_nan_is_all_zeros(tmp_path):
    residuals, values = np.zeros((5, 3)), X.copy()
    residuals[1, 2], values[3, 0, 1] = -1, np.nan
    positions = read_c3d(put(tmp_path / "a.c3d", c3d_file(values, NAMES, residuals))).positions
    wanted = X.copy()
    wanted[1, 2] = wanted[3, 0] = 0
    np.testing.assert_array_equal(positions, wanted)
    with pytest.raises(DataError, match=r"b\.c3d: no marker is seen in any of its 5 frames"):
        read_c3d(put(tmp_path / "b.c3d", c3d_file(X, NAMES, residuals - 1)))


def test_markers_are_joints_by_name_whatever_their_order(tmp_path):
    put(tmp_path / "a.c3d", c3d_file(X, NAMES))
    put(tmp_path / "b.c3d", c3d_file(X[:, ::-1], [f"Ann:{name}" for name in NAMES[::-1]]))
    data = read_sequences(tmp_path)
    assert (data.schema.shape, data.schema.rate, data.schema.units) == ((1, 3, 3), 100.0, "millimetres")
    assert get_layout(data.schema.layout).joints == NAMES
    assert Schema.from_dict(data.schema.to_dict()) == data.schema
    for item in data:
        np.testing.assert_array_equal(item.sequence[:, 0], X)


def test_points_that_are_no_markers_are_left_out_with_a_note(tmp_path):
    names = ("hip", "*7", "knee", "hip angle")
    put(tmp_path / "a.c3d", c3d_file(np.concatenate([X, X[:, :1]], 1), names, more={"ANGLES": ["hip angle"]}))
    data = read_sequences(tmp_path)
    assert get_layout(data.schema.layout).joints == ("hip", "knee")
    np.testing.assert_array_equal(data[0].sequence[:, 0], X[:, [0, 2]])
    assert any("1 of 1 files have points without a name, or angles" in note for note in data.notes)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (c3d_file(X, ("hip", "knee", "heel")), r"b\.c3d: has no marker 'toe', which .*a\.c3d has"),
        (c3d_file(X[:, [0, 1, 2, 2]], (*NAMES, "heel")), r"b\.c3d: has the marker 'heel', which .*a\.c3d has not"),
        (c3d_file(X, ("hip", "hip", "toe")), r"b\.c3d: two markers are called 'hip'"),
        (c3d_file(X[:, :1], ("hip",)), r"b\.c3d: has 1 markers with a name"),
        (c3d_file(X, NAMES, units="m"), r"b\.c3d: has units of metres, but .*a\.c3d of millimetres"),
        (c3d_file(X, NAMES, rate=50.0), r"b\.c3d: has a rate of 50\.0, but .*a\.c3d of 100\.0"),
        (b"no .c3d file", r"b\.c3d: is not a \.c3d file, or damaged"),
    ],
)
def test_a_file_that_is_damaged_or_unlike_the_first_is_refused_or_skipped(tmp_path, other, message):
    put(tmp_path / "a.c3d", c3d_file(X, NAMES))
    put(tmp_path / "b.c3d", other)
    with pytest.raises(DataError, match=f"{message}.*missing=skip"):
        read_sequences(tmp_path)
    data = read_sequences(tmp_path, missing="skip")
    assert len(data) == 1
    assert any("1 of 2 sequences are left out" in note for note in data.notes)


def test_a_layout_chooses_the_markers(tmp_path):
    put(tmp_path / "a.c3d", c3d_file(X, NAMES))
    put(tmp_path / "b.c3d", c3d_file(X[:, [0, 1, 2, 2]], (*NAMES[::-1], "heel")))
    layout = {"joints": ["toe", "hip"], "bones": [["hip", "toe"]]}
    data = read_sequences(tmp_path, layout=layout)
    np.testing.assert_array_equal(data[0].sequence[:, 0], X[:, [2, 0]])
    np.testing.assert_array_equal(data[1].sequence[:, 0], X[:, [0, 2]])


def test_a_truncated_file_is_refused(tmp_path):
    content = c3d_file(np.tile(X, (20, 1, 1)), NAMES)
    put(tmp_path / "a.c3d", content[:-600])
    with pytest.raises(DataError, match=r"a\.c3d: is truncated: it should hold 100 frames of 3 points"):
        read_c3d(tmp_path / "a.c3d")
    for end in range(0, len(content) - 512, 97):
        put(tmp_path / "a.c3d", content[:end])
        with pytest.raises(DataError):
            read_c3d(tmp_path / "a.c3d")


def test_a_damaged_file_is_read_or_refused(tmp_path):
    assert read_or_refuse(read_sequences, tmp_path / "a.c3d", c3d_file(X, NAMES), count=500) > 100


def test_a_table_tells_the_classes(tmp_path):
    put(tmp_path / "one.c3d", c3d_file(X, NAMES))
    put(tmp_path / "two.c3d", c3d_file(X, NAMES))
    put(tmp_path / "labels.csv", b"file,label,subject\none.c3d,walk,ann\ntwo,run,ben\n")
    data = read_sequences(tmp_path)
    assert (data.schema.classes, data.labels.tolist()) == (("run", "walk"), [1, 0])
    assert [meta["subject"] for meta in data.metas] == ["ann", "ben"]


def test_folders_are_classes_from_loading_to_prediction(tmp_path, capsys):
    for k, label in enumerate(("run", "walk")):
        for i in range(6):
            put(tmp_path / "set" / label / f"{i}.c3d", c3d_file(X + k + i / 10, NAMES))
    assert recognise(tmp_path / "set") is get_source("c3d")
    train, test = load("c3d", tmp_path / "set")
    assert (train.schema.classes, len(train), len(test)) == (("run", "walk"), 9, 3)
    assert main(["data", "check", str(tmp_path / "set")]) == 0
    assert "no bones, in millimetres" in capsys.readouterr().out
    small = ["--training.max_epochs", "1", "--device", "cpu", "--model.hidden_size", "4"]
    assert main(["train", str(tmp_path / "set"), "--output-dir", str(tmp_path / "runs"), *small]) == 0
    (run,) = (tmp_path / "runs").glob("*/*")
    put(tmp_path / "new.c3d", c3d_file(X[:, ::-1], NAMES[::-1]))
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "new.c3d")]) == 0
    assert "new" in capsys.readouterr().out


def test_what_needs_bones_says_that_there_are_none(tmp_path):
    put(tmp_path / "a.c3d", c3d_file(X, NAMES))
    layout = read_sequences(tmp_path).schema.layout
    with pytest.raises(ConfigError, match="unit_body_size: needs bones, which the layout c3d has not"):
        UnitBodySize(layout)
