"""The fewest sensors of NATOPS and the fewest joints of Northwestern-UCLA, and what a model of these alone reaches.

    python -m benchmarks.sensors --data FOLDER [--only NATOPS] [--seeds 0 1 2]

trains each gate for each seed where that was not done before, does with it what `attentive sensors RUN` does, adds a
row to docs/sensors.csv, and puts the table into docs/results.md. N-UCLA, which takes an hour, is done with the first
gate and the first seed alone. FOLDER holds the data sets; those that are not there are left out. A row is written after
each run, so that the command may be stopped and called again; two processes may work on one set each.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from docs.study import fill
from rich.console import Console

from attentive_rnn.experiments.runner import run_once
from attentive_rnn.experiments.table import markdown
from attentive_rnn.explain.sensors import ATTENDED, DISTANCE, RANDOM, choose
from attentive_rnn.tasks.metrics import Interval, student
from attentive_rnn.training import load_model
from attentive_rnn.training.run_folder import read_rows
from attentive_rnn.training.setup import load_splits

from . import explaining, rows
from .explaining import Entry, configuration

_CLOSED = {"training.attention_penalty": "1"}
GATES = {"sigmoid": {}, "sigmoid, penalty 1": _CLOSED, "hard, penalty 1": _CLOSED | {"model.gate": "hard"}}
SETS = {
    "NATOPS": Entry("uea/NATOPS_TRAIN.ts.xz", "natops", {"training.select": "last"}),
    "N-UCLA": Entry("nw-ucla/all_sqe.zip", "nucla", {"training.max_epochs": "60"}),
}
LONG = "N-UCLA"  # one run of it, since each takes five trainings of minutes


@dataclass(frozen=True)
class Line:
    """One run and what was chosen by it.

    Args:
        name: of the data set.
        gate: one of GATES.
        seed: of the run.
        attention: the mean of the first layer in the last epoch; None where it is not penalised, and not measured.
        attended, distance, random: accuracies with the first 1 .. G kept by each ranking, (G,), on sequences that the
            model was not trained on.
        chosen: the names of the chosen ones.
        kept: how many they are.
        test, low, high: accuracy of the run on the test part, with Wilson's interval.
        alone, alone_low, alone_high: that of the run on the chosen ones alone; where all are needed the same.
        version: of the package.
    """

    name: str
    gate: str
    seed: int
    attention: float | None
    attended: tuple[float, ...]
    distance: tuple[float, ...]
    random: tuple[float, ...]
    chosen: str
    kept: int
    test: float
    low: float
    high: float
    alone: float
    alone_low: float
    alone_high: float
    version: str


def measured(name: str, gate: str, seed: int, folder: Path, output: Path) -> Line:
    """Train a run where that was not done before, and choose its sensors."""
    entry = SETS[name]
    config = configuration(entry._replace(changes=entry.changes | GATES[gate]), folder, seed)
    console, splits = Console(stderr=True), load_splits(config)
    run = run_once(config, output / name, splits, console)
    found = choose(run, load_model(run.model), splits, config, None, console)
    attended, distance, chance = (tuple(map(float, found.curves[by])) for by in (ATTENDED, DISTANCE, RANDOM))
    test, alone = (one.read_results()["test"] for one in (run, found.alone or run))
    return Line(
        name=name,
        gate=gate,
        seed=seed,
        attention=read_rows(run.metrics)[-1].get("train_attention"),
        attended=attended,
        distance=distance,
        random=chance,
        chosen="; ".join(found.chosen),
        kept=found.kept,
        test=test["accuracy"],
        low=test["accuracy_interval_95"][0],
        high=test["accuracy_interval_95"][1],
        alone=alone["accuracy"],
        alone_low=alone["accuracy_interval_95"][0],
        alone_high=alone["accuracy_interval_95"][1],
        version=version("attentive-rnn"),
    )


def table(lines: Sequence[Line]) -> str:
    """The lines of the page, a line for each gate: means over its seeds."""
    found = []
    for name in SETS:
        for gate in GATES:
            runs = sorted((one for one in lines if (one.name, one.gate) == (name, gate)), key=lambda one: one.seed)
            if runs:
                found.append(_row(runs))
    return markdown(found)


def _row(runs: Sequence[Line]) -> dict[str, str]:
    seeds, count = " ".join(str(one.seed) for one in runs), len(runs[0].attended)
    means = [np.mean([getattr(one, key) for one in runs], axis=0) for key in ("attended", "distance", "random")]
    closed = [one.attention for one in runs if one.attention is not None]

    def kept(number: int) -> str:
        return f"{' / '.join(f'{100 * curve[number - 1]:.1f}' for curve in means)} ({number})"

    return {
        "data set (seeds)": f"{runs[0].name} ({seeds})",
        "gate": runs[0].gate,
        "mean attention at the end": f"{statistics.mean(closed):.2f}" if closed else "not penalised",
        "half kept": kept(count // 2),
        "two thirds kept": kept(2 * count // 3),
        "mean of the curve": " / ".join(f"{100 * curve.mean():.1f}" for curve in means),
        "test, all": _accuracy([Interval(one.test, one.low, one.high) for one in runs]),
        "chosen": f"{', '.join(str(one.kept) for one in runs)} of {count}",
        "test, these alone, trained again": _accuracy(
            [Interval(one.alone, one.alone_low, one.alone_high) for one in runs]
        ),
    }


def _accuracy(found: Sequence[Interval]) -> str:
    """The mean with Student's interval; of one run its own interval, of two none."""
    value, low, high = student([one.value for one in found]) if len(found) > 1 else found[0]
    return f"{100 * value:.1f}" + (f" ({100 * low:.1f} to {100 * high:.1f})" if len(found) != 2 else "")


def main(words: list[str] | None = None) -> int:
    """Measure what the file lacks, seed by seed, and write the page."""
    arguments = explaining.asked(words, __doc__, SETS, "runs/sensors")
    torch.set_num_threads(1)
    path = explaining.DOCS / "sensors.csv"
    there = {(one.name, one.gate, one.seed) for one in rows.read(path, Line)}
    wanted = [(name, gate, seed) for seed in arguments.seeds for name in arguments.only for gate in GATES]
    first = next(iter(GATES)), arguments.seeds[0]
    for name, gate, seed in wanted:
        new = (name, gate, seed) not in there and (name != LONG or (gate, seed) == first)
        if new and (arguments.data / SETS[name].path).exists():
            rows.add(path, measured(name, gate, seed, arguments.data, arguments.output_dir))
    if lines := rows.read(path, Line):
        fill(explaining.DOCS / "results.md", {"sensors": table(lines)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
