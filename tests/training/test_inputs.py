"""Files are read for a model as its training data were, and matched to it."""

from __future__ import annotations

import csv
import json
import shutil
import warnings

import h5py
import numpy as np
import pytest
import torch
from rich.console import Console

from attentive_rnn.cli import main
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


def test_a_run_in_a_layout_of_ones_own_needs_its_file_no_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own.yaml"
    own.write_text("joints: [Pelvis, Head, LHand, RHand]\nbones: [[0, 1], [0, 2], [0, 3]]\n")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 5, 4, 3)) * 0.05 + np.array([[0, 0, 0], [0, 0, 0.6], [0.3, 0, 0.2], [-0.3, 0, 0.2]])
    np.savez("d.npz", x=x, y=np.array(["up", "down"] * 6), subject=np.arange(12) // 2 % 3)
    assert main(["train", "d.npz", "--option", "layout=own.yaml", "--training.max_epochs", "1", "--device", "cpu"]) == 0
    own.unlink()
    (folder,) = (tmp_path / "runs" / "skeleton").glob("2*")
    saved = load_model(folder / "model")
    assert saved.schema.layout.joints == ("pelvis", "head", "left hand", "right hand")
    assert saved.schema.up == "+z"  # as the training data stand
    assert len(read_input(saved, "d.npz")) == 12
    assert main(["evaluate", str(folder)]) == 0
    assert main(["predict", str(folder), "d.npz"]) == 0


def test_a_run_keeps_the_units_that_an_option_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(12, 5, 20, 3)) * 300
    np.savez("mm.npz", x=x, y=["up", "down"] * 6)
    np.savez("metres.npz", x=x / 1000)
    options = {"data.path": "mm.npz", "data.options.layout": "kinect-20", "data.options.units": "millimetres"}
    run = train(load_config("skeleton", list((options | _SMALL).items())), "runs", console=Console(quiet=True))
    saved = load_model(run.model)
    assert saved.schema.units == "millimetres"
    again, other = read_input(saved, "mm.npz"), read_input(saved, "metres.npz", {"units": "metres"})
    assert np.array_equal(again.sequences[0].numpy(), x[0][:, None].astype(np.float32))
    assert np.allclose(other.sequences[0].numpy(), again.sequences[0].numpy(), rtol=1e-6)
    assert "metres" in " ".join(other.notes)


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


def test_features_of_hdf5_in_another_order_give_the_same_answers(run, tmp_path):
    saved = load_model(run.model)
    usual = read_input(saved, _write(tmp_path / "usual.csv"))
    x = torch.stack(list(usual.sequences)).numpy()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"], file["features"] = x[..., ::-1], np.array(["z", "y", "x"], dtype=object)
        file["y"] = np.array(["up", "down"], dtype=object)[np.arange(24) % 2]
    other = read_input(saved, tmp_path / "other.h5")
    assert all(torch.equal(a, b) for a, b in zip(usual.sequences, other.sequences, strict=True))
    assert usual.labels.tolist() == other.labels.tolist()


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


@pytest.fixture(scope="module")
def unsure(tmp_path_factory):
    """A run on pixels with a score, of which a table has the names, that hides joints of a score below 0.4."""
    folder = tmp_path_factory.mktemp("unsure")
    x = _poses()
    columns = [f"{axis}{v}" for v in range(17) for axis in ("x", "y", "score")]
    with open(folder / "d.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", *columns])
        writer.writerows([i, i % 2, *frame.ravel()] for i, case in enumerate(x.tolist()) for frame in np.array(case))
    options = {"data.path": str(folder / "d.csv"), "data.options.layout": "coco-17", "data.options.seed": "5"}
    config = load_config("skeleton", list((options | _SMALL | {"data.options.min_confidence": "0.4"}).items()))
    return train(config, folder / "runs", console=Console(quiet=True))


def _poses():
    rng = np.random.default_rng(3)
    return np.concatenate([rng.uniform(1, 300, (12, 5, 17, 2)), rng.uniform(0.05, 1, (12, 5, 17, 1))], -1).round(3)


def _stored(folder, kind):
    """The poses of the run in another format, and the part of the reader's options that says so."""
    x = _poses()
    if kind == "npz":
        np.savez(folder / "d.npz", x=x, y=np.arange(12) % 2)
        return folder / "d.npz"
    if kind == "pyskl":
        annotations = [
            pyskl_annotation(f"v{i}", i % 2, frames=5, keypoint=case[None, ..., :2], keypoint_score=case[None, ..., 2])
            for i, case in enumerate(x)
        ]
        names = [annotation["frame_dir"] for annotation in annotations]
        split = {"train1": names[:8], "test1": names[8:]}
        return put_pickle(folder / "d.pkl", {"split": split, "annotations": annotations})
    for i, case in enumerate(x):
        (folder / "d" / str(i % 2)).mkdir(parents=True, exist_ok=True)
        np.save(folder / "d" / str(i % 2) / f"{i:02}.npy", case)
    return folder / "d"


@pytest.mark.parametrize("kind", ["npz", "pyskl", "folders"])
def test_what_a_value_means_is_as_in_training_in_another_format(unsure, tmp_path, kind):
    saved = load_model(unsure.model)
    assert saved.schema.vector == (2, 3)
    usual = read_input(saved, unsure.read_config().data.path)
    other = read_input(saved, _stored(tmp_path, kind))
    order = np.argsort(np.arange(12) % 2, kind="stable") if kind == "folders" else np.arange(12)
    hidden = _poses()[..., 2] < 0.4
    for i, j in enumerate(order):
        torch.testing.assert_close(other.sequences[i], usual.sequences[j])
        assert torch.equal((other.sequences[i][:, 0] == 0).all(-1), torch.from_numpy(hidden[j]))


@pytest.mark.parametrize("kind", ["npz", "pyskl", "folders"])
def test_the_data_of_a_run_may_be_in_another_format(unsure, tmp_path, kind):
    saved, path = load_model(unsure.model), _stored(tmp_path, kind)
    config = unsure.read_config(str(path))
    assert config.data.source == kind
    assert config.data.options["min_confidence"] == 0.4
    assert config.data.options.get("seed") == (None if kind == "pyskl" else 5)
    splits = run_splits(unsure, saved, config)
    assert len(splits.train) + len(splits.test) == 12
    hidden = sum(int((s == 0).all(-1).sum()) for part in (splits.train, splits.test) for s in part.sequences)
    assert hidden == (_poses()[..., 2] < 0.4).sum()


def test_a_file_that_alone_tells_no_confidence_is_read_as_in_training(unsure, tmp_path):
    x = _poses()[:1]
    x[..., :2] /= 300
    np.savez(tmp_path / "d.npz", x=x[:, :, None], y=[0])
    with pytest.raises(DataError, match="can be a confidence or a coordinate"):
        read_sequences(tmp_path / "d.npz")
    with pytest.warns(DataWarning, match="1/"):
        data = read_input(load_model(unsure.model), tmp_path / "d.npz")
    assert data.schema.vector == (2, 3)
    assert torch.equal((data.sequences[0][:, 0] == 0).all(-1), torch.from_numpy(x[0, ..., 2] < 0.4))


def test_columns_of_joints_in_another_order_give_the_same_joints(unsure, tmp_path):
    saved, path = load_model(unsure.model), unsure.read_config().data.path
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    order = np.random.default_rng(0).permutation(len(header))
    with open(tmp_path / "d.csv", "w", newline="") as file:
        csv.writer(file).writerows([row[i] for i in order] for row in [header, *rows])
    one, other = read_input(saved, path), read_input(saved, tmp_path / "d.csv")
    assert all(torch.equal(a, b) for a, b in zip(one.sequences, other.sequences, strict=True))
    renamed = tmp_path / "renamed.csv"
    renamed.write_text((tmp_path / "d.csv").read_text().replace("score3", "score33"))
    with pytest.raises(DataError, match="score"):
        read_input(saved, renamed)


@pytest.mark.parametrize("told_by", ["values", "names"])
def test_a_confidence_is_not_taken_for_the_depth_that_a_model_takes(kinect, tmp_path, told_by):
    saved, rng = load_model(kinect.model), np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(3, 5, 20, 2)), rng.uniform(0.1, 1, (3, 5, 20, 1))], -1)
    if told_by == "values":
        path = tmp_path / "d.npz"
        np.savez(path, x=x * [300, 300, 1])
    else:
        path = tmp_path / "d.csv"
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", *[f"{axis}{v}" for v in range(20) for axis in ("x", "y", "score")]])
            writer.writerows([i, *frame.ravel()] for i, case in enumerate(x) for frame in case)
    with pytest.raises(DataError, match=r"is a confidence, by .*, but the model takes x, y and z"):
        read_input(saved, path)
    if told_by == "values":
        np.savez(path, x=np.tile(x * [300, 300, 1], (4, 1, 1, 1)), y=np.arange(12) % 2)
        with pytest.raises(DataError, match="has 2 coordinates in 3 numbers, but the model takes 3 in 3"):
            run_splits(kinect, saved, kinect.read_config(str(path)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        assert read_input(saved, path, {"coordinates": 3}).schema == saved.schema


def test_the_rate_of_a_file_goes_before_that_of_the_training_and_a_typed_one_before_both(tmp_path):
    plain, own = _write(tmp_path / "plain.csv"), tmp_path / "own.npz"
    options = {"data.path": str(plain), "data.options.label": "truth", "data.options.rate": "20"}
    run = train(load_config("sequence", list((options | _SMALL).items())), tmp_path, console=Console(quiet=True))
    saved = load_model(run.model)
    assert saved.schema.rate == 20.0
    assert len(read_input(saved, plain)) == 24
    assert len(read_input(saved, convert(plain, tmp_path / "same.npz", label="truth", rate=20))) == 24
    convert(plain, own, label="truth", rate=60)
    with pytest.raises(DataError, match=r"own.npz: has 60 frames per second, but .* trained with 20; .*rate=20"):
        read_input(saved, own)
    assert len(read_input(saved, own, {"rate": 20})) == 24


def test_windows_in_seconds_are_of_the_rate_of_the_training_where_a_file_says_none(tmp_path):
    path = _write(tmp_path / "plain.csv")
    words = {"label": "truth", "window": "0.2s", "rate": "20"}
    options = {"data.path": str(path)} | {f"data.options.{key}": value for key, value in words.items()}
    run = train(load_config("sequence", list((options | _SMALL).items())), tmp_path, console=Console(quiet=True))
    read = read_input(load_model(run.model), path)
    assert set(read.lengths.tolist()) == {4}
