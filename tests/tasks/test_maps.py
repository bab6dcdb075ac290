"""Maps of features from files to a trained model, and its attention against silhouettes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import load
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.errors import DataError
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
    assert shown.count("4 videos, 12 frames") == 6
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


def test_another_network_than_maps_is_refused(jhmdb, capsys):
    assert main(["train", "jhmdb-maps", "--data.path", str(jhmdb), "--vision.network", "resnet"]) == 2
    assert "for maps of features it must be maps" in capsys.readouterr().err
