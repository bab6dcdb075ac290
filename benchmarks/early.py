"""Accuracy by the share of a sequence that is seen, of a model trained for early answers and of the same without.

    python -m benchmarks.early DATA [--seeds 0 1 2] [--out runs/early] [--set KEY=VALUE ...]

Both are chosen as by `attentive train DATA --live`; one has `training.early`. They take turns over the seeds. Finished
runs in the folder are taken over, so that the command may be stopped and called again.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from attentive_rnn.experiments.early import SHARES, accuracy_by_share
from attentive_rnn.experiments.runner import run_once
from attentive_rnn.training.automatic import choose
from attentive_rnn.training.saved_model import load_model


def main() -> None:
    """Print the table: a row for each way to train, the mean over the seeds at each share, and the lowest of a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/early"))
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="of the recipe, for both")
    arguments = parser.parse_args()
    overrides = [("data.path", arguments.data), *(tuple(one.split("=", 1)) for one in arguments.set)]
    _, config, splits, why = choose(overrides, live=True)
    print(why)
    found: dict[bool, list[list[float]]] = {False: [], True: []}
    for seed in arguments.seeds:
        for early, accuracies in found.items():
            one = replace(config, seed=seed, training=replace(config.training, early=early))
            run = run_once(one, arguments.out, splits, Console(stderr=True, quiet=True))
            by_share = accuracy_by_share(load_model(run.model), splits.test)
            accuracies.append([100 * share.accuracy for share in by_share])
            print(f"seed {seed}, early {early}: {' '.join(f'{value:.1f}' for value in accuracies[-1])}", flush=True)
    print(table({"as usual": found[False], "`training.early`": found[True]}))


def table(found: dict[str, Sequence[Sequence[float]]]) -> str:
    """Rows of Markdown: the mean over the seeds, and in brackets the lowest and the highest."""
    lines = ["| trained | " + " | ".join(f"{share} %" for share in SHARES) + " |", "|---" + "|--:" * len(SHARES) + "|"]
    for name, runs in found.items():
        cells = [f"{statistics.mean(seen):.1f} ({min(seen):.0f}-{max(seen):.0f})" for seen in zip(*runs, strict=True)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
