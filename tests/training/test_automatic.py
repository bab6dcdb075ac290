import json

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.training import automatic, load_config
from attentive_rnn.training.automatic import choose, choose_papers, kind, parts_in_words
from attentive_rnn.training.config import Config
from attentive_rnn.training.recipes import to_yaml

RNG = np.random.default_rng(0)


def saved(path, frames, labels, **more):
    """An .npz file of padded sequences (N, T, ...) with their labels."""
    np.savez(path, x=np.asarray(frames, dtype=np.float32), y=np.asarray(labels), **more)
    return [("data.path", str(path))]


def sensors(folder, count=40, frames=12, labels=None, name="sensors.npz"):
    labels = [i % 2 for i in range(count)] if labels is None else labels
    return saved(folder / name, RNG.normal(size=(len(labels), frames, 3)), labels)


def joints(folder, layout, count=20):
    shape = {"kinect-20": (1, 20, 3), "mediapipe-33": (1, 33, 3), "coco-17": (1, 17, 2)}[layout]
    schema = json.dumps(Schema(("a", "b"), shape, layout=layout).to_dict())
    frames = RNG.normal(size=(count, 9, *shape)) + 2
    return saved(folder / f"{layout}.npz", frames, [i % 2 for i in range(count)], schema=schema)


def names(steps):
    return [step["name"] for step in steps]


def test_features_get_both_directions_stretches_and_nothing_held_out(tmp_path):
    choice = choose(sensors(tmp_path))
    config = choice.config
    assert choice.recipe == "sequence"
    assert (config.model.bidirectional, config.model.num_layers, config.optim.schedule) == (True, 2, "one-cycle")
    assert names(config.data.augmentation) == ["random_stretch", "random_scale"]
    assert (config.data.valid_fraction, config.training.select, config.data.standardise) == (0, "last", True)
    assert choice.why.startswith("recipe sequence, for 3 features a frame: 30 sequences of 2 classes to train on, none")
    assert "10 for testing" in choice.why


@pytest.mark.parametrize(("layout", "centre", "root"), [("kinect-20", 1, 0), ("mediapipe-33", 0, 0), ("coco-17", 0, 0)])
def test_joints_of_any_file_get_the_recipe_for_skeletons(tmp_path, layout, centre, root):
    choice = choose(joints(tmp_path, layout))
    data = choice.config.data
    assert choice.recipe == "skeleton"
    assert layout in choice.why
    assert data.preprocessing == [
        {"name": "origin_at_body_centre", "joint": centre},
        {"name": "unit_body_size", "layout": layout},
    ]
    assert data.augmentation[-1] == {"name": "motion_features", "root": root}


def test_joints_of_a_known_set_keep_the_centre_that_its_reader_names(skeleton_folder):
    choice = choose([("data.path", str(skeleton_folder))])
    assert choice.config.data.source == "nucla"
    assert choice.config.data.preprocessing[0] == {"name": "origin_at_body_centre", "joint": 1}


def test_each_kind_of_data_has_its_recipe():
    text = Schema(("a", "b"), (1,), vocabulary=("", "word"))
    image = Schema(("a", "b"), (3, 8, 8), medium="image")
    assert kind(text, "imdb")[0] == "text"
    assert kind(Schema(("a",), (1,)), "pixels")[0] == "pixels"
    assert kind(image, "cifar")[0] == "cifar10"
    assert kind(Schema(("a",), (8, 7, 7), medium="maps"), "jhmdb")[0] == "jhmdb-maps"
    assert kind(Schema((), (2,), target="number"), "table")[0] == "sequence"
    assert kind(Schema(("a",), (1, 9, 3)), "npy") == ("skeleton", "joints (1 person, 9 without a known layout)")
    with pytest.raises(ConfigError, match="no automatic recipe for scene-editing"):
        kind(Schema((), (3, 8, 8), medium="image", target="image"), "scene-editing")


def test_what_the_user_fixed_wins(tmp_path):
    fixed = [("training.max_epochs", "7"), ("data.augmentation", "[]"), ("model.hidden_size", "5"), ("seed", "3")]
    config = choose([*sensors(tmp_path), *fixed]).config
    assert (config.training.max_epochs, config.model.hidden_size, config.seed) == (7, 5, 3)
    assert config.data.augmentation == []
    best = choose([*sensors(tmp_path), ("training.select", "best")])
    assert best.config.data.valid_fraction == automatic.SHARE
    assert "6 for validation" in best.why


def test_the_choice_is_a_function_of_the_data_and_complete(tmp_path):
    overrides = sensors(tmp_path)
    config = choose(overrides).config
    assert choose(overrides).config == config
    (tmp_path / "again.yaml").write_text(to_yaml(config))
    assert load_config(tmp_path / "again.yaml") == config


def lasting(count):
    """The epochs and the batch for so many training sequences."""
    train = SequenceDataset([torch.zeros(2, 1)] * count, [i % 2 for i in range(count)], [{}] * count, TWO, "made")
    found = automatic._settings("sequence", train, load_config("base", [("data.source", "npz"), HERE]), False)
    return found["training.max_epochs"], found["training.batch_size"]


TWO = Schema(("a", "b"), (1,))
HERE = ("data.path", "/nowhere")


def test_few_sequences_are_seen_more_often_and_in_smaller_batches_than_many():
    assert [lasting(count)[1] for count in (8, 100, 1000, 20_000)] == [4, 12, 32, 64]
    epochs = [lasting(count)[0] for count in (8, 100, 1000, 20_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] == automatic.EPOCHS
    shown = [count * lasting(count)[0] for count in (100, 1000, 20_000)]
    assert shown == sorted(shown)


def test_a_large_set_holds_some_out_and_has_wider_layers_with_less_dropout(monkeypatch):
    monkeypatch.setattr(automatic, "VALIDATED", 50)
    monkeypatch.setattr(automatic, "LARGE", 60)
    train = SequenceDataset([torch.zeros(2, 1)] * 60, [0, 1] * 30, [{}] * 60, TWO, "made")
    config = load_config("sequence", [("data.source", "npz"), HERE])
    found = automatic._settings("sequence", train, config, False)
    assert found["data.valid_fraction"] == 0.05
    assert (found["model.hidden_size"], found["model.dropout"], found["training.batch_size"]) == (128, 0.2, 64)
    assert "model.hidden_size" not in automatic._settings("text", train, config, False)


def test_uneven_classes_are_weighted_and_even_ones_are_not(tmp_path):
    uneven = choose(sensors(tmp_path, labels=[0] * 32 + [1] * 8, name="uneven.npz")).config
    assert uneven.training.class_balance == 0.5
    assert choose(sensors(tmp_path)).config.training.class_balance == 0


def test_numbers_to_predict_have_no_label_smoothing(tmp_path):
    choice = choose(sensors(tmp_path, labels=RNG.normal(size=30)))
    assert choice.config.training.label_smoothing == 0
    assert choice.config.data.standardise_target
    assert "classes" not in choice.why


def test_long_sequences_show_other_frames_in_each_epoch(tmp_path):
    long = choose(sensors(tmp_path, frames=300))
    assert long.config.data.augmentation[-1] == {"name": "uniform_sampling", "frames": automatic.FRAMES, "random": True}
    live = choose(sensors(tmp_path, frames=300), live=True)
    assert "uniform_sampling" not in names(live.config.data.augmentation)


@pytest.mark.parametrize("made", [sensors, lambda folder: joints(folder, "kinect-20")])
def test_live_chooses_what_can_stream(tmp_path, made):
    from attentive_rnn.training.setup import build_model, fit_preprocessing, in_test

    choice = choose(made(tmp_path), live=True)
    config = choice.config
    assert not config.model.bidirectional
    steps = in_test(config.data, fit_preprocessing(config.data, choice.splits.train)).transforms
    assert all(step.depends is not None for step in steps)
    build_model(config, choice.splits.train.schema)


def test_square_images_are_read_row_by_row():
    images = SequenceDataset([torch.zeros(49, 1)] * 16, [0, 1] * 8, [{}] * 16, TWO, "made")
    config = load_config("pixels", [("data.source", "pixels"), HERE])
    found = automatic._settings("pixels", images, config, False)
    assert found["data.preprocessing"] == [{"name": "join_steps", "steps": 7}]


def test_the_papers_recipe_follows_the_kind_of_the_data(skeleton_folder, tmp_path):
    assert choose_papers([("data.path", str(skeleton_folder))]) == "paper/skeleton"
    assert choose_papers(sensors(tmp_path)) == "paper/sequence"


def test_data_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        choose([("data.path", str(tmp_path / "nothing"))])
    with pytest.raises(ConfigError, match="unknown key"):
        choose([*sensors(tmp_path), ("optim.rate", "1")])


def test_one_step_and_one_person_are_singular(tmp_path):
    config = choose([*sensors(tmp_path, count=4), ("training.max_epochs", "2")]).config
    assert isinstance(config, Config)
    splits = choose(sensors(tmp_path, count=4)).splits
    assert parts_in_words(config, splits).endswith("2 epochs of 1 step")
