"""Words that should name a part and do not: refused alike by every reader, in training and by data check."""

import pickle

import numpy as np
import pytest
import scipy.io
import scipy.io.wavfile

from attentive_rnn.data import check, load, recognise
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.data.split import misspelt_part
from attentive_rnn.errors import DataError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 10, 3)), np.array(["a", "b"] * 6)
PARTS = {"train": slice(0, 6), "test": slice(6, 10), "vaild": slice(10, 12)}


def table(path):
    rows = [f"{i},{part},{Y[i]},{x:.3f}" for part, of in PARTS.items() for i in range(12)[of] for x in X[i, :3, 0]]
    path.write_text("\n".join(["id,split,label,x", *rows]))


def texts(path):
    rows = [f"{part}\t{Y[i]}\ta warm and funny film {i}" for part, of in PARTS.items() for i in range(12)[of]]
    path.write_text("\n".join(["split\tlabel\ttext", *rows]))


def tables_of_texts(folder):
    for part in PARTS:
        (folder / f"{part}.tsv").write_text("label\ttext\nup\ta warm and funny film\ndown\tdull from start to end\n")


def npz(path):
    named = {f"{role}_{part}": values[of] for part, of in PARTS.items() for role, values in (("x", X), ("y", Y))}
    np.savez(path, **named)


def split_of_npz(path):
    np.savez(path, x=X, y=Y, split=np.repeat(list(PARTS), [6, 4, 2]))


def matlab(path):
    cells = {}
    for part, of in PARTS.items():
        found = np.empty(of.stop - of.start, object)
        found[:] = [x[: 4 + i] for i, x in enumerate(X[of])]
        cells |= {f"X{part.title()}": found, f"Y{part.title()}": [str(y) for y in Y[of]]}
    scipy.io.savemat(path, cells)


def pyskl(path):
    keypoint = RNG.random((1, 8, 17, 2)).astype(np.float32) + 1
    annotations = [{"frame_dir": f"v{i}", "label": i % 2, "keypoint": keypoint, "total_frames": 8} for i in range(12)]
    split = {part: [f"v{i}" for i in range(12)[of]] for part, of in PARTS.items()}
    path.write_bytes(pickle.dumps({"split": split, "annotations": annotations}))


def in_folders(write):
    def make(folder):
        for place in (f"{part}/{label}" for part in PARTS for label in "ab"):
            (folder / place).mkdir(parents=True)
            write(folder / place)

    return make


WRITERS = {
    "table.csv": table,
    "texts.tsv": texts,
    "tables": tables_of_texts,
    "parts.npz": npz,
    "split.npz": split_of_npz,
    "cells.mat": matlab,
    "poses.pkl": pyskl,
    "frames": in_folders(lambda folder: (folder / "1.csv").write_text("x,y\n1,2\n3,4\n")),
    "prose": in_folders(lambda folder: (folder / "1.txt").write_text("a warm and funny film")),
    "sounds": in_folders(
        lambda folder: scipy.io.wavfile.write(folder / "1.wav", 16000, (RNG.normal(size=4000) * 3000).astype("int16"))
    ),
    "features": in_folders(lambda folder: write_features(folder / "1.safetensors", {"features": np.float32(X[0])}, {})),
    "points": in_folders(
        lambda folder: (folder / "c_000000000000_keypoints.json").write_text(
            f'{{"people": [{{"pose_keypoints_2d": {[1.5] * 75}}}]}}'
        )
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_misspelt_part_is_refused_with_the_word_that_is_meant(tmp_path, name):
    path = tmp_path / name
    if "." not in name:
        path.mkdir()
    WRITERS[name](path)
    with pytest.raises(DataError, match=r"the split '[Vv]aild' is none of train, .*; is 'valid' meant"):
        load(recognise(path).name, path)


def test_data_check_says_the_same_as_an_error(tmp_path):
    table(tmp_path / "table.csv")
    with pytest.raises(DataError) as refused:
        load("table", tmp_path / "table.csv")
    assert check(tmp_path / "table.csv").errors == (str(refused.value),)


def test_splits_of_a_pickle_without_a_test_part_are_an_error_of_data_check(tmp_path):
    pyskl(tmp_path / "poses.pkl")
    content = pickle.loads((tmp_path / "poses.pkl").read_bytes())
    content["split"] = {"train": content["split"]["train"], "tset": content["split"]["test"]}
    (tmp_path / "poses.pkl").write_bytes(pickle.dumps(content))
    (error,) = check(tmp_path / "poses.pkl").errors
    assert "there are 'train', 'tset'" in error


def test_words_that_are_no_misspelling_are_none():
    assert [misspelt_part(word) for word in ("tset", "Trian", "text", "rest", "test", "walk")] == [
        *("test", "train", None, None, None, None)
    ]


def test_arrays_beside_those_of_the_parts_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X[:6], y_train=Y[:6], x_test=X[6:], y_test=Y[6:], mean=X.mean())
    assert any("the array mean is not used" in note for note in check(tmp_path / "a.npz").notes)
