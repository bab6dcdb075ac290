"""A step of one track; a thousand tracks in one step, against one each; a million frames of tracks that come and go.

    python -m benchmarks.tracks [--frames 1000000]

Networks of EleAtt-GRU layers on persons of 25 joints, with the paper's preprocessing, on one thread: everything between
the skeletons and the labels. Times are of the thread's own work, the two ways in turn, so that other processes count
little (`benchmarks.stream` has those by the clock); the memory is that of the process.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from attentive_rnn import EleAttGRU, SequenceClassifier
from attentive_rnn.data import OriginAtBodyCentre, Schema
from attentive_rnn.streaming import Recognizer
from attentive_rnn.training import SavedModel

TRACKS = 1000
ROUNDS = 12
PAPER = "3 x 100, the paper's"
NETWORKS = {PAPER: (100, 3, 2), "2 x 100": (100, 2, 1), "1 x 64": (64, 1, 1)}  # units, layers, persons


def saved(units: int, layers: int, persons: int) -> SavedModel:
    """An untrained model of skeletons."""
    torch.manual_seed(0)
    schema = Schema(classes=tuple(f"A{i}" for i in range(1, 61)), shape=(persons, 25, 3), layout="ntu-25")
    return SavedModel(SequenceClassifier(75 * persons, 60, units, layers).eval(), schema, OriginAtBodyCentre(1))


def latencies(model: SavedModel, frames: int = 20_000) -> str:
    """The p50 and p99 of a step of one track, from its frame to its label; and of a step of one layer, 75 to 100."""
    values = np.random.default_rng(0).normal(size=(TRACKS, *model.schema.shape)).astype(np.float32)
    recognizer, layer = Recognizer(model, hold=5), EleAttGRU(75, 100).eval()
    x, state, seconds = torch.randn(TRACKS, 1, 75), layer.step(torch.zeros(1, 75))[1], np.empty((2, frames))
    for i in range(frames):
        before = time.thread_time()
        recognizer.push(values[i % TRACKS])
        between = time.thread_time()
        _, state = layer.step(x[i % TRACKS], state)
        seconds[:, i] = between - before, time.thread_time() - between
    found = zip(("recogniser", "layer"), 1e6 * np.percentile(seconds, (50, 99), axis=1).T, strict=True)
    return "; ".join(f"{name} p50 {p50:.1f} us, p99 {p99:.1f} us" for name, (p50, p99) in found)


def together(model: SavedModel) -> str:
    """The row of a network in the table of times."""
    frames = np.random.default_rng(0).normal(size=(TRACKS, *model.schema.shape)).astype(np.float32)
    one, many = Recognizer(model, hold=5), Recognizer(model, hold=5)
    seconds, distance = np.empty((2, ROUNDS)), 0.0
    for i in range(ROUNDS):
        frames = np.roll(frames, 1, 0)
        before = time.thread_time()
        singles = [one.push(frame, track) for track, frame in enumerate(frames)]
        between = time.thread_time()
        results = many.push_together(frames, range(TRACKS))
        seconds[:, i] = between - before, time.thread_time() - between
        pairs = zip(singles, results, strict=True)
        distance = max(distance, *(float(np.abs(a.probabilities - b.probabilities).max()) for a, b in pairs))
    assert distance < 1e-6, f"a step of all tracks and one of each differ by {distance}"
    alone, all_at_once = 1e6 * np.median(seconds[:, 1:], 1) / TRACKS  # the first round begins the tracks
    return f"{alone:6.1f} us {all_at_once:6.1f} us {alone / all_at_once:6.1f} times   {distance:.0e}"


def come_and_go(model: SavedModel, count: int) -> tuple[float, float]:
    """MiB of memory after a tenth of so many frames and at the end, with tracks that last 1 to 100 frames."""
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(TRACKS, *model.schema.shape)).astype(np.float32)
    recognizer, left, new, memory = Recognizer(model, hold=5), dict[int, int](), 0, []
    done = 0
    while done < count:
        while len(left) < TRACKS // 2:
            left[new], new = int(rng.integers(1, 100)), new + 1
        recognizer.push_together(frames[: len(left)], list(left))
        done += len(left)
        for track in list(left):
            left[track] -= 1
            if left[track] == 0:
                recognizer.end(track)
                del left[track]
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return memory[len(memory) // 10], memory[-1]


def main() -> None:
    """Print the times of a frame, their ratio and the largest difference of a probability; then the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    count = parser.parse_args().frames
    torch.set_num_threads(1)
    with torch.no_grad():
        print(f"a step of one track       {latencies(saved(*NETWORKS[PAPER]))}")
    print(f"{TRACKS} tracks              one by one  together               differ by")
    for name, sizes in NETWORKS.items():
        print(f"{name:24} {together(saved(*sizes))}")
    tenth, end = come_and_go(saved(64, 1, 1), count)
    assert end < tenth + 4, f"memory grew from {tenth} to {end} MiB"
    print(f"{count} frames of tracks that come and go: {tenth:.1f} MiB at a tenth, {end:.1f} MiB at the end")


if __name__ == "__main__":
    main()
