"""Images in memory: what is given comes out, and what does not fit together is an error."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from attentive_rnn.data import ImageDataset, Schema, collate, load, transform_from_config
from attentive_rnn.data.check.copies import copies_in_train
from attentive_rnn.data.dataset import AugmentedDataset
from attentive_rnn.errors import ConfigError, DataError
from data.writers import write_cifar_binaries, write_cifar_jpegs

SCHEMA = Schema(("day", "night"), (3, 8, 8), medium="image", vocabulary=("what", "when"))


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)


def test_items_may_share_an_image_and_ask_different_things(images):
    questions = np.array([[1, 0], [1, 2], [2, 1]])
    data = ImageDataset(images, [0, 1, 1], SCHEMA, shown=np.array([2, 2, 0]), questions=questions)
    assert len(data) == 3
    assert torch.equal(data[0].sequence, data[1].sequence)
    assert data[0].sequence[1, 2, 3].item() == pytest.approx(images[2, 2, 3, 1] / 255)
    assert data.question(1) == "what when"
    batch = collate([data[i] for i in range(3)])
    assert batch.x.shape == (3, 3, 8, 8)
    assert batch.question.tolist() == questions.tolist()
    assert batch.labels.tolist() == [0, 1, 1]
    part = data.subset([2, 0])
    assert part.labels.tolist() == [1, 0]
    assert torch.equal(part[0].sequence, data[2].sequence)


def test_arrays_that_do_not_fit_are_errors(images):
    make = partial(ImageDataset, images)
    for arguments, message in [
        (([0, 1, 2, 0], SCHEMA), "labels must go from 0 to 1"),
        (([0, 1, 1, 0], Schema(("a", "b"), (3, 9, 8), medium="image")), "but the schema"),
    ]:
        with pytest.raises(DataError, match=message):
            make(*arguments)
    with pytest.raises(DataError, match="3 questions for 4 labels"):
        make([0, 1, 1, 0], SCHEMA, questions=np.zeros((3, 1), np.int64))
    with pytest.raises(DataError, match="images take no preprocessing"):
        make([0, 1, 1, 0], SCHEMA).transformed(transform_from_config([{"name": "jitter"}]))


def test_an_image_that_is_in_both_parts_is_a_copy(images):
    train, test = (ImageDataset(images[chosen], [0] * 2, SCHEMA) for chosen in ([0, 1], [1, 2]))
    assert copies_in_train(type(load("japanese-vowels"))(train, test)).tolist() == [True, False]


def test_crop_and_flip_are_drawn_anew_each_epoch_and_keep_the_size(images):
    data = ImageDataset(images, [0] * 4, SCHEMA)
    crop = transform_from_config([{"name": "random_crop_flip", "padding": 2}])
    augmented = AugmentedDataset(data, crop, seed=0)
    first = [augmented[i].sequence for i in range(4)]
    assert all(image.shape == (3, 8, 8) for image in first)
    augmented.set_epoch(1)
    assert any(not torch.equal(a, augmented[i].sequence) for i, a in enumerate(first))
    shifted = {tuple(crop(data[0].sequence, np.random.default_rng(i))[0, 4].tolist()) for i in range(60)}
    assert tuple(data[0].sequence[0, 4].flip(0).tolist()) in shifted
    with pytest.raises(ConfigError, match="is for images"):
        crop(torch.zeros(4, 5), np.random.default_rng(0))


def test_cifar_is_an_image_set_and_can_be_cut(tmp_path):
    (tmp_path / "binaries").mkdir()
    train, test = load("cifar", write_cifar_binaries(tmp_path / "binaries", records=6))
    assert (len(train), len(test), train.schema.classes) == (30, 6, ("apple", "bear", "chair"))
    cut, whole = load("cifar", write_cifar_jpegs(tmp_path / "pictures"), per_class=3)
    assert np.bincount(cut.labels).tolist() == [3, 3]
    assert len(whole) == 8
    with pytest.raises(ConfigError, match="per_class must be 2 or more"):
        load("cifar", tmp_path / "pictures", per_class=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"medium": "film"}, "medium must be sequence or image"),
        ({"medium": "image", "shape": (8, 8)}, r"images are \(C, H, W\)"),
        ({"target": "image", "classes": ()}, "of medium image"),
        ({"medium": "image", "target": "number", "classes": ()}, "a class or an image is predicted"),
    ],
)
def test_a_schema_of_images_is_checked(values, message):
    with pytest.raises(ConfigError, match=message):
        Schema(**{"classes": ("a",), "shape": (3, 8, 8), **values})
    assert Schema.from_dict(SCHEMA.to_dict()) == SCHEMA
