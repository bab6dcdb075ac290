"""`attentive sensors`, end to end, on data of which one feature, or joint, tells the class."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from attentive_rnn.cli import main
from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.data.formats import npz
from attentive_rnn.training import load_model, open_run
from explain.runs import image_run, number_run, plain_run, skeleton_run, small_run

__all__ = ["image_run", "number_run", "plain_run", "skeleton_run"]
TELLING = 2  # the feature that tells the class


@pytest.fixture
def planted(tmp_path):
    """A run on four features, of which one tells the class and is the loudest."""
    rng = np.random.default_rng(0)
    frames = 0.3 * rng.normal(size=(80, 6, 4))
    labels = [i % 2 for i in range(80)]
    frames[:, :, TELLING] += 3 * np.array(labels)[:, None] - 1.5
    metas = [{"name": f"{i}", "split": "test" if i >= 60 else "train"} for i in range(80)]
    sequences = list(torch.tensor(frames, dtype=torch.float32))
    schema = Schema(("low", "high"), (4,), features=tuple(f"channel {i}" for i in range(4)))
    (tmp_path / "planted.npz").write_bytes(npz.to_bytes(SequenceDataset(sequences, labels, metas, schema, "planted")))

    def make(**options):
        options |= {"training__max_epochs": "10", "optim__lr": "0.02", "optim__schedule": "constant"}
        return small_run(tmp_path, "paper/sequence", data__path=str(tmp_path / "planted.npz"), **options)

    return make


def sensors(run, *options):
    """The JSON of the command."""
    return main(["sensors", str(run.path), *options, "--json", "--quiet"])


def test_the_feature_that_tells_the_class_is_found_and_is_enough(planted, capsys):
    run = planted(data__valid_fraction="0.3")
    assert sensors(run) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["chosen"] == [f"channel {TELLING}"]
    assert said["of"] == 4
    assert said["curves"][0]["attended_input"] > said["curves"][0]["random"] + 0.1
    assert said["curves"][-1]["attended_input"] == said["curves"][-1]["random"]
    assert said["test"]["chosen"]["accuracy"] >= 0.9
    folder = run.explain / "sensors"
    assert {path.name for path in folder.iterdir()} == {"sensors.csv", "sensors.json", "sensors.png"}
    with open(folder / "sensors.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["kept"]) for row in rows] == [1, 2, 3, 4]
    assert sum(float(row["share_of_attended_input"]) for row in rows) == pytest.approx(1, abs=1e-5)
    alone = open_run(said["runs"]["chosen"])
    assert alone.read_config().data.augmentation[-1] == {"name": "keep", "elements": [TELLING]}
    saved = load_model(alone.model)
    noise = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    kept = saved.preprocessing(noise, np.random.default_rng(0))
    assert (kept[:, [0, 1, 3]] == 0).all()
    assert sensors(run) == 0  # the run that was trained then is taken over
    assert json.loads(capsys.readouterr().out)["runs"] == said["runs"]


def test_without_a_validation_part_folds_of_the_training_part_are_measured(planted, capsys):
    run = planted(data__valid_fraction="0", training__select="last")
    assert main(["sensors", str(run.path), "--tolerance", "5"]) == 0
    out = capsys.readouterr().out
    assert "accuracy in % on 60 sequences of the training part, in 3 folds" in out
    assert "<- chosen" in out
    assert "test accuracy with all 4: " in out


def test_of_a_skeleton_joints_are_chosen_and_the_others_are_absent_from_the_start(skeleton_run, tmp_path, capsys):
    assert sensors(skeleton_run, "--tolerance", "99", "--out", str(tmp_path)) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["chosen"]) == 1
    first, *rest = open_run(said["runs"]["chosen"]).read_config().data.preprocessing
    assert first["name"] == "keep"
    assert len(first["elements"]) == 3
    assert rest == skeleton_run.read_config().data.preprocessing
    assert (tmp_path / "sensors.png").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("plain_run", "its first layer has no gate"),
        ("number_run", "by the accuracy of classes"),
        ("image_run", "a run on images or maps"),
    ],
)
def test_a_run_that_has_nothing_to_choose_from_is_refused(name, reason, request, capsys):
    assert sensors(request.getfixturevalue(name)) == 2
    assert reason in capsys.readouterr().err


def test_a_tolerance_out_of_range_is_refused(capsys):
    assert main(["sensors", "runs/none", "--tolerance", "-1"]) == 2
    assert "--tolerance must be points from 0 to below 100, got -1.0" in capsys.readouterr().err
