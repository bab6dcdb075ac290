import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data.skeletons.keypoints.content import parse, spread
from attentive_rnn.errors import DataError

RNG = np.random.default_rng(0)


def flat(joints=18, size=3):
    return RNG.uniform(0.1, 1, (joints, size)).round(3).ravel().tolist()


def landmarks(joints=33, axes=("x", "y", "z", "visibility")):
    return [dict(zip(axes, RNG.uniform(0.1, 1, len(axes)).round(3).tolist(), strict=True)) for _ in range(joints)]


def read(value):
    return parse(value if isinstance(value, bytes) else json.dumps(value).encode(), "clip.json")


def people_of(content):
    return [len(people) for people in content.frames]


def test_openpose_of_one_frame_and_of_a_video():
    values = flat(25)
    one = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": values}, {"pose_keypoints_2d": []}]}
    content = read(one)
    assert content.single
    assert people_of(content) == [1]
    (person,) = content.frames[0]
    np.testing.assert_array_equal(person.joints, np.reshape(values, (25, 3))[:, :2])
    np.testing.assert_array_equal(person.confidence, values[2::3])
    assert person.track is None
    video = read([one, {"people": []}, one])
    assert not video.single
    assert people_of(video) == [1, 0, 1]
    assert people_of(read({"frames": [one, one]})) == [1, 1]
    solid = read({"people": [{"pose_keypoints_2d": [], "pose_keypoints_3d": flat(25, 4), "person_id": [7]}]})
    assert solid.frames[0][0].joints.shape == (25, 3)
    assert solid.frames[0][0].track == 7


def test_skeletons_of_kinetics_name_their_class_and_their_frames():
    skeleton = {"pose": flat(18, 2), "score": flat(18, 1)}
    data = [{"frame_index": i, "skeleton": [skeleton] * n} for i, n in ((3, 1), (1, 2), (5, 1), (4, 0))]
    content = read({"data": data, "label": "juggling", "label_index": 4})
    assert content.label == "juggling"
    assert people_of(content) == [2, 0, 1, 0, 1]  # there is no frame 2


def test_coco_results_are_grouped_by_picture():
    found = [{"image_id": f"{n}.jpg", "keypoints": flat(17), "idx": n, "score": 2.5} for n in (0, 1, 1, 10, 3)]
    content = read(found)
    assert people_of(content) == [1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert content.frames[10][0].track == 10


def test_coco_annotations_have_a_visibility_of_zero_one_or_two():
    keypoints = [5.0, 6.0, 2] * 16 + [0, 0, 0]
    value = {"images": [{"id": 4}, {"id": 5}, {"id": 6}], "annotations": [{"image_id": 5, "keypoints": keypoints}]}
    content = read(value)
    assert people_of(content) == [0, 1, 0]
    assert content.frames[1][0].confidence.tolist() == [1.0] * 16 + [0.0]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"landmarks": x}, lambda x: {"pose_landmarks": [x, x]}])
def test_landmarks_of_mediapipe(wrap):
    person = landmarks()
    content = read([wrap(person), wrap(person) if isinstance(wrap(person), dict) else []])
    first = content.frames[0][0]
    assert first.joints.shape == (33, 3)
    assert first.confidence[5] == person[5]["visibility"]
    assert not content.planar
    assert read([landmarks(axes=("x", "y"))]).frames[0][0].confidence is None


ERRORS = {
    "not json": (b"{", "is not JSON"),
    "another kind": ({"name": 1, "size": 2}, "is JSON of no kind that is read; it has the fields 'name', 'size'"),
    "numbers": ([1, 2], "it has a list"),
    "an empty list": ([], "an empty list"),
    "objects": ([{"a": 1}], "a list of objects with the fields 'a'"),
    "no list": ({"people": 3}, "people must be there and be a list"),
    "no pose": ({"people": [{"face": []}]}, "person 0: must have the field pose_keypoints_2d"),
    "cut": ({"people": [{"pose_keypoints_2d": [1, 2, 3, 4]}]}, "has 4 numbers, which are not 3 for each joint"),
    "a word": ({"people": [{"pose_keypoints_2d": ["a", 2, 3]}]}, "number 0 is 'a', not a finite number"),
    "true": ({"people": [{"pose_keypoints_2d": [1, True, 3]}]}, "number 1 is 'True'"),
    "nan": ({"people": [{"pose_keypoints_2d": [1, float("nan"), 3]}]}, "number 1 is 'nan'"),
    "huge": ({"people": [{"pose_keypoints_2d": [1, 10**400, 3]}]}, "number 1 is"),
    "frame": ([{"people": []}, 3], "frame 1: the field people"),
    "score": ({"data": [{"skeleton": [{"pose": [1, 2], "score": [1, 2]}]}]}, "2 numbers in pose and 2 in score"),
    "twice": ({"data": [{"frame_index": 2, "skeleton": []}] * 2}, "frame_index 2 is there twice"),
    "no number": ([{"image_id": "a.jpg", "keypoints": [1, 2, 3]}], "'a.jpg' has no number"),
    "two videos": ([{"image_id": f"{v}_1.jpg", "keypoints": [1, 2, 3]} for v in "ab"], "more than one video"),
    "far": ([{"image_id": i, "keypoints": [1, 2, 3]} for i in (1, 2, 10**9)], "are numbered from 1 to 1000000000"),
    "no image": ({"images": [], "annotations": [{"image_id": 1, "keypoints": [1, 2, 3]}]}, "1 is no id of an image"),
    "no z": ([[{"x": 1, "y": 2, "z": 3}, {"x": 1, "y": 2}]], "landmark 1 must have x, y, z"),
    "one axis": ([[{"x": 1}]], "landmark 0 must have x, y"),
    "mixed": ([[{"x": 1, "y": 1}, 3]], "must be a list of landmarks"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_malformed_content_is_refused(kind):
    value, message = ERRORS[kind]
    with pytest.raises(DataError, match=f"clip.json: .*{message}"):
        read(value)


def test_numbers_of_frames_may_go_up_in_steps():
    assert spread([10, 0, 5, 20], "here") == [2, 0, 1, 4]
    assert spread([7], "here") == [0]


KEYS = ("people", "pose_keypoints_2d", "data", "skeleton", "pose", "score", "image_id", "keypoints", "images", "x", "y")
KEYS = (*KEYS, "annotations", "frames", "landmarks", "frame_index", "id", "idx")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    )
)
def test_any_json_is_read_or_refused(value):
    refusal = ""
    try:
        read(value)
    except DataError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith("clip.json: ")
