import json
import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attentive_rnn.data import load, read_sequences
from attentive_rnn.data.formats import npz
from attentive_rnn.errors import ConfigError, DataError
from data.damage import damaged, read_or_refused
from data.generic import assert_same, made

RNG = np.random.default_rng(0)


def save(tmp_path, **arrays):
    np.savez(tmp_path / "set.npz", **arrays)
    return tmp_path / "set.npz"


@pytest.mark.parametrize(
    "dataset",
    [made(), made((3,), features=("a", "label", "ü")), made((2, 20, 3), "kinect-20"), made(counts=(1, 1, 1))],
    ids=["plain", "features", "skeletons", "single frames"],
)
def test_what_was_written_is_read_back_exactly(tmp_path, dataset):
    path = tmp_path / "made.npz"
    path.write_bytes(npz.to_bytes(dataset))
    assert_same(npz.read(path), dataset)
    assert read_sequences(path).labels.tolist() == dataset.labels.tolist()


def test_a_layout_that_the_file_names_is_taken_and_an_option_goes_before_it(tmp_path):
    path = save(tmp_path, sequences=RNG.normal(size=(4, 20, 3)), lengths=[2, 2], labels=["a", "b"], layout="kinect-20")
    dataset = npz.read(path)
    assert (dataset.schema.layout, dataset.schema.shape) == ("kinect-20", (1, 20, 3))
    assert not any("layout" in note for note in dataset.notes)
    assert npz.read(path, layout="sfinge-20").schema.layout == "sfinge-20"
    other = save(tmp_path, sequences=RNG.normal(size=(4, 20, 3)), lengths=[2, 2], labels=["a", "b"], layout="a.yaml")
    assert npz.read(other).schema.layout is None
    assert any("the arrays layout are not used" in note for note in npz.read(other).notes)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.sampled_from([(1,), (3,), (2, 2), (1, 4, 2)]))
def test_padded_and_joined_sequences_are_the_same_data(tmp_path_factory, lengths, shape):
    # Without a schema, one frame each is either: it is read as joined.
    assume(max(lengths) > 1)
    folder = tmp_path_factory.mktemp("npz")
    rng = np.random.default_rng(0)
    cases = [rng.normal(size=(n, *shape)).astype(np.float32) for n in lengths]
    padded = np.zeros((len(cases), max(lengths) + 1, *shape))
    for row, case in zip(padded, cases, strict=True):
        row[: len(case)] = case
    joined = npz.read(save(folder, x=np.concatenate(cases), lengths=lengths))
    for data in (joined, npz.read(save(folder, X=padded, lengths=lengths)), npz.read(save(folder, data=padded))):
        for case, found in zip(cases, data.sequences, strict=True):
            np.testing.assert_array_equal(found.numpy(), case)


def test_labels_are_indices_names_or_any_integers(tmp_path):
    x = np.ones((4, 3, 2))
    named = npz.read(save(tmp_path, x=x, y=["b", "a", "b", "a"]))
    assert (named.schema.classes, named.labels.tolist()) == (("a", "b"), [1, 0, 1, 0])
    counted = npz.read(save(tmp_path, x=x, y=[10, -1, 2, 10]))
    assert (counted.schema.classes, counted.labels.tolist()) == (("2", "10"), [1, -1, 0, 1])
    indexed = npz.read(save(tmp_path, x=x, labels=[1, 0, 0, -1], classes=["up", "down"]))
    assert (indexed.schema.classes, indexed.labels.tolist()) == (("up", "down"), [1, 0, 0, -1])
    assert npz.read(save(tmp_path, x=x)).labels.tolist() == [-1] * 4


def test_a_split_in_the_file_is_obeyed_and_leaves_the_metas(tmp_path):
    x = np.arange(24.0).reshape(4, 3, 2) + 1
    path = save(tmp_path, x=x, y=[0, 1, 0, 1], split=["train", "TEST", "valid", "train"], subject=[1, 2, 3, 4])
    splits = load("npz", path)
    train, test = splits
    assert [m["subject"] for m in train.metas] == [1, 4]
    assert splits.valid is not None
    assert [m["subject"] for m in splits.valid.metas] == [3]
    assert test.metas == [{"subject": 2}]
    assert npz.read(path).metas[1] == {"subject": 2, "split": "TEST"}


def test_without_a_split_whole_subjects_are_held_out(tmp_path):
    subjects = np.repeat(np.arange(4), 5)
    path = save(tmp_path, x=np.ones((20, 3, 2)), y=np.arange(20) % 2, subject=subjects)
    train, test = load("npz", path, test_fraction=0.25, seed=1)
    assert len(test) == 5
    assert not set(train.groups("subject")) & set(test.groups("subject"))
    others = {int(load("npz", path, seed=seed).test.groups("subject")[0]) for seed in range(8)}
    assert len(others) > 1


def test_a_layout_makes_skeletons_of_columns(tmp_path):
    path = save(tmp_path, x=np.ones((2, 5, 120)), y=[0, 1])
    assert npz.read(path, layout="kinect-20").schema.shape == (2, 20, 3)
    with pytest.raises(DataError, match="120 features a frame are not those of 25 joints"):
        npz.read(path, layout="ntu-25")


def test_missing_values_are_refused_with_their_place_or_filled(tmp_path):
    x = np.array([[[1.0], [np.nan], [3.0]], [[4.0], [5.0], [np.nan]]])
    path = save(tmp_path, x=x, lengths=[3, 2])
    with pytest.raises(DataError, match=r"set.npz: sequence 0, frame 1: feature 0 is missing; load with"):
        npz.read(path)
    assert npz.read(path, missing="interpolate")[0].sequence.flatten().tolist() == [1, 2, 3]
    with pytest.raises(ConfigError, match="missing must be one of"):
        npz.read(path, missing="guess")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.ones(3)}, "there is no array 'sequences' .* it holds a"),
        ({"x": np.ones(3)}, "sequences must be numbers"),
        ({"x": np.array([["a", "b"]])}, "sequences must be numbers"),
        ({"x": np.ones((4, 2))}, "without an array lengths must be padded"),
        ({"x": np.ones((4, 2)), "lengths": [2, 3]}, "lengths add up to 5, but sequences has 4 frames"),
        ({"x": np.ones((4, 2)), "lengths": [4, 0]}, "the length of sequence 1 is 0"),
        ({"x": np.ones((2, 3, 2)), "lengths": [4, 1]}, "length of sequence 0 is 4, but it has 3 frames"),
        ({"x": np.ones((2, 3, 2)), "lengths": [[1], [2]]}, "lengths must be"),
        ({"x": np.ones((2, 3, 2)), "y": [0, 1, 2]}, r"labels must be \(2,\) class indices or names"),
        ({"x": np.ones((2, 3, 2)), "y": [0.5, 1.0, 2.0]}, "labels must be"),
        ({"x": np.ones((2, 3, 2)), "y": [0, 2], "classes": ["a", "b"]}, "label 2 is not an index into the 2 classes"),
        ({"x": np.ones((2, 3, 2)), "y": ["a", "c"], "classes": ["a", "b"]}, "label 'c' is not among classes"),
        ({"x": np.ones((2, 3, 2)), "classes": ["a", "a"]}, "names a class twice"),
        ({"x": np.ones((2, 3, 2)), "schema": "{"}, "schema must be one text"),
        ({"x": np.ones((2, 3, 2)), "schema": json.dumps({"classes": []})}, "schema: the key 'shape' is missing"),
        (
            {"x": np.ones((2, 3, 2)), "schema": json.dumps({"classes": [], "shape": [5]}), "lengths": [1, 2]},
            "a frame of",
        ),
        ({"x": np.ones((2, 3, 2)), "split": [0, 1]}, "split must be"),
        ({"x": np.ones((2, 3, 2)), "meta": ["{", "{}"]}, "meta of sequence 0 is not a JSON object"),
        ({"x": np.full((2, 3, 2), 1e300)}, "sequence 0, frame 0: feature 0 is infinite or too large"),
        ({"x": np.array([[object()]], dtype=object)}, "Python objects"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        npz.read(save(tmp_path, **arrays))


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle was run",)


def test_pickled_objects_are_never_loaded(tmp_path):
    path = save(tmp_path, x=np.array([Trap()], dtype=object))
    with pytest.raises(DataError, match="which could run code"):
        npz.read(path)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=r"not an \.npz file"):
        npz.read(path)


@pytest.mark.parametrize("compress", [True, False])
def test_damaged_files_are_read_or_refused(tmp_path, compress):
    path = tmp_path / "set.npz"
    if compress:
        path.write_bytes(npz.to_bytes(made(counts=(3, 2))))
    else:
        np.savez(path, x=np.ones((2, 3, 2)), lengths=[3, 2], labels=["a", "b"], subject=[1, 2])
    assert read_or_refused(npz.read, path, damaged(path.read_bytes(), 1000)) < 900


def test_float_labels_that_are_all_whole_are_numbers_with_a_note_or_classes_by_option(tmp_path):
    path = save(tmp_path, x=np.arange(24.0).reshape(4, 3, 2) + 1, y=[1.0, 2.0, np.nan, 2.0])
    data = npz.read(path)
    assert data.schema.target == "number"
    assert "target=class takes them as 2 classes" in data.notes[0]
    data = npz.read(path, target="class")
    assert data.schema.classes == ("1", "2")
    assert data.labels.tolist() == [0, 1, -1, 1]
    assert data.notes == ()


def test_whole_labels_are_classes_or_numbers_by_option(tmp_path):
    path = save(tmp_path, x=np.ones((30, 3, 2)), y=np.arange(30))
    data = npz.read(path)
    assert "30 classes: target=number" in data.notes[0]
    assert npz.read(path, target="number").labels.tolist() == list(range(30))


def test_words_for_no_value_are_no_labels(tmp_path):
    path = save(tmp_path, x=np.ones((4, 3, 2)), y=["up", "None", "nan", ""])
    data = npz.read(path)
    assert data.schema.classes == ("up",)
    assert data.labels.tolist() == [0, -1, -1, -1]


def test_padded_arrays_for_each_part_with_one_hot_labels(tmp_path):
    x = RNG.normal(size=(9, 10, 4)) + 9
    x[0, 7:] = 0
    hot = np.eye(3)[np.arange(9) % 3]
    parts = {"train": slice(0, 5), "val": slice(5, 7), "test": slice(7, 9)}
    arrays = {f"x_{name}": x[part] for name, part in parts.items()}
    arrays |= {f"y_{name}": hot[part] for name, part in parts.items()}
    path = tmp_path / "parts.npz"
    np.savez(path, **arrays)
    splits = load("npz", path)
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 5, "valid": 2, "test": 2}
    assert splits.train.lengths.tolist() == [7, 10, 10, 10, 10]
    assert splits.test.labels.tolist() == [1, 2]
    np.testing.assert_array_equal(splits.test[0].sequence.numpy(), x[7].astype(np.float32))
    np.savez(path, X_train=x[:5], y_train=np.arange(5) % 2)
    assert [len(part) for part in load("npz", path)] == [3, 2]
    np.savez(path, y_train=np.arange(5) % 2)
    with pytest.raises(DataError, match="there is an array 'y_train', but none with the sequences of that part"):
        load("npz", path)


def test_skeletons_of_ctrgcn(tmp_path):
    path = tmp_path / "NTU60_CS.npz"
    x = RNG.normal(size=(4, 8, 150)) + 3
    np.savez(path, x_train=x, y_train=np.eye(60)[:4], x_test=x[:2], y_test=np.eye(60)[:2])
    train, test = load("npz", path)
    assert (train.schema.layout, train.schema.shape) == ("ntu-25", (2, 25, 3))
    np.testing.assert_array_equal(test[1].sequence.numpy(), x[1].reshape(8, 2, 25, 3).astype(np.float32))


def test_one_hot_labels_are_classes(tmp_path):
    data = npz.read(save(tmp_path, x=np.ones((3, 2, 2)), y=np.eye(4)[[3, 0, 0]]))
    assert data.schema.classes == ("0", "1", "2", "3")
    assert data.labels.tolist() == [3, 0, 0]


def test_labels_in_a_column_are_labels(tmp_path):
    data = npz.read(save(tmp_path, x=np.ones((4, 2, 2)), y=np.array([[0], [1], [1], [0]])))
    assert (data.schema.classes, data.labels.tolist()) == (("0", "1"), [0, 1, 1, 0])


def test_minus_one_is_a_class_beside_one_alone_and_else_no_label(tmp_path):
    data = npz.read(save(tmp_path, x=np.ones((3, 2, 2)), y=np.array([-1, 1, -1])))
    assert (data.schema.classes, data.labels.tolist()) == (("-1", "1"), [0, 1, 0])
    assert "labels are -1 and 1, taken as two classes" in data.notes[0]
    data = npz.read(save(tmp_path, x=np.ones((3, 2, 2)), y=np.array([-1, 1, 0])))
    assert (data.schema.classes, data.labels.tolist()) == (("0", "1"), [-1, 1, 0])
    assert "1 of 3 labels are -1, taken as no label" in data.notes[0]
    data = npz.read(save(tmp_path, x=np.ones((3, 2, 2)), y=np.array([-1.0, 1.0, np.nan])), target="class")
    assert (data.schema.classes, data.labels.tolist()) == (("-1", "1"), [0, 1, -1])


def test_an_array_of_the_names_of_the_features_is_used(tmp_path):
    arrays = {"sequences": np.ones((3, 4, 2)), "labels": ["a", "b", "a"], "features": ["up", "down"]}
    np.savez(tmp_path / "set.npz", **arrays)
    assert npz.read(tmp_path / "set.npz").schema.features == ("up", "down")
    np.savez(tmp_path / "set.npz", **arrays | {"labels": [0.5, 1.5, 2.5]})
    assert npz.read(tmp_path / "set.npz").schema.features == ("up", "down")
    np.savez(tmp_path / "set.npz", **arrays | {"features": ["one", "for", "each"]})
    data = npz.read(tmp_path / "set.npz")
    assert data.schema.features == ()
    assert data.metas[2]["features"] == "each"


@pytest.mark.parametrize("name", ["x", "X_train"])
def test_an_array_whose_axes_can_be_read_in_two_ways_is_refused_and_the_order_decides(tmp_path, name):
    x = np.arange(24.0).reshape(2, 3, 4)
    labels = {name.replace("x", "y").replace("X", "y"): [0, 1]}
    np.savez(tmp_path / "a.npz", **{name: x}, **labels)
    message = r"3 frames of 4 features \(NTD\) or 4 frames of 3 features \(NDT\); .* --option order=AXES"
    with pytest.raises(DataError, match=message):
        npz.read(tmp_path / "a.npz")
    assert npz.read(tmp_path / "a.npz", order="NTD")[1].sequence.tolist() == x[1].tolist()
    assert npz.read(tmp_path / "a.npz", order="NDT")[1].sequence.tolist() == x[1].T.tolist()


@pytest.mark.parametrize(
    ("told", "turned"),
    [
        ({"features": list("abcd")}, False),
        ({"features": list("abc")}, True),
        ({"lengths": [3, 1]}, False),
        ({"lengths": [4, 2]}, True),
    ],
)
def test_names_of_features_and_lengths_tell_which_axis_is_time(tmp_path, told, turned):
    x = np.arange(1, 25.0).reshape(2, 3, 4)
    np.savez(tmp_path / "a.npz", x=x, y=[0, 1], **told)
    data = npz.read(tmp_path / "a.npz")
    frames = told["lengths"][0] if "lengths" in told else None
    assert data[0].sequence.tolist() == (x[0].T if turned else x[0])[:frames].tolist()
    assert data.schema.features == tuple(told.get("features", ()))
    if "features" in told:
        np.savez(tmp_path / "b.npz", x_train=x, y_train=[0, 1], x_test=x, y_test=[0, 1], **told)
        assert npz.read(tmp_path / "b.npz")[3].sequence.tolist() == (x[1].T if turned else x[1]).tolist()


def test_skeletons_of_graph_networks_are_told_by_their_axes(tmp_path):
    frames = np.random.default_rng(0).normal(size=(2, 30, 2, 25, 3))  # recordings, frames, persons, joints, coordinates
    for axes in ("NCTVM", "NMTVC", "NTMVC"):
        x = frames.transpose(["NTMVC".index(letter) for letter in axes])
        np.savez(tmp_path / "a.npz", x=x, y=[0, 1])
        np.testing.assert_array_equal(npz.read(tmp_path / "a.npz", layout="ntu-25")[1].sequence, np.float32(frames[1]))


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_labels_of_true_and_false_are_two_classes(tmp_path, shape):
    x, y = RNG.normal(size=(6, 4, 3)), np.array([True, False] * 3)
    data = read_sequences(save(tmp_path, x=x, y=y.reshape(shape)))
    assert (data.schema.classes, data.labels.tolist()) == (("0", "1"), [1, 0] * 3)
    named = read_sequences(save(tmp_path, x=x, y=y, classes=["still", "moving"]))
    assert (named.schema.classes, named.labels.tolist()) == (("still", "moving"), [1, 0] * 3)
    parts = load("npz", save(tmp_path, x_train=x, y_train=y, x_test=x, y_test=~y))
    assert [part.labels.tolist() for part in parts.parts().values()] == [[1, 0] * 3, [0, 1] * 3]


def test_an_array_that_says_what_is_for_training_is_the_split(tmp_path):
    x, y = RNG.normal(size=(6, 4, 3)), np.array([0, 1] * 3)
    splits = load("npz", save(tmp_path, x=x, y=y, is_train=np.array([1, 1, 0, 0, 1, 1], bool)))
    assert [len(part) for part in splits.parts().values()] == [4, 2]
    assert np.array_equal(splits.test.sequences[0].numpy(), x[2].astype(np.float32))
    assert "the part of each sequence is that of 'is_train'" in splits.train.notes[0]


def test_arrays_of_arrays_texts_and_numbers_are_read(tmp_path):
    cases = [RNG.normal(size=(n, 3)).astype(np.float32) for n in (1, 5, 900)]
    ragged = np.empty(3, dtype=object)
    ragged[:] = cases
    path = save(
        tmp_path, data=ragged, label=np.array(["up", "down", "up"], dtype=object), user=np.array([1, 2, 3], object)
    )
    data = npz.read(path)
    for found, case in zip(data.sequences, cases, strict=True):
        np.testing.assert_array_equal(found, case)
    assert data.schema.classes == ("down", "up")
    assert data.labels.tolist() == [1, 0, 1]
    assert [meta["user"] for meta in data.metas] == [1, 2, 3]
    turned = np.empty(3, dtype=object)
    turned[:] = [case.T for case in cases]
    np.testing.assert_array_equal(npz.read(save(tmp_path, x=turned))[1].sequence, cases[1])


def test_the_only_array_of_several_axes_is_the_sequences(tmp_path):
    data = npz.read(save(tmp_path, recordings=np.ones((2, 9, 3)), y=[0, 1], rate=50.0))
    assert data.lengths.tolist() == [9, 9]
    assert any("the array 'recordings' was taken for the sequences" in note for note in data.notes)
    with pytest.raises(DataError, match="it holds a, b; name the array with the sequences x and"):
        npz.read(save(tmp_path, a=np.ones((2, 9, 3)), b=np.ones((2, 9, 3))))


@pytest.mark.parametrize("name", ["classes", "class_names", "label_names", "target_names"])
@pytest.mark.parametrize("labels", [np.array([0, 2, 1, 0]), np.array([0.0, 2.0, 1.0, 0.0])])
def test_names_of_classes_are_those_of_the_indices(tmp_path, name, labels):
    found = npz.read(save(tmp_path, x=RNG.normal(size=(4, 5, 2)), y=labels, **{name: ["sit", "run", "lie"]}))
    assert found.schema.classes == ("sit", "run", "lie")
    assert found.labels.tolist() == [0, 2, 1, 0]
    assert found.notes == ()


def test_names_of_classes_hold_for_all_parts_and_for_one_hot_labels(tmp_path):
    x, hot = RNG.normal(size=(3, 5, 2)), np.eye(3)
    found = npz.read(save(tmp_path, x_train=x, y_train=hot, x_test=x, y_test=hot, class_names=["sit", "run", "lie"]))
    assert found.schema.classes == ("sit", "run", "lie")
    assert found.labels.tolist() == [0, 1, 2] * 2
    assert npz.read(save(tmp_path, x=x, y=hot, class_names=["sit", "run", "lie"])).schema.classes[2] == "lie"


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (
            [1, 2, 3],
            ["a", "b", "c"],
            "the label 3 is not an index into the 3 classes of the array class_names.*subtract",
        ),
        ([0, 5, 1], ["a", "b"], "the label 5 is not an index into the 2 classes of the array class_names"),
        ([0.5, 1, 0], ["a", "b"], "labels have fractions, but class_names names classes.*target=number"),
        ([0, 1, 0], [["a", "b"]], r"class_names must be \(K,\) names"),
        (np.eye(3), ["a", "b"], "labels have 3 columns, but class_names has 2 names"),
        ([0, 1, 1], ["a", "a"], "class_names names a class twice"),
    ],
)
def test_names_of_classes_that_do_not_fit_the_labels_are_refused(tmp_path, labels, names, message):
    with pytest.raises(DataError, match=message):
        npz.read(save(tmp_path, x=RNG.normal(size=(3, 5, 2)), y=labels, class_names=names))


def test_messages_name_an_array_as_the_file_does(tmp_path):
    with pytest.raises(DataError, match=r"EEG: the axes \(4, 5, 9\) can be"):
        npz.read(save(tmp_path, EEG=RNG.normal(size=(4, 5, 9)), y=[0, 1, 0, 1]))
    cells = np.empty(2, dtype=object)
    cells[:] = [RNG.normal(size=(4, 3)), RNG.normal(size=(5, 2))]
    with pytest.raises(DataError, match="the cells of 'EEG' differ in both axes"):
        npz.read(save(tmp_path, EEG=cells, y=[0, 1]))
