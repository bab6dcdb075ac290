"""The time to read a data set: the best of a few times, in seconds on the clock and of the processor.

python -m benchmarks.reading all_sqe.zip [--repeats 5]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from attentive_rnn.data import recognise


def main() -> None:
    """Read the data set of the command line and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("path", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    source = recognise(arguments.path)
    clock, processor = [], []
    for _ in range(arguments.repeats):
        began = time.perf_counter(), time.process_time()
        parts = source.load(arguments.path)
        clock.append(time.perf_counter() - began[0])
        processor.append(time.process_time() - began[1])
    sequences = sum(len(part) for part in parts)
    frames = sum(int(part.lengths.sum()) for part in parts)
    print(
        f"{arguments.path.name}: {sequences} sequences, {frames} frames in {min(clock):.2f} s "
        f"({min(processor):.2f} s of the processor)"
    )


if __name__ == "__main__":
    main()
