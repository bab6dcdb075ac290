"""Pairs of archive files, X_TRAIN and X_TEST: found from either, fitted together, or refused by name."""

import gzip
import lzma

import numpy as np
import pytest

from attentive_rnn.data import load, read_sequences
from attentive_rnn.errors import ConfigError, DataError
from data.writers import ts_text

CASES = [[[1, 2], [3, 4]], [[5, 6]]]


def write_pair(folder, train=None, test=None, suffix=".ts", problem="Made"):
    for part, text in (("TRAIN", train), ("TEST", test)):
        text = text or ts_text(CASES, ["a", "b"], ("a", "b"))
        pack = {".ts": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[suffix[-3:]]
        (folder / f"{problem}_{part}{suffix}").write_bytes(pack(text.encode()))
    return folder / f"{problem}_TRAIN{suffix}"


@pytest.mark.parametrize("suffix", [".ts", ".ts.gz", ".ts.xz"])
@pytest.mark.parametrize("given", ["train", "test", "folder"])
def test_the_other_part_is_found_from_either_file_or_the_folder(tmp_path, suffix, given):
    path = write_pair(tmp_path, test=ts_text(CASES[:1], ["b"], ("a", "b")), suffix=suffix)
    path = {"train": path, "test": path.with_name(path.name.replace("TRAIN", "TEST")), "folder": tmp_path}[given]
    train, test = load("uea", path)
    assert (len(train), len(test)) == (2, 1)
    assert train.schema.classes == ("a", "b")
    assert test[0].label == 1
    assert train[1].meta == {"name": "Made_TRAIN/2"}
    np.testing.assert_array_equal(train[0].sequence, CASES[0])


def test_labels_of_the_test_file_follow_the_training_files_order_of_classes(tmp_path):
    train, test = load("uea", write_pair(tmp_path, test=ts_text(CASES, ["a", "b"], ("b", "a"))))
    assert train.labels.tolist() == test.labels.tolist() == [0, 1]
    assert train.schema == test.schema


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (ts_text(CASES, ["a", "c"], ("a", "c")), "the class 'c' is not one of a, b"),
        (ts_text([[[1]]], ["a"], ("a", "b")), "2 dimensions and the TEST file 1"),
        (ts_text(CASES, ["a", "?"], ("a", "b")), "the TEST file: sequence Made_TEST/2 has no label"),
        (ts_text(CASES), "the TEST file: no sequence has a label"),
    ],
)
def test_two_files_that_do_not_belong_together_are_refused(tmp_path, test, message):
    with pytest.raises(DataError, match=message):
        load("uea", write_pair(tmp_path, test=test))


def test_a_folder_of_several_problems_is_refused_with_their_names(tmp_path):
    write_pair(tmp_path)
    write_pair(tmp_path, problem="Other")
    with pytest.raises(DataError, match="the problems Made, Other; give the path of one"):
        load("uea", tmp_path)
    assert len(load("uea", tmp_path / "Other_TEST.ts").train) == 2


def test_a_missing_part_is_named(tmp_path):
    path = write_pair(tmp_path)
    (tmp_path / "Made_TEST.ts").unlink()
    with pytest.raises(DataError, match=r"Made_TEST.ts .*is not beside it"):
        load("uea", path)
    with pytest.raises(DataError, match=r"no pair X_TRAIN.ts, X_TEST.ts"):
        load("uea", tmp_path)
    with pytest.raises(DataError, match=r"is not named X_TRAIN.ts"):
        load("uea", path.rename(tmp_path / "Made.ts"))


def test_an_error_names_the_file_and_the_line(tmp_path):
    with pytest.raises(DataError, match=r"Made_TEST\.ts, line 10: the class label 'c'"):
        load("uea", write_pair(tmp_path, test=ts_text(CASES, ["c", "a"], ("a", "b"))))


def test_missing_values_are_refused_until_told_what_to_do(tmp_path):
    path = write_pair(tmp_path, train=ts_text([[[1, 2], [np.nan, 4], [3, 6]]], ["a"], ("a", "b")))
    with pytest.raises(DataError, match="value 2 of dimension 1 is missing"):
        load("uea", path)
    train, _ = load("uea", path, missing="interpolate")
    assert train[0].sequence[:, 0].tolist() == [1, 2, 3]
    with pytest.raises(ConfigError, match="unknown option 'fill'; it takes missing"):
        load("uea", path, fill=0)


def test_sequences_to_predict_need_no_label_and_no_partner(tmp_path):
    path = tmp_path / "mine.ts"
    path.write_text(ts_text(CASES))
    data = read_sequences(path)
    assert data.labels.tolist() == [-1, -1]
    assert data.lengths.tolist() == [2, 1]
    assert [m["name"] for m in data.metas] == ["mine/1", "mine/2"]


def test_a_folder_of_files_is_read_as_one_set(tmp_path):
    write_pair(tmp_path)
    assert len(read_sequences(tmp_path)) == 4
    (tmp_path / "Odd.ts").write_text(ts_text([[[1]]]))
    with pytest.raises(DataError, match="differ in classes or frames"):
        read_sequences(tmp_path)


@pytest.mark.parametrize(
    ("problem", "counts", "shape", "length", "classes"),
    [
        ("NATOPS", (180, 180), (24,), 51, 6),
        ("RacketSports", (151, 152), (6,), 30, 4),
        ("Epilepsy", (137, 138), (3,), 206, 4),
    ],
)
def test_the_archives_own_files_are_read(shared_data, problem, counts, shape, length, classes):
    train, test = load("uea", shared_data / "uea" / f"{problem}_TRAIN.ts.xz")
    assert (len(train), len(test)) == counts
    assert train.schema.shape == shape
    assert set(train.lengths) == set(test.lengths) == {length}
    assert len(train.schema.classes) == classes
