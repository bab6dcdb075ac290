"""MediaPipe's poses and hands in real pictures: where people are, who is who, and bundles that are none."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image

from attentive_rnn.cli import main
from attentive_rnn.data import get_layout, read_sequences
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.video.landmarkers import NETWORKS, MediaPipeHands, MediaPipePose
from films import write_film

JOINTS = get_layout("mediapipe-33").joints.index


@pytest.fixture(scope="module")
def portrait():
    """A woman to the hips, in 600 x 512 pixels; a picture that comes with Matplotlib."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Image.open(file).convert("RGB"))


def test_a_person_in_a_picture_is_found_in_heights_and_in_metres(portrait):
    (person,) = MediaPipePose()(portrait)
    assert (person.joints.shape, person.confidence.shape, person.world.shape) == ((33, 3), (33,), (33, 3))
    nose, left, right = (person.joints[JOINTS(name)] for name in ("nose", "left shoulder", "right shoulder"))
    assert 0.1 < nose[1] < min(left[1], right[1]) < 1  # y down
    assert right[0] < nose[0] < left[0] < 512 / 600  # she looks at us
    assert person.confidence[JOINTS("nose")] > 0.9
    assert person.confidence[JOINTS("left ankle")] < 0.5
    wide = person.world[JOINTS("left shoulder"), 0] - person.world[JOINTS("right shoulder"), 0]
    assert 0.2 < wide < 0.5  # metres


def test_two_people_keep_their_tracks_and_one_is_found_where_one_is_asked_for(portrait):
    small = np.asarray(Image.fromarray(portrait).resize((256, 300)))
    pictures = [np.full((400, 640, 3), 60, np.uint8) for _ in range(6)]
    for t, picture in enumerate(pictures):
        picture[:300, 2 * t : 2 * t + 256] = small
        picture[:300, 384 - 2 * t : 640 - 2 * t] = small[:, ::-1]
    find = MediaPipePose(people=2)
    seen = [{person.track: person.joints[0, 0] for person in find(picture)} for picture in pictures]
    assert sorted(seen[-1]) == [0, 1]
    for track in seen[-1]:
        places = [picture[track] for picture in seen if track in picture]
        assert np.ptp(places) < 0.2  # heights of the picture; the other one is 0.9 away
    assert [len(MediaPipePose(people=1)(picture)) for picture in pictures[:2]] == [1, 1]


def test_after_a_reset_a_video_gives_the_same_as_the_first_time(portrait):
    find = MediaPipePose()
    pictures = [portrait[8 * t :] for t in range(3)]
    first = [find(picture)[0] for picture in pictures]
    find.reset()
    for before, picture in zip(first, pictures, strict=True):
        (after,) = find(picture)
        assert after.track == before.track == 0
        np.testing.assert_array_equal(after.joints, before.joints)


def test_nothing_is_found_where_nobody_is():
    grey = np.full((48, 64, 3), 128, np.uint8)
    assert MediaPipePose(people=2)(grey) == MediaPipeHands(people=2)(grey) == []


def test_a_file_that_is_no_such_bundle_is_refused(tmp_path):
    (tmp_path / "bad.task").write_bytes(b"no bundle")
    for bundle in (tmp_path / "bad.task", NETWORKS / "hand_landmarker_full.task"):
        with pytest.raises(DataError, match=rf"{bundle.name}: is no bundle .* of mediapipe-33"):
            MediaPipePose(model=bundle)
    with pytest.raises(DataError, match="no such file"):
        MediaPipePose(model=tmp_path / "none.task")
    with pytest.raises(ConfigError, match="people must be 1 or more"):
        MediaPipePose(0)


def test_the_command_finds_the_person_in_a_film_and_says_nothing_else(portrait, tmp_path, capfd):
    film = write_film(tmp_path / "a.mp4", np.stack([portrait] * 3))
    assert main(["pose", str(film), str(tmp_path / "poses.npz")]) == 0
    data = read_sequences(tmp_path / "poses.npz")
    assert (data.schema.layout, data.schema.shape) == ("mediapipe-33", (1, 33, 3))
    assert data.sequences[0].any(-1).all()
    shown = capfd.readouterr()
    assert shown.out.startswith("written: ")
    assert "mediapipe" not in shown.err.lower()
    assert not [line for line in shown.err.splitlines() if line.startswith(("W0", "I0", "WARNING", "INFO"))]


def test_the_person_in_a_real_clip_is_found(shared_data, tmp_path):
    clip = sorted((shared_data / "jhmdb" / "videos" / "golf").glob("*.mp4"))[0]
    assert main(["pose", str(clip), str(tmp_path / "poses.npz")]) == 0
    frames = read_sequences(tmp_path / "poses.npz").sequences[0]
    assert (frames.flatten(1) != 0).any(1).float().mean() > 0.5
    head, ankles = frames[-1, 0, 0, 1], frames[-1, 0, 27:29, 1].mean()
    assert head < ankles


def test_the_hands_in_a_real_clip_are_found_where_the_layout_is_one_of_hands(shared_data, tmp_path):
    clip = sorted((shared_data / "jhmdb" / "videos" / "pour").glob("*.mp4"))[0]
    assert main(["pose", str(clip), str(tmp_path / "hands.npz"), "--layout", "hand-21", "--people", "2"]) == 0
    data = read_sequences(tmp_path / "hands.npz")
    assert (data.schema.layout, data.schema.shape) == ("hand-21", (2, 21, 3))
    hands = data.sequences[0].flatten(0, 1)
    hands = hands[(hands != 0).flatten(1).any(1)]
    assert len(hands) > 0.5 * data.lengths[0]
    joint = get_layout("hand-21").joints.index
    wrist, base, tip = (hands[:, joint(name), :2] for name in ("wrist", "middle base", "middle tip"))
    assert ((wrist - base).norm(dim=1).median()) < 0.3  # of the picture's height
    assert ((wrist >= -0.2) & (wrist <= 1.6)).all()
    assert hands[:, joint("wrist"), 2].abs().max() < 0.01  # depth is relative to it
    assert (tip - base).norm(dim=1).median() > 0.02
