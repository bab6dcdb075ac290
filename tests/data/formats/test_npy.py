import pickle

import numpy as np
import pytest

from attentive_rnn.data import check, load, read_sequences, recognise
from attentive_rnn.data.formats.npy import read
from attentive_rnn.errors import DataError
from data.damage import damaged, read_or_refused

RNG = np.random.default_rng(0)


def save(folder, name, array):
    folder.mkdir(exist_ok=True, parents=True)
    np.save(folder / name, array)
    return folder / name


def write_part(folder, part, count=10, names=None, labels=None, joints=18, suffix=""):
    array = RNG.normal(size=(count, 3, 20, joints, 2)).astype(np.float32)
    save(folder, f"{part}_data{suffix}.npy", array)
    names = names or [f"{part}{i}" for i in range(count)]
    labels = labels or [i % 2 for i in range(count)]
    (folder / f"{part}_label.pkl").write_bytes(pickle.dumps((names, labels)))
    return array


def test_skeletons_of_stgcn_with_their_pickle(tmp_path):
    array = write_part(tmp_path, "train")
    path = tmp_path / "train_data.npy"
    assert recognise(path).name == recognise(tmp_path).name == "npy"
    data = read_sequences(path)
    assert data.schema.shape == (2, 18, 3)
    assert data.schema.layout == "openpose-18"
    assert data.schema.classes == ("0", "1")
    assert data.labels.tolist() == [0, 1] * 5
    assert data.metas[3] == {"name": "train3"}
    np.testing.assert_array_equal(data[3].sequence.numpy(), array[3].transpose(1, 3, 2, 0))
    assert [len(part) for part in load("npy", path)] == [8, 2]


def test_the_folder_gives_both_parts_and_a_file_only_itself(tmp_path):
    write_part(tmp_path, "train")
    write_part(tmp_path, "val", count=4)
    splits = load("npy", tmp_path)
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 10, "test": 4}
    assert "is the one that is reported as test" in splits.notes[0]
    assert check(tmp_path).splits == {"train": 10, "test": 4}
    one = read(tmp_path / "val_data.npy")
    assert len(one) == 4
    assert "train_data.npy beside it is not read" in one.notes[0]


def test_joints_and_bones_in_one_folder_are_asked_about(tmp_path):
    write_part(tmp_path, "train", suffix="_joint")
    write_part(tmp_path, "train", suffix="_bone")
    with pytest.raises(DataError, match=r"holds not one set of arrays, but train_data_bone.npy, train_data_joint.npy"):
        read(tmp_path)
    assert read(tmp_path / "train_data_bone.npy").labels.tolist() == [0, 1] * 5


def test_names_of_ntu_give_its_classes_and_subjects(tmp_path):
    names = [f"S001C001P{subject:03}R001A{action:03}.skeleton" for subject in (1, 2, 3) for action in (1, 7)]
    write_part(tmp_path, "train", 6, names, [0, 6] * 3, joints=25)
    data = read(tmp_path)
    assert len(data.schema.classes) == 60
    assert data.labels.tolist() == [0, 6] * 3
    assert data.groups("subject").tolist() == [1, 1, 2, 2, 3, 3]
    write_part(tmp_path, "train", 6, names, [0, 5] * 3, joints=25)
    assert read(tmp_path).schema.classes == ("0", "5")


@pytest.mark.parametrize("names", [("X", "y"), ("data", "labels"), ("X_train", "y_train"), ("x", "targets")])
def test_windows_of_sensors_with_labels(tmp_path, names):
    array = RNG.normal(size=(12, 50, 6))
    save(tmp_path, f"{names[0]}.npy", array)
    save(tmp_path, f"{names[1]}.npy", np.array(["walk", "run", "sit"] * 4))
    assert recognise(tmp_path).name == "npy"
    data = read(tmp_path)
    assert data.schema.shape == (6,)
    assert data.schema.classes == ("run", "sit", "walk")
    np.testing.assert_array_equal(data[5].sequence.numpy(), array[5].astype(np.float32))


def test_parts_of_windows_and_numbers_to_predict(tmp_path):
    for part, count in (("train", 6), ("test", 3)):
        save(tmp_path, f"X_{part}.npy", RNG.normal(size=(count, 8, 2)))
        save(tmp_path, f"y_{part}.npy", RNG.normal(size=count))
    train, test = load("npy", tmp_path)
    assert (len(train), len(test), train.schema.target) == (6, 3, "number")
    assert len(load("npy", tmp_path, target="number").test) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (([], []), "class indices from 0"),
        ((["a"], [0]), "has 1 labels, but train_data.npy has 10 sequences"),
        ((["a"], [0] * 10), "has 1 names and 10 labels"),
        (["a"] * 10, "class indices from 0"),
        ({"a": 1}, "class indices from 0"),
    ],
)
def test_malformed_labels_are_refused(tmp_path, content, message):
    write_part(tmp_path, "train")
    (tmp_path / "train_label.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=f"train_label.pkl: .*{message}"):
        read(tmp_path)


def test_nothing_in_the_pickle_is_run(tmp_path):
    write_part(tmp_path, "train")
    (tmp_path / "train_label.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match=r"train_label.pkl: is not read as a pickle"):
        read(tmp_path)


def test_a_folder_of_classes_stays_one(tmp_path):
    for label in "ab":
        save(tmp_path / label, "one.npy", RNG.normal(size=(5, 3)))
    assert recognise(tmp_path).name == "folders"


def test_damaged_arrays_and_pickles_are_read_or_refused(tmp_path):
    array = RNG.normal(size=(2, 5, 3))
    save(tmp_path, "train_data.npy", array)
    labels = tmp_path / "train_label.pkl"
    labels.write_bytes(pickle.dumps((["a", "b"], [0, 1])))
    for path in (tmp_path / "train_data.npy", labels):
        whole = path.read_bytes()
        assert read_or_refused(lambda _: read(tmp_path), path, damaged(whole, 400)) < 400
        path.write_bytes(whole)


def test_arrays_that_are_in_the_folder_too_are_named(tmp_path):
    write_part(tmp_path, "train")
    np.savez(tmp_path / "others.npz", x=np.ones((2, 3, 4)))
    assert f"{tmp_path}: others.npz is there too, and not read" in read(tmp_path).notes
