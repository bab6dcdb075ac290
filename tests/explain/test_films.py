"""Films: masks over their frames, the frames attended to most, and the attention on people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from attentive_rnn.data import Compose, SequenceDataset
from attentive_rnn.data.schema import Schema
from attentive_rnn.data.transforms import transform_from_config
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.explain.films import FilmExplanation, attention_on_people, frame_masks, key_frames
from attentive_rnn.models import MapClassifier, SequenceClassifier
from attentive_rnn.training.saved_model import SavedModel
from explain.runs import explained
from films import write_film


class Looks(MapClassifier):
    """A mask of one cell."""

    def forward(self, x, lengths, need_attention=False):
        masks = torch.zeros(*x.shape[:2], 1, *x.shape[3:])
        masks[..., 1, 0] = 0.5
        return (None, masks) if need_attention else None


def saved(model, schema):
    return SavedModel(model, schema, transform_from_config([]))


def test_a_share_is_what_the_person_covers_of_the_cells_attended_to():
    schema = Schema(("a",), (2, 2, 2), medium="maps")
    films = SequenceDataset([torch.zeros(3, 2, 2, 2)], [0], [{"name": "a/x", "every": 2}], schema)
    frames = np.zeros((4, 4, 4), bool)
    frames[0, 2:, :2] = True  # the whole cell in the first frame, a quarter of it in the third
    frames[2, 3, 0] = True
    found = attention_on_people(saved(Looks(2, 1), schema), films, {"a/x": frames})
    assert found.frames == 2  # the third frame of the film has no silhouette
    assert found.attention.value == pytest.approx((1 + 0.25) / 2)
    assert found.area.value == pytest.approx((0.25 + 1 / 16) / 2)
    with pytest.raises(DataError, match="a/x: there are no silhouettes"):
        attention_on_people(saved(Looks(2, 1), schema), films, {})
    with pytest.raises(ConfigError, match="but this is SequenceClassifier"):
        attention_on_people(saved(SequenceClassifier(8, 1), schema), films, {})


def test_each_frame_is_drawn_over_its_own_mask(tmp_path):
    film = write_film(tmp_path / "film.mp4", 9)
    schema = Schema(("a", "b"), (2, 2, 2), medium="maps")
    masks = np.arange(3 * 4).reshape(3, 2, 2) / 12
    one = FilmExplanation("x", 1.0, np.array([0.2, 0.8]), schema, masks, every=4)
    axes = frame_masks(one, film, schema.classes).axes
    assert [axis.get_title() for axis in axes[:3]] == ["0", "4", "8"]
    shown = axes[4].images[1].get_array()
    assert shown.shape == (48, 64)
    np.testing.assert_allclose(shown[::24, ::32], masks[1] / masks[1].max())
    with pytest.raises(DataError, match="has fewer frames than x, of which 3 were read"):
        frame_masks(one, write_film(tmp_path / "short.mp4", 5), schema.classes)


def test_the_frames_attended_to_most_are_marked_and_named(feature_run, tmp_path):
    (one, *_), classes = explained(feature_run)
    values = np.ones_like(one.response)
    values[[11, 40, 90]] = 2
    film = write_film(tmp_path / "film.mp4", 100)
    # Times the mean frame, and times the usual.
    cases = {"attended": (2 * 100 / 103, "attended input"), "relative": (2, "relative attention")}
    for shows, (most, name) in cases.items():
        shown = replace(one, attended=values, response=values, shows=shows)
        figure = key_frames(shown, film, classes, Compose([]))
        titles = [axis.get_title() for axis in figure.axes[1:]]
        assert len(titles) == 8
        marked = [title for title in titles if title.endswith(f": {most:.3f}")]
        assert marked == [f"{frame}: {most:.3f}" for frame in (11, 40, 90)]
        assert figure.axes[0].get_ylabel().startswith(name)
