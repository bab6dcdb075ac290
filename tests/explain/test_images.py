"""Explanations of images are the network's own masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from attentive_rnn.data import collate
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain import images, sequences
from attentive_rnn.training import load_model
from attentive_rnn.training.setup import load_splits
from explain.runs import explained


@pytest.fixture(scope="module")
def answered(image_run):
    saved, splits = load_model(image_run.model), load_splits(image_run.read_config())
    return saved, splits.test, images.explain_images(saved, splits.test, batch_size=7)


def test_every_layers_mask_lies_where_the_network_says(answered):
    saved, test, found = answered
    batch = collate([test[3]])
    with torch.no_grad():
        logits, given = saved.model(batch.x, batch.question, need_attention=True)
    wanted = torch.stack(saved.model.masks_in_image(given), 1)[0]
    np.testing.assert_allclose(found[3].masks, wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[3].together, wanted.prod(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[3].probabilities, logits[0].softmax(0), rtol=1e-4)
    assert found[3].names == ("layer 1", "layer 2", "all multiplied")
    assert found[3].question == test.question(3)


def test_the_share_on_the_object_is_that_of_its_box(answered):
    _, _, found = answered
    one = replace(found[0], masks=np.ones_like(found[0].masks))
    rows, columns = (np.flatnonzero(one.region.any(axis)) for axis in (1, 0))
    box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1) / one.region.size
    assert one.shares() == pytest.approx([box] * 3)
    assert one.in_words().startswith(f"of the attention on the object asked about, layer 1: {100 * box:.0f} %")
    assert replace(one, region=np.zeros_like(one.region)).shares() == []


def test_a_picture_has_the_image_and_a_mask_for_each_layer(answered, tmp_path):
    saved, _, found = answered
    figure = images.layer_masks(found[:2], saved.schema.classes)
    assert len(figure.axes) == 2 * 4
    np.testing.assert_allclose(figure.axes[1].images[1].get_array(), found[0].masks[0] / found[0].masks[0].max())
    png, _ = images.draw_mistakes(found, saved.schema.classes, tmp_path)
    with Image.open(png) as image:
        assert min(image.size) > 200


def test_too_many_images_and_models_of_sequences_are_refused(answered, feature_run, monkeypatch):
    saved, test, _ = answered
    with pytest.raises(ConfigError, match="a model of sequences"):
        images.explain_images(load_model(feature_run.model), test)
    monkeypatch.setattr(images, "LARGEST", 29)
    with pytest.raises(ConfigError, match="30 images are too many"):
        images.explain_images(saved, test)


def test_classes_of_images_are_drawn_as_their_means(pixel_run, tmp_path):
    saved = load_model(pixel_run.model)
    found, _ = explained(pixel_run)
    made = sequences.as_images(found, saved.preprocessing)
    figure = images.class_masks([*made, made[3]], saved.schema.classes)
    assert [axis.get_title() for axis in figure.axes[:10]] == [f"{i} ({2 if i == 3 else 1})" for i in range(10)]
    np.testing.assert_allclose(figure.axes[13].images[1].get_array(), made[3].together / made[3].together.max())
    assert [path.name for path in images.draw_classes(made, saved.schema.classes, tmp_path)] == [
        "classes.png",
        "classes.svg",
    ]
