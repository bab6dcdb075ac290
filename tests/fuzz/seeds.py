"""Small valid inputs of every reader, and how each is read.

A target writes its files into an empty folder and reads them there. What it returns is compared with what the unchanged
files gave: the number of sequences.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from attentive_rnn.data import SequenceDataset, get_source, recognise
from attentive_rnn.data.formats import npz, parquet
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.data.stored import layout as stored
from data import writers
from data.generic import made

RNG = np.random.default_rng(0)
SMALL = [("model.hidden_size", "4"), ("model.num_layers", "1"), ("training.max_epochs", "1"), ("device", "cpu")]


class UnexpectedError(Exception):
    """A result that is wrong although nothing was raised."""


@dataclass(frozen=True)
class Target:
    """What is damaged and read.

    Args:
        make: writes valid files into a folder.
        read: reads the folder; returns how much there was, as "sequences", and what was said of it.
        files: the pattern of the files that are damaged.
    """

    make: Callable[[Path], Any]
    read: Callable[[Path, int], tuple[int, Any]]
    files: str = "*"


def put(path: Path, content: Any) -> Path:
    return writers.put(path, content if isinstance(content, bytes) else str(content).encode())


def _text(rows: Any, separator: str = " ", end: str = "\n") -> str:
    return "".join(separator.join(f"{v:.5g}" for v in np.ravel(row)) + end for row in rows)


def dataset_target(source: str, make: Callable[[Path], Any], at: str = "", **options: Any) -> Target:
    """A reader's: what it reads is finite, and counted."""

    def read(folder: Path, number: int) -> tuple[int, Any]:
        path = folder / at
        if number % 2:
            parts = list(get_source(source).load(path, **options).parts().values())
        else:
            if number % 4:
                recognise(path)
            parts = [get_source(source).read(path, **options)]
        for part in parts:
            if isinstance(part, SequenceDataset) and not all(s.isfinite().all() for s in part.sequences):
                raise UnexpectedError("a value is not finite")
            part.labels, part.metas  # noqa: B018
        return sum(map(len, parts)), [note for part in parts for note in part.notes]

    return Target(make, read)


def _made(to_bytes: Callable[[SequenceDataset], bytes], name: str) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        data = made((3,), features=("x", "y", "z"), counts=(3, 2, 4, 2, 3, 2, 3, 4))
        data.labels = np.arange(len(data)) % 2
        put(folder / name, to_bytes(data))

    return make


def table(folder: Path, name: str = "gestures.csv") -> Path:
    lines = ["id,frame,x,y,label"]
    for i in range(12):
        lines += [f"{i},{t},{RNG.normal():.4f},{RNG.normal() + i % 2:.4f},{'ab'[i % 2]}" for t in range(3 + i % 3)]
    return put(folder / name, "\n".join(lines) + "\n")


def _packed(name: str) -> Callable[[Path], Any]:
    import gzip
    import lzma

    def make(folder: Path) -> None:
        plain = table(folder)
        pack = {"gz": gzip.compress, "xz": lzma.compress}[name.rpartition(".")[2]]
        put(folder / name, pack(plain.read_bytes()))
        plain.unlink()

    return make


def _folders(folder: Path) -> None:
    for label in ("a", "b"):
        for i in range(3):
            x = RNG.normal(size=(3, 2))
            put(folder / "set" / label / f"{i}.csv", "x,y\n" + _text(x, ","))


def _array_folders(folder: Path) -> None:
    for label in ("a", "b"):
        for i, name in enumerate(("0.npy", "1.npy", "2.npz")):
            path = folder / "set" / label / name
            path.parent.mkdir(parents=True, exist_ok=True)
            x = RNG.normal(size=(3, 2)).astype(np.float32)
            np.save(path, x) if i < 2 else np.savez(path, sequence=x)


def _ts(folder: Path) -> None:
    for part in ("TRAIN", "TEST"):
        cases = [RNG.normal(size=(4, 2)).round(3) for _ in range(6)]
        put(folder / f"X_{part}.ts", writers.ts_text(cases, ["a", "b"] * 3, ("a", "b")))


def _ucr(folder: Path) -> None:
    for part in ("TRAIN", "TEST"):
        rows = [f"{i % 2}\t" + "\t".join(f"{v:.3f}" for v in RNG.normal(size=5)) for i in range(6)]
        put(folder / f"X_{part}.tsv", "\n".join(rows) + "\n")


def _arff(folder: Path) -> None:
    head = "@relation made\n@attribute seq relational\n @attribute t0 numeric\n @attribute t1 numeric\n@end seq\n"
    for part in ("TRAIN", "TEST"):
        rows = "'1,2\\n3,4',up\n'5,6\\n7,8',down\n'1,2\\n2,1',up\n"
        put(folder / f"X_{part}.arff", head + "@attribute class {up,down}\n@data\n" + rows)


def _ntu(folder: Path) -> None:
    names = [f"S001C00{c}P00{p}R001A00{a}" for c in (1, 2) for p in (1, 3) for a in (1, 2)]
    writers.write_ntu(folder / "ntu", {name: writers.one(writers.person(3)) for name in names})


def _ntu_rgb(folder: Path) -> None:
    (folder / "films").mkdir()
    for name in (f"S001C00{c}P00{p}R001A00{a}_rgb" for c in (1, 2) for p in (1, 3) for a in (1, 2)):
        _features(folder / "films" / f"{name}.safetensors")


def _features(path: Path, maps: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"features": RNG.normal(size=(40, 9)).astype(np.float16), "times": np.arange(40) / 10}
    write_features(path, arrays, {"extractor_key": "one", "every": "1"})


def _videos(folder: Path) -> None:
    for label in ("a", "b"):
        for i in range(3):
            _features(folder / "set" / label / f"{i}.safetensors")


def _nucla(folder: Path) -> None:
    names = [writers.nucla_name(a, 1, 0, v) for a in (1, 2) for v in (1, 2, 3)]
    contents = {name: writers.nucla_content(name, RNG.normal(size=(3, 20, 3)).round(3)) for name in names}
    writers.write_nucla_zip(folder / "skeletons.zip", contents)


def _msr(folder: Path) -> None:
    for a in (1, 2):
        for s in (1, 2):
            put(folder / "set" / f"a0{a}_s0{s}_e01_skeleton3D.txt", _text(RNG.normal(size=(40, 4))))


def _utd(folder: Path) -> None:
    for a in (1, 2):
        for s in (1, 2):
            put(folder / "set" / f"a{a}_s{s}_t1_skeleton.mat", writers.mat(d_skel=RNG.normal(size=(20, 3, 3))))


def _sysu(folder: Path) -> None:
    for person in ("ann", "bob"):
        for a in range(1, 13):
            put(folder / "set" / person / f"video{a}" / "sklWorld.mat", writers.mat(SW=RNG.normal(size=(20, 3, 2))))


def _jhmdb_lists(folder: Path, clips: list[str]) -> None:
    for split in (1, 2, 3):
        lines = [f"{clip}.avi {1 + i % 2}" for i, clip in enumerate(clips)]
        put(folder / "splits" / f"clap_test_split{split}.txt", "\n".join(lines) + "\n")


def _jhmdb(folder: Path) -> None:
    clips = [f"film{i}_clap_u_nm_0" for i in range(4)]
    for clip in clips:
        _features(folder / "features" / "clap" / f"{clip}.safetensors")
    _jhmdb_lists(folder, clips)


def _jhmdb_joints(folder: Path) -> None:
    clips = [f"film{i}_clap_u_nm_0" for i in range(4)]
    writers.write_jhmdb_joints(folder / "joint_positions", [f"clap/{clip}" for clip in clips])
    _jhmdb_lists(folder, clips)


def _shrec(folder: Path) -> None:
    for subject, name in ((1, "train_gestures.txt"), (2, "test_gestures.txt")):
        lines = []
        for gesture in (1, 14):
            place = folder / "set" / f"gesture_{gesture}" / "finger_1" / f"subject_{subject}" / "essai_1"
            put(place / "skeletons_world.txt", _text(RNG.normal(size=(3, 66))))
            lines.append(f"{gesture} 1 {subject} 1 {gesture} {2 * gesture - 1} 2\n")
        put(folder / "set" / name, "".join(lines))


def _shrec_depth(folder: Path) -> None:
    rows = np.array([[1 + i, 1 + i % 2, i, 1, 1, 1, 40] for i in range(6)], np.int16)
    depth = RNG.integers(0, 256, (6, 2, 50, 50), dtype=np.uint8)
    hand = RNG.uniform(0, 480, (6, 2, 9)).astype(np.float16)
    np.savez(folder / "shrec17_depth2.npz", depth=depth, hand=hand, rows=rows, n_train=np.array(4))


def _sfinge(folder: Path) -> None:
    for gesture in (1, 13):
        for i in range(1, 4):
            content = _text(RNG.normal(size=(2, 140)), ";", ";\n")
            put(folder / "set" / "Dictionary" / str(gesture) / f"{i}.txt", content)


def _pyskl(folder: Path) -> None:
    writers.put_pickle(folder / "set.pkl", writers.pyskl_content())


def _keypoints(folder: Path) -> None:
    for label in ("raise", "lower"):
        for k in range(2):
            for t in range(3):
                pose = RNG.uniform(1, 500, (18, 3)).round(1).ravel().tolist()
                content = json.dumps({"people": [{"pose_keypoints_2d": pose}]})
                put(folder / "set" / label / f"c{k}" / f"c{k}_{t:012}_keypoints.json", content)


def _keypoint_films(folder: Path) -> None:
    for label in ("raise", "lower"):
        for k in range(2):
            found = [
                {"image_id": f"{t}.jpg", "keypoints": RNG.uniform(1, 9, 51).round(1).tolist(), "score": 2, "idx": 1}
                for t in range(3)
            ]
            put(folder / "set" / label / f"c{k}.json", json.dumps(found))


def _npy(folder: Path) -> None:
    for part in ("train", "val"):
        np.save(folder / f"{part}_data.npy", RNG.normal(size=(4, 3, 5, 18, 1)).astype(np.float32))
        writers.put_pickle(folder / f"{part}_label.pkl", ([f"{part}{i}" for i in range(4)], [0, 1, 0, 1]))


def _parts_npz(folder: Path) -> None:
    x = RNG.normal(size=(6, 9, 2)).astype(np.float32)
    y = np.arange(6) % 2
    np.savez(folder / "parts.npz", x_train=x, y_train=y, x_test=x + 1, y_test=y)


def _mnist(folder: Path, zipped: bool = False) -> None:
    (folder / "mnist").mkdir()
    writers.write_mnist(folder / "mnist", 10, 10, zipped)


def _cifar_pickles(folder: Path) -> None:
    def batch(count: int = 3) -> dict[str, Any]:
        return {"data": RNG.integers(0, 255, (count, 3072)).astype(np.uint8), "labels": [0, 1, 1][:count]}

    (folder / "cifar").mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        writers.put_pickle(folder / "cifar" / name, batch())
    writers.put_pickle(folder / "cifar" / "batches.meta", {"label_names": ["cat", "dog"]})


def _cifar_tar(folder: Path) -> None:
    import tarfile

    writers.write_cifar_jpegs(folder / "in", 2, 1)
    with tarfile.open(folder / "cifar.tar.gz", "w:gz") as archive:
        archive.add(folder / "in", ".")
    shutil.rmtree(folder / "in")


def _cifar_binaries(folder: Path) -> None:
    (folder / "cifar").mkdir()
    writers.write_cifar_binaries(folder / "cifar", 2)


def _imdb(folder: Path) -> None:
    for part in ("train", "test"):
        put(folder / "imdb" / f"{part}.tsv", '0\t2\tA "dull" film.<br />Dull!\n1\t9\tGreat film, it\'s\n' * 2)


SCENES = {"image_size": 40, "train": 6, "test": 4}


def _captures(folder: Path) -> None:
    for label in ("a", "b"):
        for i in range(3):
            put(
                folder / "set" / label / f"{i}.c3d",
                writers.c3d_file(RNG.normal(size=(4, 3, 3)), ("hip", "knee", "toe")),
            )


def _sounds(folder: Path) -> None:
    from scipy.io import wavfile

    for label in ("a", "b"):
        for i in range(3):
            path = folder / "set" / label / f"{i}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            wavfile.write(path, 8000, (3000 * RNG.normal(size=1200)).astype(np.int16))


def _hdf5(folder: Path) -> None:
    import h5py

    with h5py.File(folder / "set.h5", "w") as file:
        file["x"] = RNG.normal(size=(6, 5, 2))
        file["y"] = np.arange(6) % 2


def _mat(folder: Path) -> None:
    from scipy.io import savemat

    savemat(folder / "set.mat", {"x": RNG.normal(size=(6, 5, 2)), "y": np.arange(6) % 2})


def _stored(folder: Path) -> None:
    data = made((3,), features=("x", "y", "z"), counts=(3, 2, 4, 2, 3, 2, 3, 4))
    data.labels = np.arange(len(data)) % 2
    (folder / "set").mkdir()
    stored.write(folder / "set", data, shard=100)


READERS: dict[str, Target] = {
    "audio": dataset_target("audio", _sounds, "set", sample_rate=8000),
    "c3d": dataset_target("c3d", _captures, "set"),
    "hdf5": dataset_target("hdf5", _hdf5, "set.h5", order="NTD"),
    "hdf5 (.mat)": dataset_target("hdf5", _mat, "set.mat", order="NTD"),
    "uea": dataset_target("uea", _ts),
    "ucr": dataset_target("ucr", _ucr),
    "arff": dataset_target("arff", _arff),
    "ntu-rgbd": dataset_target("ntu-rgbd", _ntu, "ntu"),
    "ntu-rgb": dataset_target("ntu-rgb", _ntu_rgb, "films"),
    "msr-action3d": dataset_target("msr-action3d", _msr, "set"),
    "utd-mhad": dataset_target("utd-mhad", _utd, "set"),
    "sysu": dataset_target("sysu", _sysu, "set"),
    "jhmdb": dataset_target("jhmdb", _jhmdb),
    "jhmdb-joints": dataset_target("jhmdb-joints", _jhmdb_joints),
    "shrec17": dataset_target("shrec17", _shrec, "set"),
    "shrec17-depth": dataset_target("shrec17-depth", _shrec_depth, "shrec17_depth2.npz"),
    "sfinge3d": dataset_target("sfinge3d", _sfinge, "set"),
    "pyskl": dataset_target("pyskl", _pyskl, "set.pkl"),
    "keypoints": dataset_target("keypoints", _keypoints, "set"),
    "keypoints (films)": dataset_target("keypoints", _keypoint_films, "set"),
    "nucla": dataset_target("nucla", _nucla, "skeletons.zip"),
    "cifar": dataset_target("cifar", _cifar_binaries, "cifar"),
    "cifar (pickles)": dataset_target("cifar", _cifar_pickles, "cifar"),
    "cifar (pictures)": dataset_target("cifar", _cifar_tar, "cifar.tar.gz"),
    "mref": dataset_target("mref", _mnist, "mnist", **SCENES),
    "mdist": dataset_target("mdist", _mnist, "mnist", **SCENES),
    "scene-questions": dataset_target("scene-questions", _mnist, "mnist", **SCENES),
    "scene-editing": dataset_target("scene-editing", _mnist, "mnist", **SCENES),
    "pixels": dataset_target("pixels", _mnist, "mnist"),
    "pixels (.gz)": dataset_target("pixels", lambda folder: _mnist(folder, True), "mnist"),
    "frame-features": dataset_target("frame-features", _videos, "set"),
    "imdb": dataset_target("imdb", _imdb, "imdb"),
    "text": dataset_target("text", _imdb, "imdb/train.tsv", text="column 3", label="column 1"),
    "npz": dataset_target("npz", _made(npz.to_bytes, "made.npz"), "made.npz"),
    "npz (parts)": dataset_target("npz", _parts_npz, "parts.npz"),
    "npy": dataset_target("npy", _npy, "train_data.npy"),
    "table": dataset_target("table", table, "gestures.csv"),
    "table (.gz)": dataset_target("table", _packed("gestures.csv.gz"), "gestures.csv.gz"),
    "table (.xz)": dataset_target("table", _packed("gestures.csv.xz"), "gestures.csv.xz"),
    "table (.parquet)": dataset_target("table", _made(parquet.to_bytes, "made.parquet"), "made.parquet"),
    "stored": dataset_target("stored", _stored, "set"),
    "folders": dataset_target("folders", _folders, "set"),
    "folders (arrays)": dataset_target("folders", _array_folders, "set"),
}

torch.set_num_threads(1)
