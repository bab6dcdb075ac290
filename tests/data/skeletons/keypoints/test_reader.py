import json
import zipfile

import numpy as np
import pytest

from attentive_rnn.data import check, load, read_sequences, recognise
from attentive_rnn.data.skeletons.keypoints.reader import read
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)


def pose(joints=25, confidence=0.9):
    values = RNG.uniform(1, 500, (joints, 3)).round(2)
    values[:, 2] = confidence
    return values


def frame(*people):
    return json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": p.ravel().tolist()} for p in people]})


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_clip(folder, name, frames):
    for t, people in enumerate(frames):
        write(folder / f"{name}_{t:012}_keypoints.json", frame(*people))


def write_set(root, depth="CLASS/CLIP/"):
    for label in ("raise", "lower"):
        for k in range(4):
            folder = root / depth.replace("CLASS", label).replace("CLIP", f"clip{k}")
            write_clip(folder, f"clip{k}", [[pose()], [], [pose()]])
    return root


@pytest.mark.parametrize("depth", ["CLASS/CLIP/", "CLASS/"])
def test_a_folder_with_a_file_for_each_frame(tmp_path, depth):
    path = write_set(tmp_path / "set", depth)
    assert recognise(path).name == "keypoints"
    data = read(path)
    assert data.schema.classes == ("lower", "raise")
    assert data.schema.layout == "openpose-25"
    assert (data.schema.shape, data.schema.coordinates) == ((1, 25, 3), 2)
    assert data.labels.tolist() == [0] * 4 + [1] * 4
    assert data.lengths.tolist() == [3] * 8
    assert data.metas[4]["name"] == "raise/clip0"
    assert not data[0].sequence[1].any()  # a frame with nobody
    assert [len(part) for part in load("keypoints", path)] == [6, 2]
    assert check(path).format.startswith("keypoints")


def test_the_numbers_are_those_of_the_file(tmp_path):
    first, second = pose(18), pose(18)
    write_clip(tmp_path, "clip", [[first], [second]])
    data = read(tmp_path)
    assert data.schema.layout == "openpose-18"
    np.testing.assert_array_equal(data[0].sequence[:, 0].numpy(), np.float32([first, second]))
    assert data.labels.tolist() == [-1]
    assert read(tmp_path, scores="drop").schema.shape == (1, 18, 2)
    assert read_sequences(tmp_path)[0].meta == {"name": "clip"}


def test_a_joint_of_little_confidence_is_absent(tmp_path):
    person = pose()
    person[3, 2], person[4, 2] = 0, 0.2
    write_clip(tmp_path, "clip", [[person], [person]])
    assert (~read(tmp_path)[0].sequence[0, 0].any(-1)).nonzero().flatten().tolist() == [3]
    strict = read(tmp_path, min_confidence=0.5)[0].sequence[0, 0]
    assert (~strict.any(-1)).nonzero().flatten().tolist() == [3, 4]
    with pytest.raises(ConfigError, match="min_confidence must be a number from 0 to 1"):
        read(tmp_path, min_confidence=2)


def test_folders_of_parts_and_a_zip(tmp_path):
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        for k in range(count):
            for label in "ab":
                write_clip(tmp_path / "set" / part / label / f"c{k}", f"c{k}", [[pose()]])
    assert {k: len(v) for k, v in load("keypoints", tmp_path / "set").parts().items()} == {
        "train": 6,
        "valid": 4,
        "test": 2,
    }
    write_set(tmp_path / "plain")
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        for file in (tmp_path / "plain").rglob("*.json"):
            archive.write(file, file.relative_to(tmp_path))
    packed, plain = read(tmp_path / "plain.zip"), read(tmp_path / "plain")
    assert recognise(tmp_path / "plain.zip").name == "keypoints"
    assert packed.metas == plain.metas
    assert packed.schema == plain.schema


def test_one_file_for_each_video(tmp_path):
    for label in "ab":
        for k in range(2):
            frames = [json.loads(frame(pose(17), pose(17))) for _ in range(2 + k)]
            write(tmp_path / label / f"clip{k}.json", json.dumps(frames))
    data = read(tmp_path)
    assert recognise(tmp_path).name == "keypoints"
    assert data.lengths.tolist() == [2, 3, 2, 3]
    assert (data.schema.layout, data.schema.shape) == ("coco-17", (2, 17, 3))
    one = read_sequences(tmp_path / "a" / "clip1.json")
    assert one.lengths.tolist() == [3]
    assert one.labels.tolist() == [-1]


def test_landmarks_of_mediapipe_are_in_space_with_a_confidence(tmp_path):
    joints = [{"x": 0.1, "y": 0.2, "z": 0.3, "visibility": 0.0 if v == 7 else 0.9} for v in range(33)]
    write(tmp_path / "clip.json", json.dumps([{"landmarks": joints}, {"landmarks": []}]))
    data = read(tmp_path / "clip.json")
    assert recognise(tmp_path / "clip.json").name == "keypoints"
    assert (data.schema.layout, data.schema.coordinates) == ("mediapipe-33", 3)
    assert data.schema.shape == (1, 33, 4)
    assert not data[0].sequence[0, 0, 7].any()


def test_joints_of_two_layouts_are_asked_about(tmp_path):
    write(tmp_path / "clip.json", json.dumps([[{"x": 1.0, "y": 2.0, "z": 3.0}] * 25]))
    with pytest.raises(DataError, match="25 joints can be ntu-25 or openpose-25; say which with the option layout"):
        read(tmp_path / "clip.json")
    assert read(tmp_path / "clip.json", layout="ntu-25").schema.layout == "ntu-25"
    with pytest.raises(DataError, match="people have 25 joints, but coco-17 has 17"):
        read(tmp_path / "clip.json", layout="coco-17")
    write_clip(tmp_path / "mpi", "clip", [[pose(15)]])
    data = read(tmp_path / "mpi")
    assert data.schema.layout is None
    assert "no layout of 15 joints is known" in data.notes[0]


def test_what_is_left_out_or_missing_is_said(tmp_path):
    write_clip(tmp_path / "a" / "clip0", "clip0", [[pose(), pose(), pose()], [], [pose()], [pose()]])
    write_clip(tmp_path / "a" / "clip1", "clip1", [[], []])
    (tmp_path / "a" / "clip0" / "clip0_000000000002_keypoints.json").unlink()
    with pytest.raises(DataError, match="clip clip1: nobody is seen in any of its 2 frames; --option missing=skip"):
        read(tmp_path)
    data = read(tmp_path, missing="skip")
    notes = " ".join(data.notes)
    assert data.lengths.tolist() == [4]
    assert "clip clip0: 1 of 4 frames have no file and are taken as frames with nobody; the first is frame 2" in notes
    assert "in 1 of 1 clips more than 2 people are seen" in notes
    assert "1 of 2 sequences are left out (missing=skip)" in notes
    assert read(tmp_path, persons=3, missing="skip").schema.shape == (3, 25, 3)


def test_files_that_cannot_be_read_are_left_out_if_asked(tmp_path):
    write_set(tmp_path)
    write(tmp_path / "lower" / "clip1" / "clip1_000000000001_keypoints.json", "{")
    with pytest.raises(DataError, match=r"clip1_000000000001_keypoints.json: is not JSON"):
        read(tmp_path)
    data = read(tmp_path, missing="skip")
    assert data.lengths.tolist() == [3] * 8
    assert "1 of 24 files are left out (missing=skip)" in data.notes[0]


def test_people_unlike_the_others_are_refused(tmp_path):
    write_clip(tmp_path, "clip", [[pose(25)], [pose(18)]])
    with pytest.raises(DataError, match=r"frame 1, person 0: has 18 joints of 2 coordinates, but .* has 25 of 2"):
        read(tmp_path)
    write_clip(tmp_path / "empty", "clip", [[], []])
    with pytest.raises(DataError, match="nobody is seen in any of its 2 frames"):
        read(tmp_path / "empty")


def test_json_of_another_kind_is_named_as_unknown(tmp_path):
    write(tmp_path / "a" / "b.json", '{"title": 1}')
    for path in (tmp_path, tmp_path / "a" / "b.json"):
        with pytest.raises(DataError, match=r"b.json: is JSON of no kind that is read; it has the fields 'title'"):
            recognise(path)


def test_damaged_files_are_read_or_refused(tmp_path):
    joints = np.ones((3, 3)).tolist()
    text = json.dumps([{"people": [{"pose_keypoints_2d": [v for j in joints for v in j]}]}, {"people": []}])
    assert read_or_refuse(read, tmp_path / "clip.json", text.encode()) > 500
