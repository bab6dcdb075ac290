"""What real files hold that once gave wrong answers without a word, each kind in every format that can hold it."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from attentive_rnn.data import load, read_sequences
from attentive_rnn.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 6, 3)).astype(np.float32)
Y = np.arange(8) % 2
NTD = {"order": "NTD"}
POSES = RNG.uniform(100, 500, (8, 6, 51)).astype(np.float32)
POSES[..., 2::3] = RNG.uniform(0, 1, (8, 6, 17))


def write(path: Path, x: np.ndarray, y: np.ndarray, **more: np.ndarray) -> Path:
    """Sequences (N, T, D) with labels, in the format that the suffix names; features are called a, b, ..."""
    if path.suffix == ".npz":
        np.savez(path, x=x, y=y, **more)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, values in ({"x": x, "y": y} | more).items():
                file[name] = values.astype(object) if values.dtype.kind == "U" else values
    elif path.suffix == ".mat":
        cells = y
        if y.dtype.kind == "U":
            cells = np.empty(len(y), object)
            cells[:] = y.tolist()
        savemat(path, {"x": x, "y": cells} | more)
    else:
        steps = x.shape[1]
        frame = pd.DataFrame({"sequence": np.repeat(np.arange(len(x)), steps), "label": np.repeat(y, steps)})
        columns = {chr(ord("a") + i): x[..., i].reshape(-1) for i in range(x.shape[2])}
        frame = frame.assign(frame=np.tile(np.arange(steps), len(x)), **columns)
        if path.suffix == ".parquet":
            frame.to_parquet(path, index=False)
        else:
            text = frame.to_csv(index=False, sep="\t" if ".tsv" in path.name else ",")
            path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def options_of(name: str) -> dict[str, str]:
    return NTD if name in ("a.npz", "a.h5", "a.mat") else {}


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.mat"])
def test_a_score_beside_two_coordinates_is_no_third_one(name, tmp_path):
    data = read_sequences(write(tmp_path / name, POSES, Y), layout="coco-17", **options_of(name))
    assert (data.schema.shape, data.schema.coordinates) == ((1, 17, 3), 2)
    assert "is taken as its confidence" in data.notes[0]


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.mat", "a.csv", "a.parquet", "a.tsv.gz"])
def test_labels_that_are_absent_are_no_class(name, tmp_path):
    y = np.array(["up", "down", "", "nan", "up", "None", "down", "N/A"])
    data = read_sequences(write(tmp_path / name, X, y), **options_of(name))
    assert data.schema.classes == ("down", "up")
    assert data.labels.tolist() == [1, 0, -1, -1, 1, -1, 0, -1]


def test_labels_that_are_absent_in_lines_of_json_are_no_class(tmp_path):
    labels = ["good", "bad", None, "nan", "good", "bad"]
    rows = [{"text": f"a film of {i} minutes that I saw", "label": label} for i, label in enumerate(labels)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_sequences(tmp_path / "a.jsonl").labels.tolist() == [1, 0, -1, -1, 1, 0]


@pytest.mark.parametrize(
    ("name", "classes"),
    [("a.mat", ("1", "2")), ("a.parquet", ("1.0", "2.0")), ("a.csv", ("1.0", "2.0")), ("a.tsv.gz", ("1.0", "2.0"))],
)
@pytest.mark.parametrize("gap", [False, True])
def test_class_numbers_that_are_floats_are_classes(name, classes, gap, tmp_path):
    y = np.where((np.arange(8) == 2) & gap, np.nan, Y + 1.0)
    data = read_sequences(write(tmp_path / name, X, y), **options_of(name))
    assert data.schema.classes == classes
    assert data.labels.tolist() == [0, 1, -1 if gap else 0, *[1, 0, 1, 0, 1]]


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_class_numbers_that_are_floats_where_there_are_whole_numbers_too_are_said_to_be_numbers(name, tmp_path):
    path = write(tmp_path / name, X, Y + 1.0)
    data = read_sequences(path, **NTD)
    assert data.schema.target == "number"
    assert "all of them are whole: target=class takes them as 2 classes" in data.notes[0]
    assert read_sequences(path, target="class", **NTD).schema.classes == ("1", "2")


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.mat", "a.parquet", "a.csv", "a.tsv.gz"])
def test_true_and_false_are_1_and_0(name, tmp_path):
    data = read_sequences(write(tmp_path / name, X > 0, Y.astype(bool)), **options_of(name))
    np.testing.assert_array_equal(data.sequences[3], (X[3] > 0).astype(np.float32))
    assert data.labels.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "words", [("train", "valid", "test"), ("training", "dev", "testing"), ("Train", "val", "Test")]
)
@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_three_parts_stay_three_in_whatever_words(name, words, tmp_path):
    split = np.array(words)[[0, 0, 0, 0, 1, 1, 2, 2]]
    splits = load("npz" if name == "a.npz" else "hdf5", write(tmp_path / name, X, Y, split=split), **NTD)
    assert {part: len(one) for part, one in splits.parts().items()} == {"train": 4, "valid": 2, "test": 2}


@pytest.mark.parametrize("words", [("Train", "Validation", "Test"), ("training", "dev", "testing")])
def test_three_parts_in_folders_stay_three(words, tmp_path):
    for count, part in enumerate(words, 1):
        for label in ("a", "b"):
            for i in range(count):
                file = tmp_path / part / label / f"{i}.csv"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"x,y\n1,{i}\n2,2\n")
    parts = load("folders", tmp_path).parts()
    assert {part: len(one) for part, one in parts.items()} == {"train": 2, "valid": 4, "test": 6}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "a.tsv.gz"])
def test_a_first_line_that_counts_the_columns_is_no_frame(name, tmp_path):
    for label in ("up", "down"):
        for i in range(2):
            text = "0,1,2\n0.5,1.5,2\n1,2,3.5\n".replace(",", "\t" if ".tsv" in name else ",").encode()
            file = tmp_path / label / f"{i}{name[1:]}"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    data = read_sequences(tmp_path)
    assert data.schema.features == ("0", "1", "2")
    assert data.lengths.tolist() == [2] * 4
    assert [meta["name"] for meta in data.metas] == ["down/0", "down/1", "up/0", "up/1"]


@pytest.mark.parametrize("index", [None, "row", "index"])
def test_the_row_number_of_a_data_frame_is_no_feature_of_parquet(index, tmp_path):
    frame = pd.read_csv(write(tmp_path / "a.csv", X, Y))
    frame.index = pd.Index(2 * np.arange(len(frame)) + 100, name=index)
    frame.to_parquet(tmp_path / "a.parquet")
    data = read_sequences(tmp_path / "a.parquet")
    assert data.schema.features == ("a", "b", "c")
    assert any("numbers the rows and was left out of the features" in note for note in data.notes)


@pytest.mark.parametrize("kind", ["datetime", "date", "text"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_dates_are_no_features(kind, suffix, tmp_path):
    frame = pd.read_csv(write(tmp_path / "a.csv", X, Y))
    when = pd.Series(pd.date_range("2024-03-01", periods=len(frame), freq="20ms"))
    frame["when"] = {"datetime": when, "date": when.dt.date, "text": when.dt.strftime("%d.%m.%Y %H:%M:%S")}[kind]
    path = tmp_path / f"b{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path, index=False)
    data = read_sequences(path)
    assert data.schema.features == ("a", "b", "c")
    assert any("'when' holds" in note and "left out of the features" in note for note in data.notes)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_row_with_nobody_is_named_or_a_frame_of_its_own(suffix, tmp_path):
    x = RNG.normal(size=(4, 6, 12)).astype(np.float32)
    x[1, 2:4] = np.nan
    path = write(tmp_path / f"a{suffix}", x, Y[:4])
    layout = {"joints": ["hip", "chest", "head", "hand"], "bones": []}
    with pytest.raises(DataError, match=r"a is missing; load with --option missing=interpolate or missing=zero"):
        read_sequences(path, layout=layout)
    data = read_sequences(path, layout=layout, missing="zero")
    assert data.marked(1)[:, 0, 0, 0].isnan().tolist() == [False, False, True, True, False, False]


def test_one_empty_annotation_of_coco_is_named_or_left_out(tmp_path):
    for label in ("up", "down"):
        for i in range(3):
            points = [RNG.uniform(1, 400, 51).round(1).tolist() for _ in range(4)]
            points[2] = [] if (label, i) == ("up", 1) else points[2]
            people = [{"image_id": f"{t}.jpg", "keypoints": one, "score": 1.5} for t, one in enumerate(points)]
            file = tmp_path / label / f"{i}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(people))
    with pytest.raises(DataError, match=r"up/1.json: annotation 2, keypoints: has 0 numbers"):
        read_sequences(tmp_path)
    data = read_sequences(tmp_path, missing="skip")
    assert len(data) == 5
    assert "1 of 6 files are left out (missing=skip)" in data.notes[0]


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.mat"])
@pytest.mark.parametrize("word", ["label", "Target", "targets"])
def test_labels_under_another_name_are_not_lost(name, word, tmp_path):
    path = write(tmp_path / name, X, np.array(["up ", "down"] * 4))
    arrays = {"x": X, word: np.array([" up", "down"] * 4)}
    if name == "a.npz":
        np.savez(path, **arrays)
    elif name == "a.mat":
        savemat(path, {"x": X, word: np.array(["up", "down"] * 4)})  # rows of characters, padded to one width
    else:
        with h5py.File(path, "w") as file:
            for key, values in arrays.items():
                file[key] = values.astype(object) if values.dtype.kind == "U" else values
    data = read_sequences(path, **NTD)
    assert (data.schema.classes, data.labels.tolist()) == (("down", "up"), [1, 0] * 4)


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.mat"])
def test_a_sequence_without_frames_is_named_or_left_out(name, tmp_path):
    lengths = [6, 6, 0, 6]
    if name == "a.npz":
        np.savez(tmp_path / name, sequences=X[:3].reshape(-1, 3), lengths=lengths, labels=Y[:4])
    else:
        cells = np.empty(4, object)
        cells[:] = [X[0][:5], X[1], X[0][:0], X[2]]
        lengths[0] = 5
        if name == "a.mat":
            savemat(tmp_path / name, {"X": cells, "Y": Y[:4]})
        else:
            with h5py.File(tmp_path / name, "w") as file:
                for i, cell in enumerate(cells):
                    file[f"x/{i}"] = cell
                file["y"] = Y[:4]
    with pytest.raises(DataError, match="length of sequence 2 is 0; it must be 1 or more; --option missing=skip"):
        read_sequences(tmp_path / name)
    data = read_sequences(tmp_path / name, missing="skip")
    assert (data.lengths.tolist(), data.labels.tolist()) == ([lengths[0], 6, 6], [0, 1, 1])
    assert any("1 of 4 sequences are left out" in note for note in data.notes)


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.npy", "parts.npz"])
@pytest.mark.parametrize("axes", ["NTMVC", "NMTVC", "NCTVM", "NTVMC", "NTVCM"])
def test_the_axes_of_skeletons_are_told_alike_in_all_files_or_asked_for(name, axes, tmp_path):
    x = RNG.normal(size=(4, 9, 2, 25, 3)).astype(np.float32)  # sequences, frames, persons, joints, coordinates
    turned = x.transpose(["NTMVC".index(axis) for axis in axes])
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, turned)
        np.save(tmp_path / "y.npy", Y[:4])
    elif name == "a.h5":
        write(path, turned, Y[:4])
    else:
        np.savez(path, **({"x": turned, "y": Y[:4]} if name == "a.npz" else {"x_train": turned, "y_train": Y[:4]}))
    clear = axes in ("NTMVC", "NCTVM")
    if not clear:
        with pytest.raises(DataError, match=rf"can be .*\({', '.join(axes)}\)"):
            read_sequences(path)
    for options in ({"order": axes}, {"layout": "ntu-25"}, *([{}] if clear else [])):
        np.testing.assert_array_equal(read_sequences(path, **options).sequences[1].reshape(9, 2, 25, 3), x[1])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(("unit", "begin"), [(1, 1.7e9), (1e3, 1.7e12), (1e9, 1.7e18)])
def test_moments_are_no_features_whatever_their_name(suffix, unit, begin, tmp_path):
    frame = pd.read_csv(write(tmp_path / "a.csv", X, Y)).assign(received=np.int64(begin) + np.arange(48) * int(unit))
    path = tmp_path / f"b{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path, index=False)
    data = read_sequences(path)
    assert data.schema.features == ("a", "b", "c")
    assert any("'received' tells the time and was left out of the features" in note for note in data.notes)


@pytest.mark.parametrize(
    ("time", "name", "rate"),
    [
        (lambda s: pd.to_datetime(s, unit="s").strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "time", 25),
        (lambda s: (1000 * s).round().astype(np.int64), "timestamp", 25),
        (lambda s: (1000 * (s - 1.7e9)).round(), "time_ms", 25),
        (lambda s: s - 1.7e9, "time", None),  # in an unknown unit
        (lambda s: s + np.arange(48) ** 2, "time", None),  # at no even rate
    ],
)
def test_the_rate_is_known_where_the_unit_of_times_is(time, name, rate, tmp_path):
    seconds = 1.7e9 + np.tile(np.arange(6), 8) / 25
    frame = pd.read_csv(write(tmp_path / "a.csv", X, Y)).drop(columns="frame").assign(**{name: time(seconds)})
    frame.to_csv(tmp_path / "b.csv", index=False)
    found = read_sequences(tmp_path / "b.csv", time=name).schema.rate
    assert found == (None if rate is None else pytest.approx(rate, rel=1e-3))


def test_thousands_with_points_beside_decimal_commas_are_asked_about(tmp_path):
    frame = pd.read_csv(write(tmp_path / "a.csv", X, Y)).assign(watts=[f"{i + 1}.250" for i in range(48)])
    frame.to_csv(tmp_path / "b.csv", index=False, sep=";", decimal=",")
    with pytest.raises(
        DataError, match=r"b.csv, line 2: watts is '1.250', .* decimal=comma reads 1250; .* write 1,250"
    ):
        read_sequences(tmp_path / "b.csv")
    data = read_sequences(tmp_path / "b.csv", decimal="comma")
    np.testing.assert_array_equal(data.sequences[0][:, 3], [1250, 2250, 3250, 4250, 5250, 6250])
    np.testing.assert_array_equal(data.sequences[0][:, :3], X[0])


@pytest.mark.parametrize("words", [("Y", "N"), ("on", "off"), ("yes", "no")])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_of_two_words_is_1_and_0(words, suffix, tmp_path):
    touch = np.where(X[..., 0].reshape(-1) > 0, *words)
    frame = pd.read_csv(write(tmp_path / "a.csv", X, Y)).assign(touch=touch)
    path = tmp_path / f"b{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path, index=False)
    np.testing.assert_array_equal(read_sequences(path).sequences[2][:, 3], X[2, :, 0] > 0)


@pytest.mark.parametrize("name", ["set", "partition", "train"])
def test_a_column_of_parts_under_another_name_is_no_feature_and_the_note_says_how_to_use_it(name, tmp_path):
    parts = [1] * 5 + [0] * 3 if name == "train" else ["train"] * 5 + ["test"] * 3
    path = write(tmp_path / "a.csv", X, Y)
    pd.read_csv(path).assign(**{name: np.repeat(parts, 6)}).to_csv(path, index=False)
    data = read_sequences(path)
    assert data.schema.features == ("a", "b", "c")
    assert f"--option split={name} takes the parts from it" in data.notes[0]
    assert [len(part) for part in load("table", path, split=name).parts().values()] == [5, 3]


@pytest.mark.parametrize("separator", [",", " "])
def test_names_in_the_comment_of_savetxt_are_those_of_the_columns(separator, tmp_path):
    rows = np.column_stack([np.repeat(np.arange(8), 6), np.repeat(Y, 6), X.reshape(-1, 3)])
    header = separator.join(["sequence", "label", "x", "y", "z"])
    np.savetxt(tmp_path / "a.csv", rows, "%.9g", separator, header=f"made by a logger\n{header}")
    data = read_sequences(tmp_path / "a.csv")
    assert (data.schema.features, data.labels.tolist()) == (("x", "y", "z"), Y.tolist())
    np.testing.assert_array_equal(data.sequences[3], X[3])
    assert "the columns have the names of the comment above the values" in data.notes[0]


def test_comments_above_a_table_are_no_texts(tmp_path):
    path = write(tmp_path / "a.csv", X, Y)
    path.write_text("# made by a logger\n# at 50 Hz\n" + path.read_text())
    data = read_sequences(path)
    assert (data.schema.features, data.labels.tolist()) == (("a", "b", "c"), Y.tolist())


@pytest.mark.parametrize("name", ["a.csv", "a.npz"])
def test_joints_with_names_of_no_layout_are_said_to_be_taken_by_their_places(name, tmp_path):
    own = {"joints": ["hip", "chest", "head", "hand"], "bones": [], "name": "own"}
    names = ["rechte_hand_x", "rechte_hand_y", "kopf_x", "kopf_y", "brust_x", "brust_y", "huefte_x", "huefte_y"]
    x = RNG.normal(size=(4, 6, 8)).astype(np.float32)
    if name == "a.npz":
        np.savez(tmp_path / name, x=x, y=Y[:4], features=names)
    else:
        frame = pd.read_csv(write(tmp_path / name, x, Y[:4]))
        frame.rename(columns=dict(zip("abcdefgh", names, strict=True))).to_csv(tmp_path / name, index=False)
    notes = read_sequences(tmp_path / name, layout=own).notes
    assert any("4 of 4 joints are none of own by their names and are taken by their places" in note for note in notes)


def test_labels_with_decimal_commas_are_numbers_or_classes_by_an_option(tmp_path):
    path = write(tmp_path / "a.csv", X, np.array(["0,5", "1,5"] * 4))
    with pytest.raises(DataError, match=r"line 2: the label '0,5' is no whole number; --option target=number"):
        read_sequences(path)
    assert read_sequences(path, target="number").labels.tolist() == [0.5, 1.5] * 4


def test_decimals_of_parquet_are_numbers(tmp_path):
    frame = pd.read_csv(write(tmp_path / "a.csv", X.round(2), Y))
    frame["a"] = [Decimal(str(round(float(value), 2))) for value in frame["a"]]
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    np.testing.assert_array_equal(read_sequences(tmp_path / "a.parquet").sequences[5], X.round(2)[5])
