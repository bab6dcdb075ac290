"""Memory and time of a set larger than memory: converted, checked and trained on, beside the same set in memory.

    python -m benchmarks.larger_than_memory [--gigabytes 3] [--folder /tmp] [--devices 1 2] [--skip-arrow]

A set of random walks is written as an .npz file and goes through the commands of the package, each in a process of its
own, whose anonymous memory (RssAnon of all its processes together) is watched; what is mapped from files is not part of
it. A small set is trained on in both ways, and the weights are compared bit by bit. The order of storage is judged by
batches in random order: a list in memory, the stored set, and Arrow by Hugging Face's `datasets`. The sets are deleted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch
from numpy.lib import format as npy

from attentive_rnn.data import convert, get_source
from attentive_rnn.data.batch import collate
from attentive_rnn.data.dataset import Sample

FRAMES, FEATURES, CLASSES = 200, 150, 5  # of a sequence, as skeletons of two persons have
BATCH = 64
TRAIN = (
    *("--training.batch_size", str(BATCH), "--training.max_epochs", "1", "--training.select", "last"),
    *("--data.valid_fraction", "0.02"),
)
SMALL = ("--model.num_layers", "1", "--model.hidden_size", "16", "--model.gate", "null")  # little beside the loader


class Measured(NamedTuple):
    """What a command took."""

    seconds: float
    anonymous: int  # bytes of all its processes together, at most
    largest: int  # bytes of one of them, at most


def main() -> None:
    """Print the table of the command line's sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=3.0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--devices", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--skip-arrow", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="larger-than-memory-", dir=arguments.folder))
    try:
        compare_weights(folder)
        if not arguments.skip_arrow:
            compare_storage(folder)
        large(folder, arguments.gigabytes, arguments.devices)
    finally:
        shutil.rmtree(folder)


def large(folder: Path, gigabytes: float, devices: Sequence[int]) -> None:
    """Convert, check and train on a large set, and print a line for each."""
    count = int(gigabytes * 1e9) // (4 * FRAMES * FEATURES)
    source, stored = folder / "walks.npz", folder / "walks"
    write_walks(source, count)
    print(f"{count} sequences of {FRAMES} frames of {FEATURES} features, {source.stat().st_size / 1e9:.2f} GB")
    show("attentive data convert", run("data", "convert", str(source), str(stored)))
    source.unlink()
    show("attentive data check", run("data", "check", str(stored)))
    for number in devices:
        runs = folder / f"runs-{number}"
        took = run("train", "--data", str(stored), "--output-dir", str(runs), "--devices", str(number), *TRAIN, *SMALL)
        results = json.loads(next(runs.glob("**/results.json")).read_text())
        share = f"loader {100 * results['loading_share']:.1f} % of an epoch of {results['seconds_per_epoch']:.0f} s"
        show(f"attentive train --devices {number}", took, share)


def compare_weights(folder: Path) -> None:
    """Train on a small set in memory and stored; print whether the weights are the same."""
    source = folder / "few.npz"
    write_walks(source, 600)
    digests = {}
    for name, data in {"in memory": source, "stored": convert(source, folder / "few")}.items():
        runs = folder / f"runs {name}"
        run("train", "--data", str(data), "--output-dir", str(runs), *TRAIN)
        results = json.loads(next(runs.glob("**/results.json")).read_text())
        digests[name] = results["sha256"]["model/model.safetensors"]
    same = digests["in memory"] == digests["stored"]
    share = f"loader of the stored set {100 * results['loading_share']:.1f} % of the epoch"
    print(f"600 sequences, model of the recipe: weights {'the same to the bit' if same else 'DIFFERENT'}; {share}")


def compare_storage(folder: Path) -> None:
    """Print the throughput of random batches of a list in memory, a stored set, and Arrow by Hugging Face."""
    import datasets

    datasets.disable_progress_bars()
    source = folder / "some.npz"
    write_walks(source, 1000)
    in_memory = get_source("npz").read(source)
    stored = get_source("stored").read(convert(source, folder / "some"))
    features = datasets.Features(
        {"frames": datasets.LargeList(datasets.Value("float32")), "label": datasets.Value("int64")}
    )

    def rows() -> Iterator[dict[str, object]]:
        for sequence, label in zip(in_memory.sequences, in_memory.labels.tolist(), strict=True):
            yield {"frames": sequence.numpy().reshape(-1), "label": label}

    made = datasets.Dataset.from_generator(rows, features=features, cache_dir=str(folder / "arrow"), fingerprint="some")
    arrow = made.with_format("numpy")

    def row(i: int) -> Sample:
        item = arrow[i]
        return Sample(torch.from_numpy(item["frames"].reshape(-1, FEATURES).copy()), int(item["label"]), {})

    ways: dict[str, Callable[[int], Sample]] = {
        "a list in memory": in_memory.__getitem__,
        "the stored set": stored.__getitem__,
        "Arrow (datasets)": row,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    order = np.random.default_rng(0).permutation(len(in_memory))
    for start in range(0, 10 * BATCH, BATCH):
        for name, item in ways.items():
            began = time.perf_counter()
            collate([item(int(i)) for i in order[start : start + BATCH]])
            times[name].append(time.perf_counter() - began)
    bar = statistics.median(times["a list in memory"])
    for name, found in times.items():
        print(f"random batches of {BATCH}: {name}: {statistics.median(found) / bar:.2f} times the time of a list")


def write_walks(path: Path, count: int) -> None:
    """Write random walks, whose drift in a feature tells their class, as an .npz file, a sequence at a time."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, count)
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            shape = (count, FRAMES, FEATURES)
            npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for label in labels:
                steps = rng.standard_normal((FRAMES, FEATURES), dtype=np.float32)
                steps[:, label] += 0.1
                file.write(steps.cumsum(0, dtype=np.float32).data)
        with archive.open("y.npy", "w") as file:
            npy.write_array(file, labels)


def run(*words: str) -> Measured:
    """Run a command of the package to its end; an error of it ends this program."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "attentive_rnn", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peaks = [0, 0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            sizes = [anonymous(one) for one in family(process.pid)]
            peaks[0], peaks[1] = max(peaks[0], sum(sizes)), max(peaks[1], *sizes, 0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    said, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(said)
    return Measured(time.perf_counter() - began, *peaks)


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def anonymous(pid: int) -> int:
    """The anonymous memory of a process in bytes; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0)


def show(name: str, took: Measured, more: str = "") -> None:
    """Print the line of a command."""
    together = f"{took.anonymous / 1e9:.2f} GB of anonymous memory, {took.largest / 1e9:.2f} GB in one process"
    print(f"{name}: {together}; {took.seconds:.0f} s{f'; {more}' if more else ''}", flush=True)


if __name__ == "__main__":
    main()
