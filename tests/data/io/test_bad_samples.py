"""Bad samples: refused with the option that leaves them out, or left out, counted and named, by every reader."""

import json

import numpy as np
import pytest

from attentive_rnn.data import load
from attentive_rnn.data.formats import arff, folders, npz, pyskl, tables, ts
from attentive_rnn.data.io.bad_samples import BadSamples, check_bad
from attentive_rnn.data.skeletons import nucla
from attentive_rnn.errors import ConfigError, DataError
from data.writers import put_pickle, pyskl_annotation


def in_folders(root):
    (root / "a").mkdir()
    for name, text in (("1", "x\n1\n"), ("2", "x\nERR\n"), ("3", "x\n\n"), ("4", "x\n4\n5\n")):
        (root / "a" / f"{name}.csv").write_text(text)
    return folders.read, root, ["a/1", "a/4"], 4


def in_a_table(root):
    (root / "t.csv").write_text("id,label,x\n1,a,1\n2,a,\n2,a,3\n4,b,4\n")
    return tables.read, root / "t.csv", ["1", "4"], 3


def in_an_npz(root):
    x = np.arange(12.0).reshape(3, 2, 2) + 1
    x[1, 0, 1] = np.nan
    np.savez(root / "x.npz", x=x, name=["1", "2", "3"])
    return npz.read, root / "x.npz", ["1", "3"], 3


def in_a_ts(root):
    (root / "X_TRAIN.ts").write_text("@problemName X\n@classLabel true a b\n@data\n1,2:a\n1,x:a\n3,4:c\n5,6:b\n")
    return ts.TS.read, root / "X_TRAIN.ts", ["X_TRAIN/1", "X_TRAIN/4"], 4


def in_an_arff(root):
    head = "@relation X\n@attribute a numeric\n@attribute b numeric\n@attribute class {a,b}\n@data\n"
    (root / "X_TRAIN.arff").write_text(head + "1,2,a\n1,z,a\n5,6,b\n")
    return arff.ARFF.read, root / "X_TRAIN.arff", ["X_TRAIN/1", "X_TRAIN/3"], 3


def in_a_pickle(root):
    annotations = [pyskl_annotation(f"v{i}") for i in range(4)]
    annotations[1]["keypoint"] = annotations[1]["keypoint"][:0]
    annotations[2]["keypoint"] = annotations[2]["keypoint"] * np.float16("nan")
    return pyskl.read, put_pickle(root / "v.pkl", {"split": {}, "annotations": annotations}), ["v0", "v3"], 4


def in_json_files(root):
    for i, skeletons in enumerate([[[[0, 0, 1]] * 20], [], [[[0, 0, 2]] * 20]]):
        (root / f"{i}.json").write_text(json.dumps({"skeletons": skeletons}))
    return nucla.read, root, ["0", "2"], 3


@pytest.mark.parametrize(
    "made",
    [in_folders, in_a_table, in_an_npz, in_a_ts, in_an_arff, in_a_pickle, in_json_files],
    ids=lambda f: f.__name__,
)
def test_bad_samples_are_refused_or_left_out_counted_and_named(tmp_path, made):
    read, path, names, count = made(tmp_path)
    with pytest.raises(DataError, match=r"missing=.?skip"):
        read(path)
    data = read(path, missing="skip")
    assert [meta["name"] for meta in data.metas] == names
    (note,) = data.notes
    assert f"{count - len(names)} of {count} sequences are left out" in note


def test_names_of_bad_annotations_in_a_split_are_left_out_with_a_note(tmp_path):
    annotations = [pyskl_annotation(f"v{i}") for i in range(4)]
    annotations[1]["keypoint"] = annotations[1]["keypoint"][:0]
    split = {"train": ["v0", "v1"], "test": ["v2", "v3"]}
    path = put_pickle(tmp_path / "v.pkl", {"split": split, "annotations": annotations})
    with pytest.raises(DataError, match=r"annotation 1 \('v1'\).*missing=skip"):
        load("pyskl", path)
    splits = load("pyskl", path, missing="skip")
    assert (len(splits.train), len(splits.test)) == (1, 2)
    assert any("1 of 2 names in the split 'train'" in note for note in splits.notes)


def test_sequences_without_a_label_are_left_out_of_training_by_the_same_option(tmp_path):
    rows = [f"{i},{'abab?'[i % 5]},{i}.5" for i in range(10)]
    (tmp_path / "t.csv").write_text("\n".join(["id,label,x", *rows]))
    with pytest.raises(DataError, match=r"sequence 4 has no label, nor have 1 more; .*missing=skip"):
        load("table", tmp_path / "t.csv")
    splits = load("table", tmp_path / "t.csv", missing="skip")
    assert len(splits.train) + len(splits.test) == 8
    assert "2 of 10 are left out, because they have no label" in splits.notes[0]


def test_a_set_of_bad_samples_only_is_an_error():
    bad = BadSamples("skip")
    for _ in range(2):
        bad.read(lambda: load("npz", "nothing.npz"))
    with pytest.raises(DataError, match=r"here: all 2 sequences are bad; the first: nothing.npz"):
        bad.notes("here", 2)
    with pytest.raises(ConfigError, match="missing must be one of refuse, skip"):
        check_bad("nucla", "drop")
