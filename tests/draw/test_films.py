"""Films have every picture at its time, appear whole or not at all, and replace nothing unasked."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from attentive_rnn.draw.films import FilmWriter, write_film
from attentive_rnn.errors import ConfigError
from attentive_rnn.video import read_frames

GREYS = [np.full((48, 64, 3), 40 * t, np.uint8) for t in range(5)]


@pytest.mark.parametrize("rate", [10.0, 29.97])
def test_an_mp4_has_every_picture_at_its_rate(tmp_path, rate):
    write_film(tmp_path / "x.mp4", GREYS, rate)
    found = list(read_frames(tmp_path / "x.mp4"))
    assert [frame.time for frame in found] == pytest.approx(np.arange(5) / rate, abs=1e-3)
    assert [frame.image.mean() for frame in found] == pytest.approx(40 * np.arange(5), abs=3)


@pytest.mark.parametrize(("rate", "duration"), [(10.0, 100), (60.0, 20), (15.0, 70)])
def test_a_gif_has_every_picture_and_counts_hundredths_of_seconds(tmp_path, rate, duration):
    write_film(tmp_path / "x.gif", GREYS, rate)
    with Image.open(tmp_path / "x.gif") as film:
        assert (film.n_frames, film.info["duration"], film.info["loop"]) == (5, duration, 0)


def test_pictures_come_at_times_of_their_own_that_rise(tmp_path):
    with FilmWriter(tmp_path / "x.mp4") as film:
        for picture, time in zip(GREYS, (0.0, 0.5, 0.5, 0.7, 2.0), strict=True):
            film.write(picture[:-1, :-1], time)
    found = list(read_frames(tmp_path / "x.mp4"))
    assert [frame.time for frame in found] == pytest.approx([0.0, 0.5, 0.501, 0.7, 2.0], abs=1e-3)
    assert found[0].image.shape == (46, 62, 3)


def test_a_film_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="Unexpected numpy array"), FilmWriter(tmp_path / "x.mp4") as film:
        film.write(np.zeros((48, 64, 7), np.uint8), 0.0)
    with FilmWriter(tmp_path / "empty.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_kept_and_folders_that_are_not_there_are_made(tmp_path):
    (tmp_path / "x.mp4").write_text("precious")
    with pytest.raises(ConfigError, match="is there already"):
        FilmWriter(tmp_path / "x.mp4")
    with pytest.raises(ConfigError, match=r"must end in \.mp4"):
        FilmWriter(tmp_path / "x.avi")
    for name in ("x.mp4", "x.gif"):
        write_film(tmp_path / name[2:] / name, GREYS, 10.0)
        assert (tmp_path / name[2:] / name).exists()
