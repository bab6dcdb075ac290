"""Processor time of long tables beside polars: from a file to a tensor and a label for each sequence, and polars alone.

    python -m benchmarks.long_tables [--sequences 1600] [--repeats 5]

A table of random numbers (100 rows for each sequence, 12 features) is written as .csv and .parquet into a temporary
folder. All competitors take turns in one process; ratios of medians and of minima are printed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import torch

from attentive_rnn.data import get_source

ROWS, FEATURES = 100, 12  # of a sequence


def main() -> None:
    """Print the ratios for both formats."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sequences", type=int, default=1600)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    table = made(arguments.sequences)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, write, read in (("csv", "write_csv", pl.read_csv), ("parquet", "write_parquet", pl.read_parquet)):
            path = Path(folder, f"table.{suffix}")
            getattr(table, write)(path)
            compare(path, read, arguments.repeats)


def made(sequences: int) -> pl.DataFrame:
    """A long table."""
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(sequences), ROWS)
    values = rng.normal(size=(len(number), FEATURES)).round(5)
    return pl.DataFrame(
        {
            "id": [f"s{i}" for i in number],
            "time": np.tile(np.arange(ROWS), sequences),
            "label": ["abc"[i % 3] for i in number],
            **{f"f{i}": values[:, i] for i in range(FEATURES)},
        }
    )


def sequences_of(table: pl.DataFrame) -> list[tuple[torch.Tensor, str]]:
    """The frames and the label of each sequence, by polars."""
    groups = table.sort("id", "time", maintain_order=True).group_by("id", maintain_order=True)
    return [
        (torch.from_numpy(rows.drop("id", "time", "label").to_numpy().astype(np.float32)), rows["label"][0])
        for _, rows in groups
    ]


def compare(path: Path, read: Callable[[Path], pl.DataFrame], repeats: int) -> None:
    """Print the ratios of the processor times of a file."""
    source = get_source("table")
    ways = {
        "this package": lambda: source.read(path),
        "polars, to sequences": lambda: sequences_of(read(path)),
        "polars, the table alone": lambda: read(path),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            began = time.process_time()
            way()
            if turn:  # the first one imports
                times[name].append(time.process_time() - began)
    own = times.pop("this package")
    for name, others in times.items():
        middle, least = statistics.median(own) / statistics.median(others), min(own) / min(others)
        print(f"{path.suffix}: {middle:.2f} times the processor time of {name} (of minima {least:.2f})")


if __name__ == "__main__":
    main()
