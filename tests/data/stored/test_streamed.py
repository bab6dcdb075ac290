"""Conversion a sequence at a time: what readers hand over lies on the disk, and the set is the one read in memory."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import wavfile

from attentive_rnn.data import convert, get_source, read_sequences
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.data.stored import spool
from attentive_rnn.data.stored.spool import on_disk
from attentive_rnn.errors import ConfigError
from data.generic import assert_same
from data.writers import nucla_content, nucla_name, write_nucla_zip


def npz(folder, save=np.savez):
    rng = np.random.default_rng(0)
    lengths = np.array([3, 5, 2])
    values = {"sequences": rng.normal(size=(10, 2)), "lengths": lengths, "labels": np.array(["a", "b", "a"])}
    save(folder / "set.npz", **values)
    return folder / "set.npz"


def packed(folder):
    return npz(folder, np.savez_compressed)


def parts(folder):
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        np.save(folder / f"{part}_data.npy", rng.normal(size=(4, 7, 3)))
        np.save(folder / f"{part}_labels.npy", np.array([0, 1, 0, 1]))
    return folder


def hdf5(folder):
    with h5py.File(folder / "set.h5", "w") as file:
        file["x"] = np.random.default_rng(0).normal(size=(6, 9, 4))
        file["y"] = np.arange(6) % 2
    return folder / "set.h5"


def table(folder):
    rows = [f"{i},{'ab'[i % 2]},{i * t}.5,{t * t % 3}" for i in range(4) for t in range(5)]
    (folder / "t.csv").write_text("\n".join(["id,label,x,y", *rows]))
    return folder / "t.csv"


def folders(folder):
    for i in range(4):
        (folder / "set" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        np.save(folder / "set" / "ab"[i % 2] / f"{i}.npy", np.random.default_rng(i).normal(size=(3 + i, 2)))
    return folder / "set"


def tables(folder):
    for i in range(4):
        (folder / "set" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        rows = [f"{i * t},{t * t % 3}.5" for t in range(4)]
        (folder / "set" / "ab"[i % 2] / f"{i}.csv").write_text("\n".join(["x,y", *rows]))
    return folder / "set"


def sounds(folder):
    for i in range(2):
        (folder / "set" / "ab"[i]).mkdir(parents=True)
        noise = np.random.default_rng(i).integers(-3000, 3000, 8000).astype(np.int16)
        wavfile.write(folder / "set" / "ab"[i] / "0.wav", 16000, noise)
    return folder / "set"


def features(folder):
    for i in range(3):
        values = np.random.default_rng(i).normal(size=(4, 5)).astype(np.float16)
        arrays = {"features": values, "times": np.arange(4.0)}
        (folder / "set" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        write_features(folder / "set" / "ab"[i % 2] / f"{i}.safetensors", arrays, {"extractor_key": "k"})
    return folder / "set"


def skeletons(folder):
    rng = np.random.default_rng(0)
    names = [nucla_name(a, s, 0, v) for a in (1, 2) for s in (1, 2) for v in (1, 3)]
    return write_nucla_zip(folder / "s.zip", {n: nucla_content(n, rng.normal(size=(4, 20, 3))) for n in names})


def mapped(sequence, folder):
    """Whether the values lie in a map of a file of a folder."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= sequence.data_ptr() < last:
            return str(folder) in line
    return False


@pytest.mark.parametrize(
    "make", [npz, packed, parts, hdf5, table, folders, tables, sounds, features, skeletons], ids=lambda f: f.__name__
)
def test_sequences_go_to_the_disk_as_they_are_read_and_the_stored_set_is_the_same(tmp_path, monkeypatch, make):
    monkeypatch.setattr(spool, "_SMALL", 0)
    monkeypatch.setattr(spool, "_CHUNK", 2**16)
    (tmp_path / "data").mkdir()
    (tmp_path / "spool").mkdir()
    path = make(tmp_path / "data")
    wanted = read_sequences(path)
    with on_disk(tmp_path / "spool"):
        found = read_sequences(path)
    assert all(mapped(s, tmp_path / "spool") for s in found.sequences)
    assert_same(found, wanted)
    stored = get_source("stored").read(convert(path, tmp_path / "stored"))
    assert len(stored) == len(wanted)
    if all("name" in meta for meta in wanted.metas):
        known = {meta["name"]: s for meta, s in zip(wanted.metas, wanted.sequences, strict=True)}
        for meta, sequence in zip(stored.metas, stored.sequences, strict=True):
            np.testing.assert_array_equal(sequence.numpy(), known[meta["name"]].numpy())


def test_a_folder_is_replaced_only_when_told_to_and_if_it_is_a_stored_set(tmp_path):
    source, out = table(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("")
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match="is there, and is no stored set; give another path"):
            convert(source, out, overwrite=overwrite)
    made = convert(source, tmp_path / "made")
    with pytest.raises(ConfigError, match="is there already"):
        convert(source, made)
    before = len(get_source("stored").read(made))
    assert len(get_source("stored").read(convert(source, made, overwrite=True))) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made", "out", "t.csv"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    (tmp_path / "x_TRAIN.ts").write_text("damaged")
    with pytest.raises(Exception, match="line 1"):
        convert(tmp_path / "x_TRAIN.ts", tmp_path / "set")
    assert [p.name for p in tmp_path.iterdir()] == ["x_TRAIN.ts"]
