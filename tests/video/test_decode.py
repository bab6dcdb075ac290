"""Frames of real files: whole, turned, uneven in time, cut off, and none at all."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attentive_rnn.errors import DataError
from attentive_rnn.video import find_videos, read_frames
from films import write_film, write_sound


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "h264"), ("a.avi", "mpeg4"), ("a.mkv", "mpeg4")])
def test_every_frame_comes_once_in_order_with_its_time(tmp_path, name, codec):
    frames = list(read_frames(write_film(tmp_path / name, 23, codec=codec)))
    assert len(frames) == 23
    assert np.allclose([f.time for f in frames], np.arange(23) / 10, atol=0.01)
    greys = [int(f.image[40, 50].mean()) for f in frames]
    assert greys == sorted(greys)
    assert greys[-1] > 90


def test_a_picture_is_scaled_to_the_size_or_the_longest_side(tmp_path):
    film = write_film(tmp_path / "a.mp4", 2)
    assert next(read_frames(film)).image.shape == (48, 64, 3)
    assert next(read_frames(film, size=(20, 30))).image.shape == (20, 30, 3)
    assert next(read_frames(film, largest=32)).image.shape == (24, 32, 3)
    assert next(read_frames(film, largest=900)).image.shape == (48, 64, 3)


@pytest.mark.parametrize(("rotation", "row", "column"), [(90, 40, 10), (180, 40, 50), (-90, 10, 40)])
def test_a_turned_film_is_shown_upright(tmp_path, rotation, row, column):
    """The red corner, top left as stored, goes counter-clockwise with the rotation."""
    image = next(read_frames(write_film(tmp_path / "a.mp4", 2, rotation=rotation))).image
    assert image.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    assert image[row, column, 0] > 200
    assert image[row, column, 1] < 60


def test_a_turned_film_is_scaled_after_turning(tmp_path):
    film = write_film(tmp_path / "a.mp4", 2, rotation=90)
    assert next(read_frames(film, size=(20, 30))).image.shape == (20, 30, 3)
    assert next(read_frames(film, largest=32)).image.shape == (32, 24, 3)


def test_a_film_of_variable_rate_keeps_its_times(tmp_path):
    times = [0.0, 0.1, 0.5, 0.6, 2.0]
    film = write_film(tmp_path / "a.mkv", 5, codec="mpeg4", times=times)
    assert np.allclose([f.time for f in read_frames(film)], times, atol=0.02)


def _damaged(tmp_path):
    whole = write_film(tmp_path / "whole.mp4", 400, width=160, height=120, options={"movflags": "faststart"})
    matroska = write_film(tmp_path / "whole.mkv", 100, codec="mpeg4")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{whole.as_uri()}\n#EXT-X-ENDLIST\n"
    return {
        "cut.mp4": (whole.read_bytes()[: whole.stat().st_size // 2], "truncated"),
        "no-index.mp4": (write_film(tmp_path / "b.mp4", 90).read_bytes()[:2000], "damaged"),
        "cut.mkv": (matroska.read_bytes()[: matroska.stat().st_size // 2], "truncated"),
        "text.mp4": (b"hello", "not a video"),
        "empty.mp4": (b"", "not a video"),
        "sound.mp4": (write_sound(tmp_path / "s.mp4").read_bytes(), "no pictures"),
        "playlist.m3u8": (playlist.encode(), "damaged or not a video"),
        "concat.mp4": (f"ffconcat version 1.0\nfile '{whole}'\n".encode(), "damaged or not a video"),
        "picture.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "not a video"),
    }


def test_what_is_no_whole_video_is_refused_by_name(tmp_path):
    for name, (content, reason) in _damaged(tmp_path).items():
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(DataError, match=reason) as caught:
            list(read_frames(file))
        assert name in str(caught.value)


def test_a_film_without_frames_is_refused(tmp_path):
    film = write_film(tmp_path / "a.mkv", 0, codec="mpeg4")
    with pytest.raises(DataError, match=r"a\.mkv"):
        list(read_frames(film))


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_is_frames_or_one_data_error(tmp_path, data):
    film = tmp_path / "whole.avi"
    if not film.exists():
        write_film(film, 12, codec="mpeg4")
    content = bytearray(film.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.avi"
    file.write_bytes(content)
    with suppress(DataError):
        for frame in read_frames(file, size=(8, 8)):
            assert frame.image.shape == (8, 8, 3)


def test_videos_are_found_in_folders_by_name(tmp_path):
    for name in ("b/2.mp4", "a/1.AVI", "a/notes.txt", "c.webm", ".hidden.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    empty = tmp_path / "empty"
    empty.mkdir()
    root, found = find_videos(tmp_path)
    assert [str(p.relative_to(root)) for p in found] == ["a/1.AVI", "b/2.mp4", "c.webm"]
    with pytest.raises(DataError, match="no videos"):
        find_videos(empty)
