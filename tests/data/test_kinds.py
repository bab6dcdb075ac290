"""What real files hold that once gave wrong answers without a word, each kind in every format that can hold it."""

from __future__ import annotations

import gzip
import json
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
