"""HDF5 and MATLAB files as data sets."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from attentive_rnn.data import load, read_sequences
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse
from data.hdf5_files import write_matlab

RNG = np.random.default_rng(0)
CASES = [RNG.normal(size=(n, 3)) for n in (5, 7, 4)]
LABELS = ["walk", "sit", "walk"]


def cells(values):
    made = np.empty((len(values), 1), dtype=object)
    made[:, 0] = values
    return made


def write(path, **variables):
    """A MATLAB file of version 5 or 7.3, or HDF5 with a dataset for each sequence."""
    if path.suffix == ".mat":
        content = {key: cells(value) if isinstance(value, list) else value for key, value in variables.items()}
        savemat(path, content, do_compression=True)
    else:
        path = write_matlab(path.with_suffix(".mat"), **variables)
    return path


@pytest.fixture(params=["five.mat", "seven.three"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.mark.parametrize("turned", [False, True])
def test_each_cell_is_a_sequence_in_the_axis_that_varies(path, turned):
    made = write(path, X=[case.T if turned else case for case in CASES], Y=LABELS, subject=[1.0, 2.0, 1.0])
    found = read_sequences(made)
    assert (found.schema.classes, found.labels.tolist()) == (("sit", "walk"), [1, 0, 1])
    assert [meta["subject"] for meta in found.metas] == [1, 2, 1]
    for case, sequence in zip(CASES, found.sequences, strict=True):
        np.testing.assert_allclose(sequence.numpy(), case, rtol=1e-6)


def test_cells_of_one_size_need_their_order(path):
    made = write(path, x=[np.ones((4, 6))] * 2, y=["a", "b"])
    with pytest.raises(DataError, match=r"which can be \(frames, features\) or .*--option order=TD or order=DT"):
        read_sequences(made)
    assert read_sequences(made, order="TD").schema.shape == (6,)
    assert read_sequences(made, order="DT").schema.shape == (4,)
    with pytest.raises(ConfigError, match="order must be one of"):
        read_sequences(made, order="DD")


def test_parts_in_cells_are_the_parts(path):
    made = write(path, XTrain=CASES, YTrain=LABELS, XTest=CASES[:2], YTest=LABELS[:2])
    train, test = load("hdf5", made)
    assert (len(train), len(test), test.labels.tolist()) == (3, 2, [1, 0])


def test_whole_doubles_are_classes_and_others_numbers(path):
    assert read_sequences(write(path, x=CASES, y=np.array([1.0, 2.0, 1.0]))).schema.classes == ("1", "2")
    assert read_sequences(write(path, x=CASES, y=np.array([1.5, 2.0, 1.0]))).schema.target == "number"
    assert read_sequences(write(path, x=CASES, y=np.array([1.0, 2.0, 1.0])), target="number").schema.target == "number"


@pytest.mark.parametrize("name", ["y", "label", "Target"])
def test_sequences_may_be_the_last_axis_of_a_matlab_array(path, name):
    x = RNG.normal(size=(20, 3, 6))
    found = read_sequences(write(path, x=x, **{name: np.arange(6.0) % 2}))
    assert found.lengths.tolist() == [20] * 6
    assert found.labels.tolist() == [0, 1] * 3
    np.testing.assert_allclose(found[2].sequence.numpy(), x[:, :, 2], rtol=1e-6)
    wide = write(path, x=x.transpose(1, 0, 2), y=np.arange(6.0) % 2)
    with pytest.raises(DataError, match=r"NTD.*or.*NDT"):
        read_sequences(wide)
    np.testing.assert_allclose(read_sequences(wide, order="DTN")[2].sequence.numpy(), x[:, :, 2], rtol=1e-6)


def test_structures_and_groups_are_names(tmp_path):
    savemat(tmp_path / "a.mat", {"set": {"x": cells(CASES), "y": cells(LABELS)}})
    assert len(read_sequences(tmp_path / "a.mat")) == 3
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/x"], file["train/y"] = np.ones((4, 5, 2)), [0, 1, 0, 1]
        file["test/x"], file["test/y"] = np.ones((2, 5, 2)), [0, 1]
    train, test = load("hdf5", tmp_path / "a.h5")
    assert (len(train), len(test), train.schema.shape) == (4, 2, (2,))


def test_arrays_of_hdf5_are_those_of_npz(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["sequences"], file["lengths"], file["labels"] = np.concatenate(CASES), [5, 7, 4], LABELS
        file["name"] = ["a", "b", "c"]
    found = read_sequences(tmp_path / "a.hdf5")
    assert [meta["name"] for meta in found.metas] == ["a", "b", "c"]
    assert found.lengths.tolist() == [5, 7, 4]


def test_datasets_of_a_group_are_sequences_with_names(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, case in zip("abc", CASES, strict=True):
            file[f"x/{name}"] = case
        file["y"] = LABELS
    found = read_sequences(tmp_path / "a.h5")
    assert [(meta["name"], n) for meta, n in zip(found.metas, found.lengths, strict=True)] == [
        ("a", 5),
        ("b", 7),
        ("c", 4),
    ]


def test_recordings_with_a_label_for_each_frame_are_cut(path):
    made = write(path, x=np.arange(12.0)[:, None], y=np.repeat([1.0, 2.0], 6), subject=np.repeat([1.0, 2.0], [8, 4]))
    found = read_sequences(made, window=4)
    assert (found.labels.tolist(), [meta["subject"] for meta in found.metas]) == ([0, 0, 1], [1, 1, 2])


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"x": [np.ones((4, 3)), np.ones((5, 2))]}, "differ in both axes"),
        ({"x": [np.ones((4, 3)), "text"]}, "cell 2 of 'x' must be an array of numbers"),
        ({"velocity": np.ones((4, 3))}, "there is no array 'sequences'.*it holds velocity"),
        ({"XTrain": CASES, "YTrain": LABELS[:2]}, "'XTrain' has 3 cells, but 2 labels"),
    ],
)
def test_what_is_no_set_of_sequences_is_refused(path, variables, message):
    made = write(path, **variables)
    with pytest.raises(DataError, match=message):
        read_sequences(made)


def test_two_thousand_damaged_matlab_files_are_read_or_refused(tmp_path):
    path = write(tmp_path / "a.mat", x=CASES, y=LABELS, subject=np.arange(3.0))
    assert read_or_refuse(lambda p: read_sequences(p, missing="zero"), path, path.read_bytes()) > 500


def test_channels_by_time_by_trials_under_any_name_are_read_as_the_message_says(tmp_path):
    path, trials = tmp_path / "eeg.mat", RNG.normal(size=(8, 20, 6))
    savemat(path, {"EEG": trials, "labels": [[1, 2, 1, 2, 1, 2]], "fs": 128.0})
    with pytest.raises(DataError, match=r"\(6, 8, 20\) can be .* 20 frames of 8 features \(NDT\)"):
        read_sequences(path)
    for order in ("NDT", "DTN"):
        data = read_sequences(path, order=order)
        np.testing.assert_allclose(data[4].sequence, trials[:, :, 4].T.astype(np.float32))
        assert data.notes[0].endswith("the array 'EEG' was taken for the sequences")


def test_a_group_for_each_trial_is_a_sequence(tmp_path):
    with h5py.File(tmp_path / "trials.h5", "w") as file:
        for i, (case, label) in enumerate(zip(CASES, LABELS, strict=True)):
            group = file.create_group(f"trial{i}")
            group["signal"], group["label"], group["fs"] = case, label, 100
    found = read_sequences(tmp_path / "trials.h5")
    assert (found.schema.classes, found.labels.tolist()) == (("sit", "walk"), [1, 0, 1])
    assert [meta["name"] for meta in found.metas] == ["trial0", "trial1", "trial2"]
    for case, sequence in zip(CASES, found.sequences, strict=True):
        np.testing.assert_allclose(sequence.numpy(), case, rtol=1e-6)


def test_messages_name_an_array_as_the_file_does(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["EEG"], file["y"] = RNG.normal(size=(4, 5, 9)), [0, 1, 0, 1]
    with pytest.raises(DataError, match=r"EEG: the axes \(4, 5, 9\) can be"):
        read_sequences(tmp_path / "a.h5")
