"""Pictures in, people and their actions out: each recognised as if alone, and drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, ConvertLayout, OriginAtBodyCentre, Schema
from attentive_rnn.errors import ConfigError
from attentive_rnn.streaming import Recognizer
from attentive_rnn.streaming.pipeline import Pipeline, annotate
from attentive_rnn.training import SavedModel
from attentive_rnn.training.saved_model import Reader
from attentive_rnn.video import read_frames
from video.test_pose import RedBody, _films
from video.test_tracking import MIDDLE, PICTURE, Recorded, every_film, found_in


@pytest.mark.parametrize("coordinates", [2, 3])
def test_a_person_in_a_film_is_recognised_and_drawn_until_gone(tmp_path, coordinates):
    film = _films(tmp_path / "films") / "wave" / "a.mp4"
    schema = Schema(classes=("sit", "wave"), shape=(1, 17, coordinates), layout="coco-17")
    torch.manual_seed(0)
    model = SequenceClassifier(17 * coordinates, 2, 6, 2).eval()
    pipeline = Pipeline(SavedModel(model, schema, Compose([OriginAtBodyCentre(0)])), pose=RedBody(), patience=2)
    images = [f.image for f in read_frames(film)]
    seen = [pipeline.push(image)[0] for image in images]
    assert [len(s) for s in seen] == [0, 0, 1, 1, 1, 1]
    assert [s[0].recognition.frame for s in seen[2:]] == [0, 1, 2, 3]
    assert seen[-1][0].weights.shape == (17,)
    assert seen[-1][0].weights.mean() == pytest.approx(1, abs=1e-5)
    drawn = annotate(images[-1], seen[-1], schema)
    assert drawn.shape == images[-1].shape
    assert (drawn != images[-1]).any()
    ended = [pipeline.push(images[0])[1] for _ in range(2)]
    assert [len(e) for e in ended] == [0, 1]
    assert pipeline.recognizer.tracks == []


def test_a_model_that_the_pictures_do_not_fit_is_refused():
    hand = Schema(classes=("a", "b"), shape=(1, 20, 3), layout="sfinge-20")
    features = Schema(classes=("a", "b"), shape=(60,))
    for schema, message in [(hand, "has no joint for"), (features, "but the pictures give nothing")]:
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
