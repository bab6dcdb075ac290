"""Files are read for a model as its training data were, and matched to it."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from rich.console import Console

from attentive_rnn.data import convert, read_sequences
from attentive_rnn.errors import ConfigError, DataError, DataWarning
from attentive_rnn.training import load_config, load_model, train
from attentive_rnn.training.inputs import read_input, run_splits
from data.writers import put_pickle, pyskl_annotation

_SMALL = {"model.hidden_size": "6", "model.num_layers": "1", "training.max_epochs": "2", "device": "cpu"}


def _write(path, names=("x", "y", "z"), scale=1.0, empty=None, label="truth", classes=("up", "down")):
    """A table of 24 short sequences; the value of x, y and z depends on the class."""
    rng = np.random.default_rng(0)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "frame", *([label] if label else []), *names])
        for i in range(24):
            which = i % 2
            for t in range(6):
                value = {"x": which + 1.0, "y": t * (1 - 2 * which) + 0.5, "z": -2.0 - which}
                noise = dict(zip("wxyz", 0.1 * rng.normal(size=4), strict=True))
                row = [f"{scale * (value.get(name, 9.0) + noise[name]):.4f}" for name in names]
                if (i, t) == (3, 2) and empty is not None:
                    row[names.index(empty)] = ""
                writer.writerow([i, t, *([classes[which]] if label else []), *row])
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a table with a gap and a label that is not called so."""
    folder = tmp_path_factory.mktemp("inputs")
    path = _write(folder / "train.csv", empty="y")
    options = {"data.path": str(path), "data.options.missing": "interpolate", "data.options.label": "truth"}
    options["data.options.seed"] = "3"
    config = load_config("sequence", list((options | _SMALL).items()))
    return train(config, folder / "runs", console=Console(quiet=True))


def test_a_run_keeps_its_reader_and_options(run):
    saved = load_model(run.model)
    assert saved.reader == ("table", {"missing": "interpolate", "label": "truth", "seed": 3})
    assert saved.seen is not None


def test_the_file_of_the_training_is_read_as_in_training(run):
    saved, config = load_model(run.model), run.read_config()
    data = read_input(saved, config.data.path)
    assert len(data) == 24
    assert data.schema == saved.schema
    assert sorted(set(data.labels.tolist())) == [0, 1]
    assert np.isfinite(data.sequences[3].numpy()).all()
    with pytest.raises(DataError, match="line 22: y is missing"):
        read_input(saved, config.data.path, {"missing": "refuse"})
    with pytest.raises(ConfigError, match="unknown option 'test_fraction'; reading 'table' takes sequence, time"):
        read_input(saved, config.data.path, {"test_fraction": 0.5})


@pytest.mark.parametrize("names", [("z", "y", "x"), ("y", "z", "x")])
@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_columns_in_another_order_give_the_same_answers(run, tmp_path, names, suffix):
    saved = load_model(run.model)
    usual, path = (_write(tmp_path / f"{i}.csv", order) for i, order in enumerate((("x", "y", "z"), names)))
    if suffix != ".csv":
        path = convert(path, tmp_path / f"converted{suffix}", label="truth")
    one, other = read_input(saved, usual), read_input(saved, path)
    assert all(torch.equal(a, b) for a, b in zip(one.sequences, other.sequences, strict=True))
    assert one.labels.tolist() == other.labels.tolist()
    direct = read_sequences(path, **({"label": "truth"} if suffix == ".csv" else {}))
    assert direct.schema.features == names
    assert np.array_equal(saved.logits(direct), saved.logits(other))


def test_a_column_that_is_missing_or_unknown_is_named(run, tmp_path):
    saved = load_model(run.model)
    with pytest.raises(DataError, match=r"new\.csv: the features are not those of the model: missing y; unknown w"):
        read_input(saved, _write(tmp_path / "new.csv", ("x", "w", "z")))
    more = _write(tmp_path / "more.csv", ("x", "w", "y", "z"))
    with pytest.raises(DataError, match=r"unknown w \(leave them out with --option features=\[x,y,z\]\)"):
        read_input(saved, more)
    assert read_input(saved, more, {"features": ["x", "y", "z"]}).schema == saved.schema


def test_a_file_without_the_label_of_the_training_can_be_predicted(run, tmp_path):
    data = read_input(load_model(run.model), _write(tmp_path / "new.csv", label=None))
    assert data.labels.tolist() == [-1] * 24
    with pytest.raises(ConfigError, match="there is no column 'truth'"):
        read_input(load_model(run.model), tmp_path / "new.csv", {"label": "truth"})


def test_another_unit_is_warned_of(run, tmp_path):
    with pytest.warns(DataWarning, match=r"mm\.csv: the values of . are .* is this millimetres for metres\?"):
        read_input(load_model(run.model), _write(tmp_path / "mm.csv", scale=1000.0))


def test_labels_that_the_model_does_not_know_are_named(run, tmp_path):
    saved, config = load_model(run.model), run.read_config()
    path = _write(tmp_path / "new.csv", classes=("up", "aside"))
    with pytest.warns(
        DataWarning, match=r"the label 'aside' \(12 sequences\) is none of the model's classes: down, up"
    ):
        assert set(read_input(saved, path).labels.tolist()) == {1, -1}
    config.data.path = str(path)
    with pytest.raises(DataError, match="the label 'aside'"):
        run_splits(run, saved, config)


def test_the_data_of_a_run_are_matched_where_they_have_changed(run, tmp_path):
    saved, config = load_model(run.model), run.read_config()
    config.data.path = str(_write(tmp_path / "moved.csv", ("z", "x", "y")))
    splits = run_splits(run, saved, config)
    assert splits.train.schema == splits.test.schema == saved.schema


def test_a_run_folder_of_before_is_read_with_the_options_of_its_configuration(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "old")
    file = tmp_path / "old" / "model" / "config.json"
    values = json.loads(file.read_text())
    assert values.pop("seen")
    assert values.pop("reader")
    file.write_text(json.dumps(values))
    saved = load_model(file.parent)
    assert saved.seen is None
    assert saved.reader == load_model(run.model).reader
    read_input(saved, _write(tmp_path / "mm.csv", scale=1000.0))  # not known: not warned of


@pytest.fixture(scope="module")
def kinect(tmp_path_factory):
    """A run on an .npz of frames (20, 3) whose layout only an option says."""
    folder = tmp_path_factory.mktemp("kinect")
    rng = np.random.default_rng(0)
    np.savez(folder / "s.npz", x=rng.normal(size=(12, 5, 20, 3)), y=np.arange(12) % 2)
    options = {"data.path": str(folder / "s.npz"), "data.options.layout": "kinect-20"}
    config = load_config("sequence", list((options | _SMALL).items()))
    return train(config, folder / "runs", console=Console(quiet=True))


def test_an_npz_of_one_person_is_read_as_in_training(kinect):
    saved = load_model(kinect.model)
    assert read_input(saved, kinect.read_config().data.path).sequences[0].shape == (5, 1, 20, 3)
    # Even without the layout (20, 3) is one person.
    assert read_input(saved, kinect.read_config().data.path, {"layout": None}).schema == saved.schema


def test_other_joints_than_those_of_the_training_are_asked_for_their_layout(kinect, tmp_path):
    saved = load_model(kinect.model)
    np.savez(tmp_path / "ntu.npz", x=np.random.default_rng(0).normal(size=(2, 5, 25, 3)))
    with pytest.raises(DataError, match="if these are other joints, name their layout: --option layout=NAME"):
        read_input(saved, tmp_path / "ntu.npz")
    assert read_input(saved, tmp_path / "ntu.npz", {"layout": "ntu-25"}).schema == saved.schema


def test_a_pickle_of_another_layout_is_converted_by_joint_name(kinect, tmp_path):
    saved = load_model(kinect.model)
    annotations = [pyskl_annotation(f"v{i}", i % 2, people=1, joints=25, coordinates=3) for i in range(4)]
    for annotation in annotations:
        annotation["keypoint"] = annotation["keypoint"] / 1000
    names = [annotation["frame_dir"] for annotation in annotations]
    content = {"split": {"train1": names[:2], "test1": names[2:]}, "annotations": annotations}
    data = read_input(saved, put_pickle(tmp_path / "ntu.pkl", content))
    assert data.schema == saved.schema
    hands = annotations[0]["keypoint"][0, :, 7]  # left hand of ntu-25, which is that of kinect-20
    assert np.allclose(data.sequences[0][:, 0, 7], hands, atol=1e-3)
