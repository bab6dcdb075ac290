import io
import pickle
import zipfile

import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.skeletons.shrec import FEATURES, class_names, depth_features, read, read_depth
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


def test_a_sequence_is_on_one_list_once_and_others_are_counted(small):
    train, test = small / "train_gestures.txt", small / "test_gestures.txt"
    assert load("shrec17", small).train.notes == ()
    lines = test.read_text().splitlines(keepends=True)
    test.write_text("".join(lines[:3]))
    assert load("shrec17", small).test.notes == (
        "shrec17: 1 of 8 are left out, which are on neither list; the first is g14_f2_s02_e01",
    )
    test.write_text("".join([*lines, lines[0]]))
    with pytest.raises(DataError, match=r"entry 5: the sequence g01_f1_s02_e01 is on the list twice; delete one"):
        load("shrec17", small)
    test.write_text(lines[0])
    train.write_text(train.read_text() + lines[0])
    with pytest.raises(DataError, match=r"g01_f1_s02_e01 is on both lists, train_gestures.txt and test_gestures.txt"):
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


DEPTH_RNG = np.random.default_rng(0)


def arrays(count=6, **changes):
    rows = np.stack([np.array([1 + i % 14, 1 + i % 2, i, 1, 1, 1, 40]) for i in range(count)]).astype(np.int16)
    content = {
        "depth": DEPTH_RNG.integers(0, 256, (count, 2, 50, 50), dtype=np.uint8),
        "hand": DEPTH_RNG.uniform(0, 480, (count, 2, 9)).astype(np.float16),
        "rows": rows,
        "n_train": np.array(4),
    } | changes
    return {key: value for key, value in content.items() if value is not None}


def write_depth(folder, **changes):
    path = folder / "shrec17_depth2.npz"
    np.savez_compressed(path, **arrays(**changes))
    return path


def test_the_first_rows_train_and_the_features_have_names(tmp_path):
    path = write_depth(tmp_path)
    train, test = load("shrec17-depth", path)
    assert (len(train), len(test)) == (4, 2)
    assert train.schema.shape == (len(FEATURES),) == (54,)
    assert train.schema.features == FEATURES
    assert train.labels.tolist() == [0, 1, 2, 3]
    assert load("shrec17-depth", path, labels=28).train.labels.tolist() == [0, 3, 4, 7]
    assert train[1].meta == {"name": "g02_f2_s01_e01", "subject": 1, "repetition": 1, "finger": 2, "frames": 40}
    assert recognise(path).name == "shrec17-depth"


def test_the_hand_is_scaled_to_shares_of_the_image_and_metres(tmp_path):
    hand = np.tile(np.array([240, 320, 500], dtype=np.float16), (6, 2, 3))
    x = read_depth(write_depth(tmp_path, hand=hand))[0].sequence
    assert (x[:, :9] == 0.5).all()


def test_depth_features_are_occupancy_and_mean_depth_where_something_is():
    image = np.zeros((50, 50), dtype=np.uint8)
    image[:5, :] = 51
    image[10:15, 40:45] = 255
    features = dict(zip(FEATURES[9:], depth_features(image), strict=True))
    assert features["occupied rows 0"] == 1
    assert features["occupied rows 2"] == pytest.approx(0.1)
    assert features["occupied columns 0"] == pytest.approx(0.1)
    assert features["occupied columns 8"] == pytest.approx(0.2)
    assert features["depth in cell 0 3"] == pytest.approx(0.2)
    assert features["depth in cell 1 4"] == 1
    assert features["depth in cell 4 4"] == 0


DEPTH_ERRORS = {
    "no hand": ({"hand": None}, "has no array 'hand'"),
    "another depth": ({"depth": np.zeros((6, 2, 50, 49), np.uint8)}, r"'depth' is \(6, 2, 50, 49\), expected"),
    "float depth": ({"depth": np.zeros((6, 2, 50, 50))}, "'depth' has the wrong type"),
    "too few hands": ({"hand": np.zeros((5, 2, 9))}, "'hand' is"),
    "an unknown gesture": ({"rows": np.full((6, 7), 15)}, "gesture 0 has an unknown gesture"),
    "nan": ({"hand": np.full((6, 2, 9), np.nan)}, "not finite"),
    "all to train": ({"n_train": np.array(6)}, "n_train is 6, but there are 6 gestures"),
    "objects": ({"rows": np.full((6, 7), None)}, "the array .rows. has the wrong type of values"),
}


@pytest.mark.parametrize("kind", DEPTH_ERRORS)
def test_a_malformed_file_is_refused(tmp_path, kind):
    changes, message = DEPTH_ERRORS[kind]
    with pytest.raises(DataError, match=f"shrec17_depth2.npz: .*{message}"):
        load("shrec17-depth", write_depth(tmp_path, **changes))


def test_a_pickle_in_the_file_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    stream.write(pickle.dumps([Evil()]))
    path = write_depth(tmp_path, rows=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("rows.npy", stream.getvalue())
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read_depth(path)
    assert not (tmp_path / "ran").exists()


def test_two_thousand_damaged_files_of_depth_images_are_read_or_refused(tmp_path):
    path = tmp_path / "shrec17_depth2.npz"
    np.savez(path, **arrays(count=1, depth=np.zeros((1, 1, 50, 50), np.uint8), hand=np.ones((1, 1, 9), np.float16)))
    assert read_or_refuse(read_depth, path, path.read_bytes()) > 500


def test_the_real_set_has_the_official_counts(shared_data):
    train, test = load("shrec17-depth", shared_data / "shrec17" / "shrec17_depth16.npz", labels=28)
    assert (len(train), len(test)) == (1960, 840)
    assert len(np.unique(train.labels)) == len(np.unique(test.labels)) == 28
    assert set(train.lengths) == set(test.lengths) == {16}
    # a hand that swipes right moves to the right of the image: the column grows
    swipes = [
        s
        for s, y in zip(train.sequences, train.labels, strict=True)
        if train.schema.classes[y] == "swipe right, one finger"
    ]
    assert np.mean([s[8, 1] - s[0, 1] for s in swipes]) > 0.05


def test_rows_that_are_one_number_are_refused(tmp_path):
    with pytest.raises(DataError, match="the array 'depth' is"):
        read_depth(write_depth(tmp_path, rows=np.array(3)))
