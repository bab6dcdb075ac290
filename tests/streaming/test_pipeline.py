"""Pictures in, people and their actions out: each recognised as if alone, and drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, ConvertLayout, OriginAtBodyCentre, Schema, get_layout
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain import Usual
from attentive_rnn.streaming import Recognizer
from attentive_rnn.streaming.pipeline import Pipeline, annotate
from attentive_rnn.training import SavedModel
from attentive_rnn.training.saved_model import Reader
from attentive_rnn.video import read_frames
from attentive_rnn.video.pose import Person, PoseEstimator
from video.test_pose import RedBody, _films
from video.test_tracking import MIDDLE, PICTURE, Recorded, every_film, found_in


@pytest.mark.parametrize("coordinates", [2, 3])
def test_a_person_in_a_film_is_recognised_and_drawn_until_gone(tmp_path, coordinates):
    film = _films(tmp_path / "films") / "wave" / "a.mp4"
    schema = Schema(classes=("sit", "wave"), shape=(1, 17, coordinates), layout="coco-17")
    torch.manual_seed(0)
    model = SequenceClassifier(17 * coordinates, 2, 6, 2).eval()
    usual = Usual(np.linspace(-1, 1, 17 * coordinates), np.linspace(0.5, 1, 17 * coordinates))
    saved = SavedModel(model, schema, Compose([OriginAtBodyCentre(0)]))
    pipeline = Pipeline(saved, pose=RedBody(), patience=2, shown=usual.attended)
    images = [f.image for f in read_frames(film)]
    seen = [pipeline.push(image)[0] for image in images]
    assert [len(s) for s in seen] == [0, 0, 1, 1, 1, 1]
    assert [s[0].recognition.frame for s in seen[2:]] == [0, 1, 2, 3]
    assert seen[-1][0].weights.shape == (17,)
    assert seen[-1][0].weights.mean() == pytest.approx(1, abs=1e-5)
    result, body = seen[-1][0].recognition, seen[-1][0].person
    let_in = np.abs(result.attention[0] * (np.nan_to_num(result.inputs) - usual.mean)).reshape(17, -1).sum(1)
    let_in[body.confidence == 0] = 0
    np.testing.assert_allclose(seen[-1][0].weights, let_in / let_in.mean(), rtol=1e-5)
    relative = Pipeline(saved, pose=RedBody(), shown=usual.relative)
    opened = [relative.push(image)[0] for image in images][-1][0].weights
    response = (result.attention[0] / usual.modulation).reshape(17, -1).mean(1)
    np.testing.assert_allclose(opened, response / response.mean(), rtol=1e-4)
    drawn = annotate(images[-1], seen[-1], schema)
    assert drawn.shape == images[-1].shape
    assert (drawn != images[-1]).any()
    ended = [pipeline.push(images[0])[1] for _ in range(2)]
    assert [len(e) for e in ended] == [0, 1]
    assert pipeline.recognizer.tracks == []
    (_, segment), *_ = ended[1]
    assert (seen[2][0].recognition.start, segment.end) == (2, 6)  # pictures of the film, in which the person comes late


class Standing(PoseEstimator):
    """One person who stands, y down, in pictures and in metres; away in the picture ``gone``."""

    name, layout = "standing", "mediapipe-33"

    def __init__(self, gone=-1):
        self.count, self.gone = -1, gone

    def reset(self):
        self.count = -1

    def __call__(self, image):
        self.count += 1
        if self.count == self.gone:
            return []
        heights = {"nose": 0.1, "ear": 0.1, "shoulder": 0.2, "elbow": 0.35, "wrist": 0.5, "hip": 0.5, "knee": 0.7}
        joints = np.zeros((33, 3), np.float32)
        for v, joint in enumerate(get_layout(self.layout).joints):
            joints[v, 1] = next((y for word, y in heights.items() if word in joint), 0.9)
            joints[v, 0] = 0.5 + 0.1 * (("left" in joint) - ("right" in joint))
        world = (joints - [0.5, 0.5, 0]) * 2
        return [Person(3, joints, np.ones(33, np.float32), world.astype(np.float32))]


def given_to(pipeline, pictures=1):
    """What the recogniser of a pipeline is given in each picture."""
    given, push = [], pipeline.recognizer.push
    pipeline.recognizer.push = lambda frame, track: given.append(np.array(frame)) or push(frame, track)
    for _ in range(pictures):
        pipeline.push(PICTURE)
    return given


def test_a_model_of_kinect_skeletons_gets_upright_bodies_in_metres():
    schema = Schema(("a", "b"), (1, 20, 3), layout="kinect-20", up="+y", units="metres")
    pipeline = Pipeline(SavedModel(SequenceClassifier(60, 2, 6).eval(), schema, Compose([])), pose=Standing())
    (frame,) = given_to(pipeline)
    place = get_layout("kinect-20").joints.index
    np.testing.assert_allclose(frame[place("hip centre")], [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(frame[place("shoulder centre")], [0, 0.6, 0], atol=1e-6)
    np.testing.assert_allclose(frame[place("head")], [0, 0.8, 0], atol=1e-6)
    np.testing.assert_allclose(frame[place("left shoulder")], [-0.2, 0.6, 0], atol=1e-6)  # as a Kinect sees it
    assert any("hip centre = the middle of" in note for note in pipeline.notes)
    assert any("turned so that +y is up" in note for note in pipeline.notes)
    assert any("in metres" in note for note in pipeline.notes)


def test_a_model_of_poses_gets_them_as_they_are():
    schema = Schema(("a", "b"), (1, 33, 3), layout="mediapipe-33", units="picture heights")
    pipeline = Pipeline(SavedModel(SequenceClassifier(99, 2, 6).eval(), schema, Compose([])), pose=Standing())
    (frame,) = given_to(pipeline)
    np.testing.assert_array_equal(frame, Standing()(PICTURE)[0].joints)
    assert pipeline.notes == []


def test_segments_name_pictures_though_the_person_was_lost_for_one():
    schema = Schema(("a", "b"), (1, 33, 3), layout="mediapipe-33")
    pipeline = Pipeline(SavedModel(SequenceClassifier(99, 2, 6).eval(), schema, Compose([])), pose=Standing(gone=2))
    given_to(pipeline, pictures=5)
    ((track, segment),) = pipeline.finish()
    assert (track, segment.end) == (3, 5)  # four frames of the track, in five pictures
    given_to(pipeline, pictures=2)
    assert pipeline.finish()[0][1].end == 2  # another video


def test_a_model_that_the_pictures_do_not_fit_is_refused():
    hand = Schema(classes=("a", "b"), shape=(1, 20, 3), layout="sfinge-20")
    features = Schema(classes=("a", "b"), shape=(60,))
    for schema, message in [(hand, "has no joint for"), (features, "but the pictures give nothing; .* stream RUN -")]:
        with pytest.raises(ConfigError, match=message):
            Pipeline(SavedModel(SequenceClassifier(60, 2).eval(), schema, Compose([])), pose=RedBody())


@every_film
def test_each_of_two_people_is_recognised_as_if_alone(film):
    torch.manual_seed(0)
    schema = Schema(classes=("golf", "pullup", "wave"), shape=(1, 33, 3), layout="mediapipe-33")
    saved = SavedModel(SequenceClassifier(99, 3, 6, 2).eval(), schema, Compose([OriginAtBodyCentre(0)]))
    pipeline, alone, shown = Pipeline(saved, pose=Recorded(film)), Recognizer(saved), 0
    for people in found_in(film):
        seen, ended = pipeline.push(PICTURE)
        assert not ended
        wanted = {bool(j[:, 0].mean() > MIDDLE): alone.push(j, bool(j[:, 0].mean() > MIDDLE)) for j, _ in people}
        assert len(seen) == len(wanted)
        for one in seen:
            theirs = wanted[bool(one.person.joints[:, 0].mean() > MIDDLE)]
            assert np.allclose(one.recognition.probabilities, theirs.probabilities, atol=1e-6)
            assert one.recognition.frame == theirs.frame
        shown += len(seen) == 2
        assert annotate(PICTURE, seen, schema).any() == bool(seen)
    assert shown > 4
    assert len(pipeline.recognizer.tracks) == 2
    assert [track for track, _ in pipeline.finish()] == [0, 1]


def test_a_model_of_pictures_with_a_confidence_gets_it_and_no_depth(tmp_path):
    film = _films(tmp_path / "films") / "wave" / "a.mp4"
    schema = Schema(classes=("sit", "wave"), shape=(1, 17, 3), layout="coco-17", coordinates=2)
    pipeline = Pipeline(SavedModel(SequenceClassifier(51, 2, 6).eval(), schema, Compose([])), pose=RedBody())
    given = []
    push = pipeline.recognizer.push
    pipeline.recognizer.push = lambda frame, track: given.append(frame) or push(frame, track)
    people = [one.person for f in read_frames(film) for one in pipeline.push(f.image)[0]]
    assert people
    for frame, person in zip(given, people, strict=True):
        found = person.confidence > 0
        np.testing.assert_array_equal(frame[found, :2], person.joints[found, :2])
        np.testing.assert_array_equal(frame[:, 2], person.confidence)
        assert not frame[~found].any()


@pytest.mark.parametrize("coordinates", [None, 2])
def test_a_joint_that_is_not_sure_enough_is_absent_as_in_training(tmp_path, coordinates):
    film = _films(tmp_path / "films") / "wave" / "a.mp4"
    schema = Schema(classes=("sit", "wave"), shape=(1, 17, 3), layout="coco-17", coordinates=coordinates)
    torch.manual_seed(0)
    model = SequenceClassifier(51, 2, 6).eval()
    sure = SavedModel(model, schema, Compose([]), Reader("npz", {"min_confidence": 0.5}))
    person = RedBody()
    images = [f.image for f in read_frames(film)]
    pipeline, given = Pipeline(sure, pose=person), []
    push = pipeline.recognizer.push
    pipeline.recognizer.push = lambda frame, track: given.append(frame) or push(frame, track)
    pose = pipeline.pose
    unsure = np.arange(33) % 3 == 0
    pipeline.pose = lambda image: [
        p._replace(confidence=np.where(unsure, 0.2, 0.9).astype(np.float32)) for p in pose(image)
    ]
    pipeline.pose.layout = pose.layout
    for image in images:
        pipeline.push(image)
    assert given
    unsure = unsure[[parents[0] for parents in ConvertLayout(pose.layout, "coco-17").map.parents]]
    for frame in given:
        assert not frame[unsure].any()
        assert frame[~unsure].any(-1).all()


def test_a_stream_of_joints_leaves_out_those_that_are_not_sure_enough():
    schema = Schema(classes=("a", "b"), shape=(1, 17, 3), layout="coco-17", coordinates=2)
    model = SequenceClassifier(51, 2, 6).eval()
    sure = Recognizer(SavedModel(model, schema, Compose([]), Reader("pyskl", {"min_confidence": 0.5})))
    plain = Recognizer(SavedModel(model, schema, Compose([])))
    for frame in torch.rand(5, 1, 17, 3):
        hidden = torch.where(frame[..., 2:] < 0.5, 0.0, frame)
        np.testing.assert_array_equal(sure.push(frame).probabilities, plain.push(hidden).probabilities)
