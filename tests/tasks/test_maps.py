"""Maps of features from files to a trained model, and its attention against silhouettes."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from attentive_rnn.cli import main
from attentive_rnn.data import SequenceDataset, load
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.data.schema import Schema
from attentive_rnn.data.transforms import transform_from_config
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.explain.people import attention_on_people
from attentive_rnn.models import MapClassifier, SequenceClassifier
from attentive_rnn.training.saved_model import SavedModel
from films import write_film

CLIPS = [f"film{film}_{action}_u_nm_{clip}" for action in ("clap", "wave") for film in range(6) for clip in range(2)]


def action_of(clip):
    return clip.split("_")[1]


@pytest.fixture(scope="module")
def jhmdb(tmp_path_factory):
    """Two actions of six films of two clips; the action is told by the maps' first two channels at one place."""
    root, rng = tmp_path_factory.mktemp("jhmdb"), np.random.default_rng(0)
    (root / "splits").mkdir()
    lines = {"clap": [], "wave": []}
    for clip in CLIPS:
        maps = rng.random((3, 8, 7, 7)).astype(np.float16) / 4
        maps[:, int(action_of(clip) == "wave"), 3, 2] = 2.0
        arrays = {"features": maps.mean((2, 3)), "times": np.arange(3) * 8 / 30, "maps": maps}
        path = root / "features" / action_of(clip) / f"{clip}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_features(path, arrays, {"extractor_key": "a network", "every": "8"})
        lines[action_of(clip)].append(f"{clip}.avi {2 if clip.startswith('film0') else 1}")
    for action, own in lines.items():
        (root / "splits" / f"{action}_test_split1.txt").write_text("\n".join(own))
    silhouettes = np.zeros((len(CLIPS), 17, 30, 40), bool)
    silhouettes[:, :, 12:18, 10:20] = True
    bits = np.packbits(silhouettes.reshape(len(CLIPS) * 17, -1), axis=1)
    names = np.array([f"{action_of(clip)}/{clip}" for clip in CLIPS])
    np.savez(root / "silhouettes.npz", name=names, T=np.full(len(CLIPS), 17, np.int16), sil=bits)
    return root


def run_command(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return captured.out


def test_maps_become_a_model_whose_attention_is_scored_on_people(jhmdb, tmp_path, capsys):
    small = ["--vision.channels", "[6]", "--vision.hidden_size", "3", "--training.max_epochs", "2", "--device", "cpu"]
    small += ["--training.batch_size", "4", "--vision.dropout", "0", "--data.valid_fraction", "0.3"]
    text = run_command(capsys, "compare", "jhmdb-maps", "--data.path", jhmdb, *small, "--output-dir", tmp_path)
    assert "AttentionRNN" in text
    runs = sorted(path.parent for path in tmp_path.glob("*/*/*/results.json"))
    assert len(runs) == 6
    assert "test accuracy" in run_command(capsys, "evaluate", runs[0])
    run_command(capsys, "report", runs[0])
    assert "Confusion matrix" in (runs[0] / "report.html").read_text()
    assert "confusion.png" in run_command(capsys, "explain", runs[0])
    film = write_film(tmp_path / "film.mp4", 17)
    drawn = run_command(capsys, "explain", runs[0], "--item", 0, "--video", film)
    assert "-masks.png" in drawn
    assert main(["explain", str(runs[0]), "--item", "0"]) == 2
    assert "give the film with --video FILE" in capsys.readouterr().err
    shown = run_command(capsys, "silhouettes", jhmdb / "silhouettes.npz", *runs)
    assert shown.count("4 films, 12 frames") == 6
    assert shown.count("whose area is   5.0 %") == 6
    even = next(line for line in shown.splitlines() if line.startswith("none"))
    assert re.search(r"on the person +5\.0 % .*difference +-?0\.0 %", even)


def test_maps_have_the_number_of_frames_between_them(jhmdb):
    train = load("jhmdb", jhmdb, maps=True).train
    assert (train.schema.medium, train.schema.shape, len(train)) == ("maps", (8, 7, 7), 20)
    assert {meta["every"] for meta in train.metas} == {8}
    assert load("jhmdb", jhmdb).train.schema.shape == (8,)
    with pytest.raises(DataError, match="holds no maps"):
        load("jhmdb", jhmdb / "silhouettes.npz", maps=True, splits=jhmdb / "splits")


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


def test_another_network_than_maps_is_refused(jhmdb, capsys):
    assert main(["train", "jhmdb-maps", "--data.path", str(jhmdb), "--vision.network", "resnet"]) == 2
    assert "for maps of features it must be maps" in capsys.readouterr().err
