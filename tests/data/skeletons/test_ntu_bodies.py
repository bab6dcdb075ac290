"""Skeleton files of NTU RGB+D: their text, and the people chosen among the bodies."""

import numpy as np
import pytest

from attentive_rnn.data.skeletons.ntu import read
from attentive_rnn.errors import DataError
from data.writers import one, person, skeleton_text, write_ntu

RNG = np.random.default_rng(0)
NAME = "S001C002P003R002A013"


def read_one(tmp_path, frames, **options):
    return read(write_ntu(tmp_path / "set", {NAME: frames}), **options)[0].sequence.numpy()


def test_the_person_who_moves_most_comes_first(tmp_path):
    still, lively = person(scale=0.3), person()
    x = read_one(tmp_path, [[("a", s), ("b", v)] for s, v in zip(still, lively, strict=True)])
    np.testing.assert_array_equal(x, np.stack([lively, still], axis=1).astype(np.float32))


def test_tracks_follow_the_id_where_slots_follow_the_order(tmp_path):
    a, b = person(scale=0.5), person()
    frames = [[("a", a[t]), ("b", b[t])] if t % 2 else [("b", b[t]), ("a", a[t])] for t in range(20)]
    by_id = read_one(tmp_path, frames, bodies="tracks")
    np.testing.assert_array_equal(by_id[:, 0], np.float32(b))
    by_slot = read_one(tmp_path, frames, bodies="slots")
    crossed = np.where((np.arange(20) % 2)[:, None, None], a, b).astype(np.float32)
    assert any((by_slot[:, m] == crossed).all() for m in range(2))


def test_empty_frames_are_dropped_by_tracks_and_kept_by_slots(tmp_path):
    frames = one(person(15))
    frames.insert(4, [])
    assert len(read_one(tmp_path, frames, bodies="tracks")) == 15
    x = read_one(tmp_path, frames, bodies="slots")
    assert len(x) == 16
    assert not x[4].any()


def test_a_track_that_goes_on_under_another_id_is_the_same_person(tmp_path):
    first, second, other = person(20), person(20), person(40, scale=0.2)
    frames = [[("a", first[t]) if t < 20 else ("b", second[t - 20]), ("c", other[t])] for t in range(40)]
    x = read_one(tmp_path, frames)
    np.testing.assert_array_equal(x[:, 0], np.float32(np.concatenate([first, second])))
    np.testing.assert_array_equal(x[:, 1], np.float32(other))


def two(main, noise):
    return [[("main", main[t]), *([("noise", noise[t])] if t < len(noise) else [])] for t in range(len(main))]


NOISE = {
    "a track of eleven frames": (person(11), "released"),
    "a track wider than high": (person(20, shape=(1.0, 0.2, 0.3)), "released"),
    "a track that hardly moves": (person(20, scale=0.01), "all"),
}


@pytest.mark.parametrize("kind", NOISE)
def test_noise_is_left_out_unless_denoising_is_off(tmp_path, kind):
    noise, denoise = NOISE[kind]
    frames = two(person(20, scale=3), noise)
    assert not read_one(tmp_path, frames, denoise=denoise)[:, 1].any()
    assert read_one(tmp_path, frames, denoise="off")[:, 1].any()


def test_a_track_of_twelve_frames_and_one_that_hardly_moves_stay_by_default(tmp_path):
    for second in (person(12), person(20, scale=0.01)):
        assert read_one(tmp_path, two(person(20, scale=3), second))[:, 1].any()


def test_a_single_track_is_kept_however_short_it_is(tmp_path):
    assert len(read_one(tmp_path, one(person(2)))) == 2
    both_short = [[("a", f), ("b", 2 * f)] for f in person(3)]
    assert read_one(tmp_path, both_short).any()


def edit(line, text):
    def change(lines):
        lines[line - 1] = text

    return change


TEXT = skeleton_text(one(person(2)))
ERRORS = {
    "empty": (lambda lines: lines.clear(), "line 1: the number of frames must be here, got ''"),
    "truncated between joints": (
        lambda lines: lines.__delitem__(slice(20, None)),
        "line 21: the file ends where a joint",
    ),
    "truncated between frames": (lambda lines: lines.__delitem__(slice(29, None)), "line 30: .* the number of bodies"),
    "too few frames in the count": (edit(1, "1"), "line 30: the file goes on after its last frame"),
    "too many frames in the count": (edit(1, "3"), "line 58: the file ends where the number of bodies"),
    "a word for a count": (edit(2, "one"), "line 2: the number of bodies must be here, got 'one'"),
    "a negative count": (edit(2, "-1"), "line 2: the number of bodies"),
    "a body of nine values": (edit(3, "1 2 3 4 5 6 7 8 9"), "line 3: a body has 9 values, expected 10"),
    "24 joints": (edit(4, "24"), "line 4: a body has 24 joints, expected 25"),
    "a joint of eleven values": (edit(7, "0 " * 11), "line 7: a joint has 11 values, expected 12"),
    "a word for a coordinate": (edit(9, "0 x " + "0 " * 10), "line 9: 'x' is not a finite number"),
    "NaN": (edit(9, "0 0 nan" + " 0" * 9), "line 9: 'nan' is not a finite number"),
    "too large": (edit(9, "1e39 0 0" + " 0" * 9), "line 9: '1e39' is not a finite number"),
    "nobody": (lambda lines: lines.__setitem__(slice(None), ["2", "0", "0"]), "has nobody in any frame"),
    "not text": (edit(9, "\xff"), "line 9: is not text"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused_with_its_line_number(tmp_path, kind):
    change, message = ERRORS[kind]
    lines = TEXT.splitlines()
    change(lines)
    (tmp_path / f"{NAME}.skeleton").write_text("\n".join(lines) + "\n", encoding="latin1")
    with pytest.raises(DataError, match=f"{NAME}.skeleton.*{message}"):
        read(tmp_path)
