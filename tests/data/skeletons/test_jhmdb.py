"""JHMDB's clips as frame features: the official splits, films held out whole, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import Schema, load, read_sequences, recognise, validation_split
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.data.skeletons.jhmdb import _parts
from attentive_rnn.errors import ConfigError, DataError
from data.writers import put, write_jhmdb_joints


def _write(path, frames=4, dim=5, key="a network", value=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"features": np.full((frames, dim), value, np.float16), "times": np.arange(frames) / 30}
    write_features(path, arrays, {"extractor_key": key})


@pytest.fixture
def clips(tmp_path):
    """Two actions, four films of two clips each, and the split files beside the features."""
    (tmp_path / "splits").mkdir()
    for action in ("clap", "wave"):
        lines = []
        for film in range(4):
            for clip in range(2):
                name = f"film{film}_{action}_u_nm_{clip}"
                _write(tmp_path / "features" / action / f"{name}.safetensors", frames=3 + clip)
                lines.append(f"{name}.avi {2 if film == 0 else 1}")
        for split in (1, 2, 3):
            text = "\n".join(lines if split != 2 else lines[::-1]) + "\n"
            (tmp_path / "splits" / f"{action}_test_split{split}.txt").write_text(text)
    return tmp_path


def test_the_official_split_decides_and_films_are_validated_whole(clips):
    train, test = load("jhmdb", clips, split=1)
    assert (len(train), len(test)) == (12, 4)
    assert {m["subject"] for m in test.metas} == {"film0"}
    assert train.schema.classes == ("clap", "wave")
    assert train.schema.shape == (5,)
    assert train.schema.rate == 30.0
    assert sorted(set(train.lengths)) == [3, 4]
    rest, valid = validation_split(train, 0.5, seed=0)
    assert not {m["subject"] for m in rest.metas} & {m["subject"] for m in valid.metas}


def test_features_and_splits_may_be_apart(clips, tmp_path):
    moved = tmp_path / "elsewhere" / "made"
    moved.parent.mkdir()
    (clips / "features").rename(moved)
    with pytest.raises(DataError, match="splits=PATH"):
        load("jhmdb", moved)
    assert len(load("jhmdb", moved, splits=clips / "splits").test) == 4


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda p: {"split": 4}, ConfigError, "split must be 1, 2 or 3"),
        (lambda p: _write(p / "features/wave/new_wave_u.safetensors"), DataError, "not in the split files"),
        (lambda p: _write(p / "features/wave/film1_wave_u_nm_0.safetensors", dim=6), DataError, "another network"),
        (lambda p: _write(p / "features/wave/film1_wave_u_nm_0.safetensors", key="b"), DataError, "another network"),
        (lambda p: (p / "features/wave/film1_wave_u_nm_0.safetensors").write_bytes(b"x"), DataError, "film1_wave"),
    ],
)
def test_what_does_not_fit_is_one_error(clips, spoil, error, message):
    options = spoil(clips)
    with pytest.raises(error, match=message):
        load("jhmdb", clips, **(options if isinstance(options, dict) else {}))


def test_videos_without_features_say_what_to_run(tmp_path):
    (tmp_path / "videos").mkdir()
    with pytest.raises(DataError, match="attentive features"):
        load("jhmdb", tmp_path)


def test_any_folder_of_features_is_a_data_set(clips):
    folder = clips / "features"
    assert recognise(folder).name == "frame-features"
    train, test = load("frame-features", folder, test_fraction=0.5)
    assert len(train) + len(test) == 16
    one = read_sequences(folder / "wave" / "film1_wave_u_nm_1.safetensors")
    assert (len(one), one.lengths.tolist(), one.labels.tolist()) == (1, [4], [-1])
    (clips / "parts").mkdir()
    folder.rename(clips / "parts" / "train")
    _write(clips / "parts" / "test" / "clap" / "x.safetensors")
    train, test = load("frame-features", clips / "parts")
    assert (len(train), len(test)) == (16, 1)


@pytest.fixture
def poses(clips):
    """The skeletons of the same clips, but of one in which nobody was found."""
    names = sorted(f"{p.parent.name}/{p.stem}" for p in (clips / "features").rglob("*.safetensors"))
    names.remove("wave/film0_wave_u_nm_0")
    np.savez(
        clips / "poses.npz",
        sequences=np.random.default_rng(0).normal(size=(3 * len(names), 1, 33, 3)).astype(np.float32),
        lengths=np.full(len(names), 3),
        labels=np.array([name.startswith("wave") for name in names], dtype=np.int64),
        name=np.array(names),
        schema=np.array(json.dumps(Schema(("clap", "wave"), (1, 33, 3), layout="mediapipe-33", rate=30.0).to_dict())),
    )
    return clips / "poses.npz"


def test_poses_of_the_clips_follow_the_official_splits_too(poses, tmp_path):
    train, test = load("jhmdb", poses)
    assert (len(train), len(test)) == (12, 3)
    assert {m["subject"] for m in test.metas} == {"film0"}
    np.savez(tmp_path / "other.npz", sequences=np.zeros((4, 1, 33, 3), np.float32), lengths=[4], labels=[0])
    with pytest.raises(DataError, match="sequence 0 is not named CLASS/CLIP"):
        load("jhmdb", tmp_path / "other.npz")


def test_features_and_poses_are_fused_clip_by_clip(clips, poses, tmp_path, capsys):
    small = ["--model.hidden_size", "2", "--training.max_epochs", "1", "--data.valid_fraction", "0.5"]
    for path in (clips, poses):
        call = ["train", "jhmdb", "--data.path", str(path), "--data.augmentation", "[]", *small]
        assert main([*call, "--output-dir", str(tmp_path / path.stem)]) == 0
    runs = [str(next((tmp_path / path.stem / "jhmdb").iterdir())) for path in (clips, poses)]
    capsys.readouterr()
    assert main(["fuse", *runs]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("without 1 sequences")
    assert lines[2].endswith("4 sequences)")
    for name in ("clap/a", "clap/b", "clap/c", "clap/d", "wave/e", "wave/f", "wave/g", "wave/h"):
        _write(tmp_path / "other" / f"{name}.safetensors")
    call = ["train", "sequence", "--data.path", str(tmp_path / "other"), "--data.options.test_fraction", "0.5"]
    assert main([*call, *small, "--output-dir", str(tmp_path / "third")]) == 0
    third = str(next((tmp_path / "third" / "sequence").iterdir()))
    capsys.readouterr()
    assert main(["fuse", runs[0], third]) == 2
    assert "tests no sequence of" in capsys.readouterr().err


def test_table1_trains_each_split_and_prints_the_means_beside_the_papers(clips, tmp_path, capsys):
    small = ["--model.hidden_size", "2", "--training.max_epochs", "1", "--data.valid_fraction", "0.5"]
    call = ["reproduce", "table1", "--data", str(clips), "--output-dir", str(tmp_path / "runs"), *small]
    assert main([*call, "--seeds", "0", "1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0].strip("| ") for line in lines[1:]] == [
        *(f"{model}, split {split}" for model in ("Baseline-GRU", "EleAtt-GRU") for split in (1, 2, 3)),
        "Baseline-GRU, mean",
        "EleAtt-GRU, mean",
    ]
    values = [float(line.split(" | ")[2]) for line in lines[1:]]
    assert values[6] == pytest.approx(np.mean(values[:3]), abs=0.1)
    assert values[7] == pytest.approx(np.mean(values[3:6]), abs=0.1)
    assert [line.rstrip(" |").split(" | ")[-1] for line in lines[-2:]] == ["60.9", "62.9"]


RNG = np.random.default_rng(0)


@pytest.fixture
def jhmdb(tmp_path):
    for name in ("wave", "clap"):
        write_jhmdb_joints(tmp_path / "joint_positions", [f"{name}/{name} {i}" for i in (1, 2, 3)])
        lines = f"{name} 1.avi 1\n{name} 2.avi 2\n{name} 3.avi 0\n"
        put(tmp_path / "splits" / f"{name}_test_split1.txt", lines.encode())
    return tmp_path


def test_jhmdb_follows_the_official_split_beside_it(jhmdb):
    train, test = load("jhmdb-joints", jhmdb / "joint_positions")
    assert train.groups("name").tolist() == ["clap/clap 1", "wave/wave 1"]
    assert test.groups("name").tolist() == ["clap/clap 2", "wave/wave 2"]
    assert train.schema.classes == ("clap", "wave")
    assert train[0].sequence.shape == (3, 1, 15, 2)
    assert load("jhmdb-joints", jhmdb / "joint_positions", positions="image").train[0].sequence.min() >= 0
    assert recognise(jhmdb / "joint_positions").name == "jhmdb-joints"


def test_jhmdb_without_its_splits_is_refused_with_what_to_do(jhmdb):
    joints = jhmdb / "joint_positions"
    with pytest.raises(DataError, match=r"holds no CLASS_test_split2.txt"):
        load("jhmdb-joints", joints, split=2)
    with pytest.raises(ConfigError, match="split must be 1, 2 or 3"):
        load("jhmdb-joints", joints, split=4)
    with pytest.raises(ConfigError, match="positions must be one of"):
        load("jhmdb-joints", joints, positions="depth")
    write_jhmdb_joints(joints, ["wave/new"])
    with pytest.raises(DataError, match="the clip wave/new is not in the split files"):
        load("jhmdb-joints", joints)
    (jhmdb / "splits" / "wave_test_split1.txt").write_text("wave 1.avi\n")
    with pytest.raises(DataError, match=r"wave_test_split1.txt, line 1: must be CLIP.avi and 0, 1 or 2"):
        load("jhmdb-joints", joints)
    (jhmdb / "splits").rename(jhmdb / "elsewhere")
    with pytest.raises(DataError, match="give their folder or zip with splits=PATH"):
        load("jhmdb-joints", joints)


def test_jhmdb_takes_the_real_split_files(shared_data, tmp_path):
    parts = _parts(shared_data / "jhmdb" / "splits.zip", 1)
    assert [sum(v == part for v in parts.values()) for part in (1, 2)] == [660, 268]
