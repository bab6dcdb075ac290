"""OpenPose key points, from files that the tests write."""

import json
import shutil

import numpy as np
import pytest

from attentive_rnn.data import check, load, recognise
from attentive_rnn.data.skeletons import openpose
from attentive_rnn.errors import DataError
from data.damage import damaged, read_or_refused


def person(x, joints=25, who=-1):
    return {"person_id": [who], "pose_keypoints_2d": [v for j in range(joints) for v in (x + j, 2.0 * j, 0.5)]}


def clip(folder, frames, name="clip", first=0):
    """The files of a clip: a list of people for each frame, None for no file."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, people in enumerate(frames, first):
        if people is not None:
            file = folder / f"{name}_{number:012}_keypoints.json"
            file.write_text(json.dumps({"version": 1.3, "people": people}))
    return folder


def test_a_folder_for_each_class_with_a_folder_for_each_clip_is_read(tmp_path):
    clip(tmp_path / "wave" / "w0", [[person(100)], [], [person(102), person(300)]], "w0")
    clip(tmp_path / "push" / "p0", [[person(50)]] * 2, "p0", first=7)
    assert recognise(tmp_path).name == "openpose"
    data = openpose.read(tmp_path)
    assert data.schema.classes == ("push", "wave")
    assert data.schema.layout == "openpose-25"
    assert data.schema.shape == (2, 25, 3)
    assert [meta["name"] for meta in data.metas] == ["push/p0", "wave/w0"]
    wave = data[1].sequence.numpy()
    assert wave.shape == (3, 2, 25, 3)
    np.testing.assert_array_equal(wave[0, 0, 3], [103, 6, 0.5])
    assert not wave[1].any()
    np.testing.assert_array_equal(wave[2, :, 0, 0], [102, 300])
    assert openpose.read(tmp_path, persons=1, scores="drop").schema.shape == (1, 25, 2)
    assert check(tmp_path).empty_frames == 1


def test_clips_beside_each_other_in_the_folder_of_a_class_and_clips_without_a_class(tmp_path):
    for i in range(2):
        clip(tmp_path / "set" / "wave", [[person(i)]], f"w{i}")
    assert [meta["name"] for meta in openpose.read(tmp_path / "set").metas] == ["wave/w0", "wave/w1"]
    clip(tmp_path / "new" / "w0", [[person(1)]], "w0")
    assert openpose.read(tmp_path / "new").labels.tolist() == [-1]
    assert openpose.read(tmp_path / "new" / "w0").labels.tolist() == [-1]


def test_parts_are_those_of_the_folders_and_a_zip_is_read_alike(tmp_path):
    for part in ("train", "val", "test"):
        for name in ("wave", "push"):
            clip(tmp_path / "set" / part / name / "c", [[person(1)]], "c")
    splits = load("openpose", tmp_path / "set")
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 2, "valid": 2, "test": 2}
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "set")
    assert [len(part) for part in load("openpose", tmp_path / "packed.zip").parts().values()] == [2, 2, 2]


def test_tracked_people_keep_their_place(tmp_path):
    clip(tmp_path / "a" / "c", [[person(1, who=4), person(9, who=2)], [person(10, who=2)]], "c")
    frames = openpose.read(tmp_path)[0].sequence.numpy()
    assert frames[:, :, 0, 0].tolist() == [[1, 9], [0, 10]]


@pytest.mark.parametrize("joints", [17, 18])
def test_other_numbers_of_key_points_have_their_layout(tmp_path, joints):
    clip(tmp_path / "a" / "c", [[person(1, joints)]], "c")
    assert openpose.read(tmp_path).schema.shape == (1, joints, 3)


def test_what_cannot_be_used_is_named_or_left_out(tmp_path):
    clip(tmp_path / "a" / "c", [[person(1)], None, [person(2)]], "c")
    (note,) = openpose.read(tmp_path).notes
    assert "in 1 of 1 clips frames have no file" in note
    clip(tmp_path / "a" / "d", [[], []], "d")
    with pytest.raises(DataError, match="the clip a/d has nobody in any of its 2 frames; missing=skip"):
        openpose.read(tmp_path)
    assert len(openpose.read(tmp_path, missing="skip")) == 1
    clip(tmp_path / "a" / "d", [[person(1, 18)]], "d")
    with pytest.raises(DataError, match="a/d has people of 18 key points"):
        openpose.read(tmp_path)


def test_damaged_files_are_read_or_refused(tmp_path):
    file = next(clip(tmp_path / "a" / "c", [[person(1)]], "c").iterdir())
    read_or_refused(lambda _: openpose.read(tmp_path), file, damaged(file.read_bytes(), 500))


def test_a_folder_of_other_json_files_is_named_as_unknown(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "poses.json").write_text('{"landmarks": []}')
    with pytest.raises(DataError, match=r"holds JSON files that no reader knows, the first is a/poses.json"):
        recognise(tmp_path)
