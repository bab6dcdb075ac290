import numpy as np
import pytest

from attentive_rnn.data import load, read_sequences
from attentive_rnn.data.formats.frame_labels import by_recording
from attentive_rnn.errors import DataError

X = np.arange(12.0).reshape(12, 1)
Y = np.repeat([0, 1], 6)


def save(tmp_path, **arrays):
    np.savez(tmp_path / "log.npz", **arrays)
    return tmp_path / "log.npz"


def test_joined_padded_and_named_recordings_are_the_same_windows(tmp_path):
    joined = read_sequences(save(tmp_path, x=X, y=Y, lengths=[8, 4]), window=4)
    padded = np.zeros((2, 9, 1))
    labels = np.full((2, 9), 9)
    padded[0, :8], padded[1, :4], labels[0, :8], labels[1, :4] = X[:8], X[8:], Y[:8], Y[8:]
    of_frames = {"subject": np.repeat(["ann", "bob"], [8, 4])}
    for found in (
        read_sequences(save(tmp_path, x=padded, y=labels, lengths=[8, 4]), window=4),
        read_sequences(save(tmp_path, x=X, y=Y, **of_frames), window=4),
        read_sequences(save(tmp_path, x=X, y=Y[:, None], lengths=[8, 4]), window=4),
        read_sequences(save(tmp_path, x=X, y=np.eye(2)[Y], lengths=[8, 4]), window=4),
    ):
        assert [s.flatten().tolist() for s in found.sequences] == [s.flatten().tolist() for s in joined.sequences]
        assert found.labels.tolist() == joined.labels.tolist() == [0, 0, 1]
        assert found.schema.classes == ("0", "1")
    assert [meta["subject"] for meta in read_sequences(save(tmp_path, x=X, y=Y, **of_frames), window=4).metas] == [
        "ann",
        "ann",
        "bob",
    ]


def test_classes_by_name_and_frames_without_a_label(tmp_path):
    found = read_sequences(save(tmp_path, x=X, y=[1] * 6 + [-1] * 6, classes=["sit", "walk"]), window=6)
    assert (found.schema.classes, found.labels.tolist()) == (("sit", "walk"), [1, -1])


def test_a_label_for_each_recording_is_that_of_its_windows(tmp_path):
    found = read_sequences(save(tmp_path, x=X, y=["a", "b"], lengths=[8, 4]), window=4)
    assert found.labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize("shape", ["joined", "padded", "alone"])
def test_without_windows_the_refusal_names_the_option(tmp_path, shape):
    arrays = {
        "joined": {"x": X, "y": Y, "lengths": [8, 4]},
        "padded": {"x": X.reshape(2, 6, 1), "y": np.arange(12).reshape(2, 6) % 3},
        "alone": {"x": X, "y": Y},
    }
    with pytest.raises(DataError, match=r"log\.npz.*--option window=2\.56s"):
        read_sequences(save(tmp_path, **arrays[shape]))


def test_labels_with_fractions_are_no_labels_of_windows(tmp_path):
    with pytest.raises(DataError, match="labels are floats, and windows have classes"):
        read_sequences(save(tmp_path, x=X, y=np.linspace(0, 1, 12)), window=4)


def test_skeletons_are_cut_after_their_confidences_are_known(tmp_path):
    x = np.ones((10, 2, 3, 2))
    confidence = np.ones((10, 2, 3))
    confidence[7, 1, 2] = 0.1
    path = save(tmp_path, x=x, y=np.repeat([0, 1], 5), lengths=[10], confidence=confidence)
    found = read_sequences(path, window=5, min_confidence=0.5)
    assert found.sequences[1][2, 1, 2].tolist() == [0, 0]
    assert sum(int((s == 0).sum()) for s in found.sequences) == 2


def test_parts_keep_whole_recordings(tmp_path):
    subject = np.repeat(np.arange(4), 6)
    path = save(tmp_path, x=np.arange(24.0)[:, None], y=np.arange(24) // 3 % 2, subject=subject)
    train, test = load("npz", path, window=3, test_fraction=0.5)
    assert not set(train.groups("recording")) & set(test.groups("recording"))
    assert len(train) + len(test) == 8


def test_arrays_with_lengths_stay_as_they_are():
    arrays = {"x": X, "lengths": np.array([8, 4])}
    assert by_recording(arrays, X, None) is arrays
