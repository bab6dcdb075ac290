"""Poses in films by an estimator of one's own behind the interface."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from attentive_rnn.data import read_sequences
from attentive_rnn.data.io.arrays import read_arrays
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.video.pose import Person, PoseEstimator, extract_poses, place_people
from films import write_film


class RedBody(PoseEstimator):
    """Everything red is a person, whose joints lie on a line from the middle of the red to the right."""

    name, layout = "red", "mediapipe-33"

    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1

    def __call__(self, image):
        red = (image[..., 0] > 180) & (image[..., 1] < 80)
        if not red.any():
            return []
        y, x = np.argwhere(red).mean(0) / len(image)
        joints = np.tile(np.array([x, y, 0.1], np.float32), (33, 1))
        joints[:, 0] += 0.01 * np.arange(33)
        return [Person(5, joints, np.linspace(0.1, 1, 33, dtype=np.float32))]


def _films(folder):
    grey = np.full((6, 48, 64, 3), 90, np.uint8)
    body = grey.copy()
    body[2:, 10:20, 10:20] = [230, 20, 20]
    write_film(folder / "wave" / "a.mp4", body)
    write_film(folder / "sit" / "b.mp4", body[:5])
    write_film(folder / "sit" / "nobody.mp4", grey)
    (folder / "sit" / "broken.mp4").write_bytes(b"no film")
    return folder


def test_the_poses_of_films_are_a_data_set(tmp_path):
    out = tmp_path / "poses.npz"
    refused = extract_poses(_films(tmp_path / "films"), out, RedBody())
    assert ["nobody" in line for line in refused] == [False, True]
    data = read_sequences(out)
    assert [m["name"] for m in data.metas] == ["sit/b", "wave/a"]
    assert data.schema.classes == ("sit", "wave")
    assert (data.schema.shape, data.schema.layout, data.schema.rate) == ((1, 33, 3), "mediapipe-33", 10.0)
    assert data.lengths.tolist() == [5, 6]
    assert not data.sequences[1][:2].any()
    assert data.sequences[1][3, 0, 0].tolist() == pytest.approx([15 / 48, 15 / 48, 0.1], abs=0.03)
    assert read_arrays(out)["confidence"].shape == (11, 1, 33)


def test_poses_are_converted_by_joint_name(tmp_path):
    out = tmp_path / "poses.npz"
    extract_poses(_films(tmp_path / "films"), out, RedBody(), layout="coco-17", people=2)
    data = read_sequences(out)
    assert (data.schema.layout, data.schema.shape) == ("coco-17", (2, 17, 3))
    joints = data.sequences[1][3, 0]
    assert float(joints[9, 0] - joints[0, 0]) == pytest.approx(0.15, abs=1e-3)  # the left wrist is joint 15 of 33
    with pytest.raises(ConfigError, match="has no joint for"):
        extract_poses(tmp_path / "films", tmp_path / "other.npz", RedBody(), layout="hand-21")
    with pytest.raises(ConfigError, match="overwrite"):
        extract_poses(tmp_path / "films", out, RedBody())
    with pytest.raises(DataError, match="nobody was found"):
        extract_poses(tmp_path / "films" / "sit" / "nobody.mp4", tmp_path / "none.npz", RedBody())


def test_shards_leave_what_a_call_for_all_joins(tmp_path):
    films, body = _films(tmp_path / "films"), RedBody()
    extract_poses(films, tmp_path / "whole.npz", body)
    for part in (1, 2):
        extract_poses(films, tmp_path / "poses.npz", body, shard=(part, 2))
    assert not (tmp_path / "poses.npz").exists()
    frames = []
    extract_poses(films, tmp_path / "poses.npz", body, progress=lambda state: frames.append(state.frames))
    assert frames == [0] * 4
    assert (tmp_path / "poses.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_only_what_has_changed_is_found_again(tmp_path):
    films, out, frames = _films(tmp_path / "films"), tmp_path / "poses.npz", {}

    def found(**options):
        frames.clear()
        extract_poses(
            films,
            out,
            RedBody(),
            overwrite=True,
            progress=lambda state: frames.update({state.video.name: state.frames}),
            **options,
        )
        return {name for name, count in frames.items() if count}

    assert found() == {"a.mp4", "b.mp4"}
    assert found() == set()
    shutil.copy(films / "wave" / "a.mp4", films / "sit" / "b.mp4")
    assert found() == {"b.mp4"}
    assert found(people=2) == {"a.mp4", "b.mp4"}
    assert found(people=2, layout="coco-17") == {"a.mp4", "b.mp4"}
    (films / "sit" / "b.mp4").write_bytes(b"no film")
    assert found(people=2, layout="coco-17") == set()
    assert [meta["name"] for meta in read_sequences(out).metas] == ["wave/a"]


def test_people_keep_their_places_and_new_ones_take_free_places():
    def person(track):
        return Person(track, np.full((4, 3), track, np.float32), np.ones(4, np.float32))

    places: list[int] = []
    shown = [[1], [2, 1], [2], [3, 2], [1, 2, 3]]
    rows = [place_people([person(t) for t in tracks], places, 2, 4)[0][:, 0, 0].tolist() for tracks in shown]
    assert rows == [[1, 0], [1, 2], [0, 2], [3, 2], [3, 2]]
