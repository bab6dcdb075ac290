"""Pictures show more where more is attended to, in the colours that are promised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema, SequenceDataset
from attentive_rnn.draw import skeletons
from attentive_rnn.explain import Usual, explain, measure_usual, sequences
from attentive_rnn.explain.report import player
from attentive_rnn.training import SavedModel, load_model
from explain.runs import explained
from explain.runs import skeletons as bodies


@pytest.fixture(scope="module")
def waving(skeleton_run):
    return explained(skeleton_run)


@pytest.fixture(scope="module")
def motions(feature_run):
    return explained(feature_run)


def orange(picture: np.ndarray) -> int:
    """How many pixels are about the colour of attention."""
    return int((np.abs(picture.astype(int) - (0xD5, 0x5E, 0x00)).max(-1) < 60).sum())


def raster(figure) -> np.ndarray:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def test_a_joint_that_is_attended_to_more_is_drawn_larger(waving):
    (one, *_), classes = waving
    even = replace(one, response=np.linspace(0, 2, one.response.size).reshape(one.response.shape), shows="relative")
    most = replace(even, response=np.where(even.response > 0.6, 2.0, even.response))
    more, less = (skeletons.strips([sequences.drawing(x, classes)], x.schema) for x in (most, even))
    assert orange(raster(more)) > 1.5 * orange(raster(less))


def test_a_film_has_a_frame_for_each_frame_and_moves(waving):
    (one, *_), classes = waving
    drawing = sequences.drawing(one, classes)
    frames = skeletons.film(drawing.title, drawing.points, one.schema, drawing.relevance)
    assert len(frames) == len(one.frames)
    assert (frames[0] != frames[1]).any()
    assert all(orange(frame) for frame in frames)


def test_a_sequence_is_written_as_picture_and_film(waving, tmp_path):
    (one, *_), classes = waving
    written = sequences.draw_sequence(one, classes, tmp_path)
    assert [path.name for path in written] == ["s_2.png", "s_2.svg", "s_2.gif", "s_2.mp4"]
    with Image.open(tmp_path / "s_2.gif") as film:
        assert film.n_frames == len(one.frames)
        assert film.info["duration"] == 100
    assert one.groups[0].name not in ("", None)
    assert "<script>" not in (tmp_path / "s_2.svg").read_text()


def test_classes_are_told_apart_by_what_they_attend_to(waving, motions, tmp_path):
    for name, (explanations, _) in (("skeletons", waving), ("features", motions)):
        png, svg = sequences.draw_classes(explanations, tmp_path / name)
        with Image.open(png) as image:
            assert min(image.size) > 200
        assert svg.stat().st_size > 5000


def test_a_map_has_the_signal_above_and_a_row_for_each_sensor(motions):
    (one, *_), classes = motions
    upper, lower, _ = sequences.time_map(one, classes).axes
    assert [label.get_text() for label in lower.get_yticklabels()] == ["accelerometer", "gyroscope"]
    np.testing.assert_allclose(lower.images[0].get_array(), one.relevance.T)
    first = one.groups[int(one.relevance.mean(0).argmax())].name
    assert upper.get_legend_handles_labels()[1][0].startswith(first)


def test_second_persons_who_come_and_go_and_unlabelled_sequences_can_be_drawn(tmp_path):
    data = bodies(count=4, persons=2)
    data.sequences[0][:, 1] = 0
    data.labels[:] = -1
    saved = SavedModel(SequenceClassifier(120, 2, hidden_size=3).eval(), data.schema, Compose([]))
    found = explain(saved, data, Usual(np.zeros(120), np.ones(120)))
    assert found[0].relevance.shape == (8, 40)
    for one in found[:1]:
        assert len(sequences.draw_sequence(one, data.schema.classes, tmp_path)) == 4


@pytest.fixture(scope="module")
def reviews():
    torch.manual_seed(0)
    schema = Schema(("bad", "good"), (1,), vocabulary=("<unknown>", "a", "dull", "fine", "film", "<b>"))
    sequences = [torch.tensor(words)[:, None] for words in ([1, 2, 4], [1, 3, 4, 5], [4] * 300)]
    data = SequenceDataset(sequences, [0, 1, 1], [{"name": f"r{i}"} for i in range(3)], schema)
    model = SequenceClassifier(1, 2, hidden_size=4, num_layers=1, vocabulary_size=6, embedding_size=8, dropout=0.0)
    saved = SavedModel(model.eval(), schema, Compose([]))
    return explain(saved, data, measure_usual(saved, data)), schema.classes


def test_words_are_explained_by_the_attention_to_their_vectors(reviews, tmp_path):
    found, classes = reviews
    assert found[1].words == ("a", "fine", "film", "<b>")
    assert found[1].relevance.shape == (4, 1)
    assert found[1].inputs.shape == (4, 8)
    assert found[1].words[int(found[1].relevance.argmax())] == found[1].in_words(1).split()[0]
    assert len(sequences.draw_sequence(found[1], classes, tmp_path)) == 2
    assert sequences.draw_classes(found, tmp_path) == []
    packed = player.pack(found, classes)
    assert (packed["kind"], packed["groups"], packed["samples"][0]["words"]) == (
        "words",
        ["word"],
        ["a", "dull", "film"],
    )
    assert all(len(sample["words"]) == sample["steps"] for sample in packed["samples"])


def test_the_hardest_mistakes_are_drawn_and_none_if_there_are_none(motions, tmp_path):
    explanations, classes = motions
    assert len(sequences.draw_mistakes(explanations, classes, tmp_path)) == 2
    right = [one for one in explanations if one.predicted == one.label]
    assert sequences.draw_mistakes(right, classes, tmp_path) == []


def test_attention_to_permuted_pixels_lies_on_the_pixels(pixel_run):
    found, _ = explained(pixel_run)
    saved = load_model(pixel_run.model)
    made = sequences.as_images(found, saved.preprocessing)
    order = np.random.default_rng(0).permutation(784)
    for one, image in zip(found, made, strict=True):
        np.testing.assert_allclose(image.image[..., 0].ravel(), (one.frames[:, 0] + 1) / 2)
        mask = image.masks[0].ravel()[order]
        inside = mask < 1
        assert inside.any()
        assert np.corrcoef(mask[inside], one.attended[inside, 0])[0, 1] > 0.999


def test_sequences_that_are_no_square_images_stay_sequences(feature_run):
    found, _ = explained(feature_run)
    saved = load_model(feature_run.model)
    assert sequences.as_images(found, saved.preprocessing) is None
