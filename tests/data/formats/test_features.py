"""Features of frames: what is written is read again, class by folder, and clips of two networks are refused."""

import numpy as np
import pytest

from attentive_rnn.data import load, read_sequences, recognise
from attentive_rnn.data.formats.features import read, read_features, write_features
from attentive_rnn.errors import DataError

RNG = np.random.default_rng(0)


def clip(path, frames=6, dim=3, key="one", maps=False, rate=10.0):
    """A file of random features, and the features."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"features": RNG.normal(size=(frames, dim)).astype(np.float16), "times": np.arange(frames) / rate}
    if maps:
        arrays["maps"] = RNG.normal(size=(frames, dim, 2, 2)).astype(np.float16)
    write_features(path, arrays, {"video": path.name, "every": "3", "extractor_key": key})
    return arrays


def test_what_is_written_is_read_again(tmp_path):
    arrays = clip(tmp_path / "a.safetensors", maps=True)
    stored = read_features(tmp_path / "a.safetensors", maps=True)
    for name in ("features", "times", "maps"):
        np.testing.assert_array_equal(getattr(stored, name), arrays[name])
    assert stored.metadata["video"] == "a.safetensors"
    assert read_features(tmp_path / "a.safetensors").maps is None


def test_folders_give_the_classes_and_the_parts(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for name in ("clap", "wave"):
            for i in range(count):
                clip(tmp_path / part / name / f"{i}.safetensors", frames=4 + i)
    assert recognise(tmp_path).name == "frame-features"
    train, test = load("frame-features", tmp_path)
    assert (len(train), len(test)) == (6, 4)
    assert train.schema.classes == ("clap", "wave")
    assert train.schema.rate == 10.0
    assert train[0].meta == {"name": "clap/0"}
    assert read_sequences(tmp_path / "test" / "wave" / "1.safetensors").labels.tolist() == [-1]


@pytest.mark.parametrize(("other", "rate"), [(24.0, 24.5), (30.0, None)])
def test_films_of_nearly_one_rate_have_it_and_others_have_none(tmp_path, other, rate):
    clip(tmp_path / "a" / "0.safetensors", rate=25.0)
    clip(tmp_path / "b" / "0.safetensors", rate=other)
    assert read(tmp_path).schema.rate == rate


def test_maps_are_frames_on_request_and_say_which_frames_of_the_video_they_are(tmp_path):
    arrays = clip(tmp_path / "wave" / "a.safetensors", maps=True)
    data = read(tmp_path, maps=True)
    np.testing.assert_array_equal(data[0].sequence, arrays["maps"].astype(np.float32))
    assert (data.schema.medium, data.schema.shape) == ("maps", (3, 2, 2))
    assert data[0].meta["every"] == 3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: clip(folder / "wave" / "b.safetensors", key="other"),
            "b.safetensors: was made by another network",
        ),
        (lambda folder: clip(folder / "wave" / "b.safetensors", dim=4), "b.safetensors: was made by another"),
        (lambda folder: (folder / "wave" / "b.safetensors").write_bytes(b"none"), "b.safetensors: is damaged"),
        (lambda folder: (folder / "wave" / "a.safetensors").unlink(), "holds no .safetensors files in folders"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, spoil, message):
    clip(tmp_path / "wave" / "a.safetensors")
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_maps_that_are_not_there_are_asked_for(tmp_path):
    clip(tmp_path / "wave" / "a.safetensors")
    with pytest.raises(DataError, match="has no maps; make it again with attentive features --maps"):
        read(tmp_path, maps=True)


@pytest.mark.parametrize(("array", "value"), [("features", np.nan), ("features", np.inf), ("times", np.nan)])
def test_values_that_are_not_finite_are_refused(tmp_path, array, value):
    arrays = {"features": np.ones((4, 3), np.float16), "times": np.arange(4.0)}
    arrays[array].flat[2] = value
    (tmp_path / "a").mkdir()
    write_features(tmp_path / "a" / "one.safetensors", arrays, {"extractor_key": "one"})
    with pytest.raises(DataError, match=rf"one.safetensors: {array} has values that are NaN or infinite"):
        read(tmp_path)


def test_a_step_that_is_no_number_is_refused(tmp_path):
    arrays = {"features": np.ones((4, 3), np.float16), "times": np.arange(4.0)}
    write_features(tmp_path / "one.safetensors", arrays, {"extractor_key": "one", "every": "few"})
    with pytest.raises(DataError, match=r"one.safetensors: every, 'few', must be a whole number"):
        read(tmp_path / "one.safetensors")
