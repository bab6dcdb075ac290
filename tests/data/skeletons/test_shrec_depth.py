import io
import pickle
import zipfile

import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.skeletons.shrec_depth import FEATURES, depth_features, read
from attentive_rnn.errors import DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)


def arrays(count=6, **changes):
    rows = np.stack([np.array([1 + i % 14, 1 + i % 2, i, 1, 1, 1, 40]) for i in range(count)]).astype(np.int16)
    content = {
        "depth": RNG.integers(0, 256, (count, 2, 50, 50), dtype=np.uint8),
        "hand": RNG.uniform(0, 480, (count, 2, 9)).astype(np.float16),
        "rows": rows,
        "n_train": np.array(4),
    } | changes
    return {key: value for key, value in content.items() if value is not None}


def write(folder, **changes):
    path = folder / "shrec17_depth2.npz"
    np.savez_compressed(path, **arrays(**changes))
    return path


def test_the_first_rows_train_and_the_features_have_names(tmp_path):
    path = write(tmp_path)
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
    x = read(write(tmp_path, hand=hand))[0].sequence
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


ERRORS = {
    "no hand": ({"hand": None}, "has no array 'hand'"),
    "another depth": ({"depth": np.zeros((6, 2, 50, 49), np.uint8)}, r"'depth' is \(6, 2, 50, 49\), expected"),
    "float depth": ({"depth": np.zeros((6, 2, 50, 50))}, "'depth' has the wrong type"),
    "too few hands": ({"hand": np.zeros((5, 2, 9))}, "'hand' is"),
    "an unknown gesture": ({"rows": np.full((6, 7), 15)}, "gesture 0 has an unknown gesture"),
    "nan": ({"hand": np.full((6, 2, 9), np.nan)}, "not finite"),
    "all to train": ({"n_train": np.array(6)}, "n_train is 6, but there are 6 gestures"),
    "objects": ({"rows": np.full((6, 7), None)}, "cannot be read as .npz"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused(tmp_path, kind):
    changes, message = ERRORS[kind]
    with pytest.raises(DataError, match=f"shrec17_depth2.npz: .*{message}"):
        load("shrec17-depth", write(tmp_path, **changes))


def test_a_pickle_in_the_file_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    stream.write(pickle.dumps([Evil()]))
    path = write(tmp_path, rows=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("rows.npy", stream.getvalue())
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read(path)
    assert not (tmp_path / "ran").exists()


def test_two_thousand_damaged_files_are_read_or_refused(tmp_path):
    path = tmp_path / "shrec17_depth2.npz"
    np.savez(path, **arrays(count=1, depth=np.zeros((1, 1, 50, 50), np.uint8), hand=np.ones((1, 1, 9), np.float16)))
    assert read_or_refuse(read, path, path.read_bytes()) > 500


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
