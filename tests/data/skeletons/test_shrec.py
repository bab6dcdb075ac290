import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.skeletons.shrec import class_names, read
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)


def text(frames=2):
    return "".join(" ".join(f"{v:.5f}" for v in row) + "\n" for row in RNG.normal(size=(frames, 66)))


def write(folder, gesture=1, finger=1, subject=1, trial=1, content=None, file="skeletons_world.txt"):
    path = folder / f"gesture_{gesture}" / f"finger_{finger}" / f"subject_{subject}" / f"essai_{trial}" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text() if content is None else content)
    return path


@pytest.fixture
def small(tmp_path):
    """Two gestures with either fingers by two subjects, the first to train."""
    for subject, name in ((1, "train_gestures.txt"), (2, "test_gestures.txt")):
        lines = []
        for gesture in (1, 14):
            for finger in (1, 2):
                write(tmp_path, gesture, finger, subject)
                lines.append(f"{gesture} {finger} {subject} 1 {gesture} {2 * gesture - 2 + finger} 2\n")
        (tmp_path / name).write_text("".join(lines))
    return tmp_path


def test_the_lists_say_what_trains_and_what_tests(small):
    train, test = load("shrec17", small)
    assert (train.groups("subject").tolist(), test.groups("subject").tolist()) == ([1] * 4, [2] * 4)
    assert train.labels.tolist() == [0, 0, 13, 13]
    assert train[1].meta == {"name": "g01_f2_s01_e01", "subject": 1, "repetition": 1, "finger": 2}
    assert train.schema.shape == (1, 22, 3)
    assert recognise(small).name == "shrec17"


def test_28_labels_tell_the_fingers_apart(small):
    train, _ = load("shrec17", small, labels=28)
    assert [train.schema.classes[y] for y in train.labels] == [
        "grab, one finger",
        "grab, whole hand",
        "shake, one finger",
        "shake, whole hand",
    ]
    assert len(class_names(28)) == 28


def test_one_subject_can_be_held_out_without_lists(tmp_path):
    for subject in (1, 2, 3):
        write(tmp_path, subject=subject, file="skeleton_world.txt")
    train, test = load("shrec17", tmp_path, held_out=2)
    assert (set(train.groups("subject")), set(test.groups("subject"))) == ({1, 3}, {2})
    with pytest.raises(DataError, match="subject 4 has no sequence"):
        load("shrec17", tmp_path, held_out=4)
    with pytest.raises(DataError, match=r"does not have one train_gestures.txt; add it, or give held_out"):
        load("shrec17", tmp_path)


def test_a_list_that_names_what_is_not_there_is_refused(small):
    (small / "test_gestures.txt").write_text("1 1 9 1 1 1 2\n")
    with pytest.raises(DataError, match=r"test_gestures.txt, entry 1: the sequence g01_f1_s09_e01 is not there"):
        load("shrec17", small)
    (small / "test_gestures.txt").write_text("1 1 1.5 1 1 1 2\n")
    with pytest.raises(DataError, match=r"entry 1: .* must be whole numbers"):
        load("shrec17", small)


def test_malformed_files_folders_and_options_are_refused(tmp_path):
    write(tmp_path, content="1 2 3\n")
    with pytest.raises(DataError, match=r"skeletons_world.txt, line 1: has 3 numbers, expected 66"):
        read(tmp_path)
    with pytest.raises(ConfigError, match="labels must be 14 or 28, got 15"):
        read(tmp_path, labels=15)
    with pytest.raises(DataError, match="gesture from 1 to 14"):
        read(write(tmp_path, gesture=15))


def test_two_thousand_damaged_files_are_read_or_refused(tmp_path):
    assert read_or_refuse(read, write(tmp_path), text().encode()) > 1000
