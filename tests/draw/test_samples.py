import sys

import numpy as np
import pytest
import torch
from PIL import Image

from attentive_rnn.data import load
from attentive_rnn.data.formats import npz
from attentive_rnn.draw import animate, draw_samples
from attentive_rnn.draw.colours import BLUE, GREY, ORANGE, SKY
from attentive_rnn.errors import ConfigError, DataError, MissingExtraError
from data.check.test_skeletons import dataset
from data.generic import made


def picture(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def colours(path):
    return {tuple(int(c) for c in pixel) for pixel in np.unique(picture(path).reshape(-1, 3), axis=0)}


def rgb(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


def test_skeletons_are_drawn_with_left_and_right_in_their_colours(tmp_path):
    data = made((2, 20, 3), "kinect-20")
    out = draw_samples(data, tmp_path / "s.png")
    assert {rgb(BLUE), rgb(ORANGE), rgb(GREY)} <= colours(out)
    assert picture(out).shape[0] > picture(draw_samples(data.subset([0]), tmp_path / "one.png")).shape[0]


def test_features_are_drawn_with_their_ranges_and_courses(tmp_path):
    out = draw_samples(load("basic-motions").train, tmp_path / "s.png")
    assert {rgb(BLUE), rgb(SKY)} <= colours(out)
    draw_samples(made((40,)), tmp_path / "many.svg")
    assert (
        "the first 24 of 40 features" in (tmp_path / "many.svg").read_text() or (tmp_path / "many.svg").stat().st_size
    )


def test_empty_sequences_and_unlabelled_ones_can_be_drawn(tmp_path):
    empty = dataset(torch.zeros(3, 1, 20, 3))
    empty.labels[:] = -1
    assert picture(draw_samples(empty, tmp_path / "s.png")).size
    assert picture(animate(empty, 0, tmp_path / "s.gif")).size


def test_a_gif_has_every_frame_at_the_rate_of_the_data(tmp_path):
    path = tmp_path / "made.npz"
    path.write_bytes(npz.to_bytes(made((1, 20, 3), "kinect-20", rate=10.0)))
    for item in (2, "2", "s2"):
        with Image.open(animate(path, item, tmp_path / "s.gif", overwrite=True)) as film:
            assert film.n_frames == 4
            assert film.info["duration"] == 100


def test_an_mp4_has_every_frame(tmp_path):
    import av

    with av.open(animate(made((1, 20, 3), "kinect-20"), 2, tmp_path / "s.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 4


def test_an_extra_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match="pip install av"):
        animate(made((1, 20, 3), "kinect-20"), 0, tmp_path / "s.mp4")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"attentive-rnn\[report\]"):
        draw_samples(made(), tmp_path / "s.png")


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"must end in \.png or \.svg"):
        draw_samples(made(), tmp_path / "s.txt")
    with pytest.raises(DataError, match="only skeletons"):
        animate(made(), 0, tmp_path / "s.gif")
    for item in (4, -1, "s9"):
        with pytest.raises(DataError, match="there is no sequence"):
            animate(made((1, 20, 3), "kinect-20"), item, tmp_path / "s.gif")
    (tmp_path / "s.gif").write_text("precious")
    with pytest.raises(ConfigError, match="is there already"):
        animate(made((1, 20, 3), "kinect-20"), 0, tmp_path / "s.gif")
