"""The time of a frame in a stream, and a check that a stream of a million frames keeps its time and memory.

    python -m benchmarks.stream [--frames 1000000]

The paper's network (3 x 100 EleAtt-GRU) on two persons of 25 joints (150 inputs), with the paper's preprocessing, frame
by frame on one thread: everything between a skeleton and the probabilities, the smoothed label and the segments.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import OriginAtBodyCentre, Schema
from attentive_rnn.streaming import Recognizer
from attentive_rnn.training import SavedModel

CHUNK = 1000
ATTENDED = 20_000  # frames of which the attention is asked for too


def main() -> None:
    """Print the latency, the memory and the distance from the chunks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    count = parser.parse_args().frames
    torch.set_num_threads(1)
    torch.manual_seed(0)
    schema = Schema(classes=tuple(f"A{i}" for i in range(1, 61)), shape=(2, 25, 3), layout="ntu-25")
    saved = SavedModel(SequenceClassifier(150, 60).eval(), schema, OriginAtBodyCentre(1))
    frames = np.random.default_rng(0).normal(size=(CHUNK, 2, 25, 3)).astype(np.float32)
    single, chunks = Recognizer(saved, hold=5), Recognizer(saved, hold=5)
    watched = Recognizer(saved, hold=5, need_attention=True)
    # Written once, so that memory which grows is not that of these times, touched page by page.
    seconds, with_attention = np.full(count, np.nan), np.full(min(count, ATTENDED), np.nan)
    memory, distance = [], 0.0
    for start in range(0, count, CHUNK):
        for i in range(CHUNK):
            before = time.perf_counter()
            result = single.push(frames[i])
            seconds[start + i] = time.perf_counter() - before
        wanted = chunks.push_chunk(frames)[-1]
        distance = max(distance, float(np.abs(result.probabilities - wanted.probabilities).max()))
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    for i in range(len(with_attention)):
        before = time.perf_counter()
        watched.push(frames[i % CHUNK])
        with_attention[i] = time.perf_counter() - before
    assert distance < 1e-5, f"a stream and its chunks differ by {distance}"
    p50, p99 = (1e6 * np.percentile(seconds, share) for share in (50, 99))
    print(f"frames            {count}, one thread, torch {torch.__version__}, {single.saved.model.layers.last_backend}")
    print(f"latency           p50 {p50:.1f} us, p99 {p99:.1f} us, least {1e6 * seconds.min():.1f} us")
    print(f"with attention    p50 {1e6 * np.median(with_attention):.1f} us")
    tenth = len(memory) // 10
    assert memory[-1] < memory[tenth] + 4, f"memory grew from {memory[tenth]} to {memory[-1]} MiB"
    print(f"memory            {memory[tenth]:.1f} MiB at a tenth, {memory[-1]:.1f} MiB at the end")
    print(f"frames or chunks  probabilities differ by at most {distance:.1e} at {count // CHUNK} places")


if __name__ == "__main__":
    main()
