"""Sets of scenes: counts, options, the same scenes for the same seed, and clear errors."""

from __future__ import annotations

import numpy as np
import pytest

from attentive_rnn.data import load, validation_split
from attentive_rnn.data.dataset import concatenate
from attentive_rnn.data.images.scenes import COLOURS
from attentive_rnn.errors import ConfigError, DataError
from data.writers import write_cifar_jpegs, write_mnist

SMALL = {"image_size": 40, "train": 50, "test": 20}


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    return write_mnist(tmp_path_factory.mktemp("mnist"))


@pytest.mark.parametrize("name", ["mref", "mdist", "scene-questions", "scene-editing"])
def test_a_set_has_as_many_questions_as_were_asked_for(mnist, name):
    train, test = load(name, mnist, **SMALL)
    assert (len(train), len(test)) == (50, 20)
    sample = train[0]
    assert sample.sequence.shape == (3, 40, 40)
    assert 0 <= sample.sequence.min() <= sample.sequence.max() <= 1
    assert sample.question.dtype.is_signed
    assert train.question(0)
    assert train.region(0).any() == bool(train.asked[0])


def test_the_answer_is_the_colour_of_the_region(mnist):
    train, _ = load("mref", mnist, **SMALL)
    colours = np.array(list(COLOURS.values()))
    for i in range(len(train)):
        pixels = train.images[train.shown[i]][train.region(i)]
        brightest = pixels[pixels.sum(1).argmax()].astype(float)
        brightest *= colours[train.labels[i]].max() / max(brightest.max(), 1)
        assert np.abs(colours - brightest).sum(1).argmin() == train.labels[i]


def test_a_change_shows_the_goal_and_the_region(mnist):
    train, _ = load("scene-editing", mnist, **SMALL)
    label = train[3].label
    assert label.shape == (4, 40, 40)
    assert (label[3].bool().numpy() == train.region(3)).all()
    outside = label[3] == 0
    assert (label[:3, outside] == train[3].sequence[:, outside]).all()
    assert (label[:3, ~outside] != train[3].sequence[:, ~outside]).any()


def test_options_change_what_is_drawn_and_the_seed_draws_anew(mnist):
    few = load("mref", mnist, **SMALL, digits=[2, 3], scales=[1.0, 2.0]).train
    assert {np.bincount(few.shown).max(), np.bincount(few.shown)[:-1].min()} <= {2, 3}
    assert all(1 <= meta["scale"] <= 2 for meta in few.metas)
    one, same, other = (load("mdist", mnist, **SMALL, seed=seed).train for seed in (1, 1, 2))
    assert (one.images[0] == same.images[0]).all()
    assert one.images[0].tobytes() != other.images[0].tobytes()
    assert (load("mdist", mnist, **SMALL).train.images > 0).mean() > (
        load("mref", mnist, **SMALL).train.images > 0
    ).mean()


def test_pictures_are_behind_the_digits_of_mbg(mnist, tmp_path):
    with pytest.raises(ConfigError, match="backgrounds is missing"):
        load("mbg", mnist, **SMALL)
    train, _ = load("mbg", mnist, **SMALL, backgrounds=str(write_cifar_jpegs(tmp_path)))
    assert (train.images.max(-1) > 0).mean() > 0.9


def test_a_validation_split_parts_no_scene(mnist):
    train, valid = validation_split(load("mref", mnist, **SMALL).train, 0.3, seed=0)
    assert not set(train.shown) & set(valid.shown)
    assert len(train) + len(valid) == 50
    assert valid.question(0) in list("0123456789")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 20}, "image_size must be 32 or more"),
        ({"digits": [5]}, "digits must be two whole numbers"),
        ({"digits": [0, 3]}, "digits must be two whole numbers"),
        ({"scales": [2.0, 1.0]}, "scales must be two numbers"),
        ({"colours": 3}, "unknown option 'colours'"),
    ],
)
def test_wrong_options_are_named(mnist, options, message):
    with pytest.raises(ConfigError, match=message):
        load("mref", mnist, **{**SMALL, **options})


def test_what_needs_sequences_says_so(mnist):
    train, _ = load("mref", mnist, **SMALL)
    with pytest.raises(DataError, match="holds images, and this works on sequences only"):
        concatenate([train])
