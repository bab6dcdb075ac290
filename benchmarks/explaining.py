"""How faithful each explanation of a network is, on five data sets: which part of the input it really used.

    python -m benchmarks.explaining --data FOLDER [--only NAME ...] [--seeds 0 1 2]

trains a short recipe for each set and seed where that was not done before, measures it on the test part as `attentive
explain RUN --faithfulness` does, and puts the tables of all that was measured so far into docs/results-all.md, and
their lines for a fifth of the input into docs/results.md and docs/explain.md. FOLDER holds the data sets; those that
are not there are left out. What was measured is kept beside each run, so that the command may be stopped and called
again.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from docs.study import fill
from rich.console import Console

from attentive_rnn.data.io.files import read_json, write_json
from attentive_rnn.experiments import table
from attentive_rnn.experiments.runner import run_once
from attentive_rnn.explain.faithfulness import FRACTIONS, RANKINGS, Curves, Faithfulness, measure
from attentive_rnn.explain.faithfulness_table import SHARES, area, from_values, values
from attentive_rnn.training import Config, load_model
from attentive_rnn.training.recipes import read_recipe, resolve
from attentive_rnn.training.run_folder import list_runs
from attentive_rnn.training.setup import load_splits

DOCS = Path(__file__).resolve().parent.parent / "docs"
MEASURED = "faithfulness-measured.json"
_FIFTH = int(np.argmin(np.abs(FRACTIONS - 0.2)))
DELETION = "accuracy %, best 20 % taken out (low)"
MEASURES: dict[str, Callable[[Curves], float]] = {
    DELETION: lambda one: 100 * float(one.right_after_deletion[_FIFTH]),
    "area of insertion (high)": lambda one: float(area(one.insertion)),
    "CPD (high)": lambda one: float(one.difference),
    "CPP (low)": lambda one: float(one.preservation),
}


class Entry(NamedTuple):
    """A data set: where it lies in the folder, and the recipe with its changes."""

    path: str
    recipe: str
    changes: dict[str, str]


_SMALL = {"model.hidden_size": "64", "training.max_epochs": "60"}
ENTRIES = {
    "NATOPS": Entry("uea/NATOPS_TRAIN.ts.xz", "sequence", _SMALL),
    "RacketSports": Entry("uea/RacketSports_TRAIN.ts.xz", "sequence", _SMALL),
    "Epilepsy": Entry(
        "uea/Epilepsy_TRAIN.ts.xz",
        "sequence",
        _SMALL | {"data.preprocessing": "[{name: uniform_sampling, frames: 52}]"},
    ),
    "N-UCLA": Entry("nw-ucla/all_sqe.zip", "nucla", _SMALL | {"training.max_epochs": "30"}),
    "MSR-Action3D": Entry(
        "msr-action3d/MSRAction3DSkeletonReal3D.zip", "msr-action3d", _SMALL | {"model.num_layers": "2"}
    ),
}


def configuration(entry: Entry, folder: Path, seed: int) -> Config:
    """The configuration of one run."""
    changes = {**entry.changes, "data.path": str(folder / entry.path), "seed": str(seed), "device": "cpu"}
    return resolve(read_recipe(entry.recipe, list(changes.items())))


def add(entry: Entry, folder: Path, seed: int, output: Path) -> None:
    """Train and measure one run where that was not done before."""
    config = configuration(entry, folder, seed)
    splits = load_splits(config)
    run = run_once(config, output, splits, Console(stderr=True))
    path = run.path / MEASURED
    if not path.exists():
        found = measure(load_model(run.model), splits, seed)
        write_json(path, values([found]))


def measured(output: Path) -> dict[str, list[Faithfulness]]:
    """The outcomes of each data set that were measured so far, by seed."""
    found: dict[str, list[Faithfulness]] = {}
    for name in ENTRIES:
        runs = sorted(list_runs(output / name), key=lambda run: run.read_config().seed)
        paths = [run.path / MEASURED for run in runs if (run.path / MEASURED).exists()]
        if paths:
            found[name] = [from_values(read_json(path))[0] for path in paths]
    return found


def kept(outcomes: dict[str, list[Faithfulness]], shares: Sequence[float] = SHARES) -> str:
    """The accuracies with a share of the input kept, over all sets."""
    rows = []
    for name, found in outcomes.items():
        curves = {ranking: [one.curves[ranking].right_after_insertion for one in found] for ranking in RANKINGS}
        means = {ranking: 100 * np.mean(values, axis=0) for ranking, values in curves.items()}
        for share in shares:
            place = int(np.argmin(np.abs(FRACTIONS - share)))
            seeds = f"{len(found)} seed{'s' * (len(found) > 1)}"
            row = {"data set": f"{name} ({seeds})", "kept": f"{100 * share:.0f} %"}
            row |= {ranking: f"{means[ranking][place]:.1f}" for ranking in RANKINGS}
            rows.append(row | {"all kept": f"{means['attended input'][-1]:.1f}"})
    return f"{table.markdown(rows)}\n"


def others(outcomes: dict[str, list[Faithfulness]], names: Sequence[str] = tuple(MEASURES)) -> str:
    """What else was measured, over all sets."""
    rows = []
    for name, found in outcomes.items():
        curves = {ranking: [one.curves[ranking] for one in found] for ranking in RANKINGS}
        for name_of_measure in names:
            value, digits = MEASURES[name_of_measure], 1 if "%" in name_of_measure else 3
            means = {ranking: f"{np.mean([value(one) for one in of]):.{digits}f}" for ranking, of in curves.items()}
            rows.append({"data set": name, "measure": name_of_measure} | means)
    return f"{table.markdown(rows)}\n"


def commands(outcomes: dict[str, list[Faithfulness]]) -> str:
    """A line for each set: how its networks were trained, and with what the attended input correlates."""
    lines = []
    for name, found in outcomes.items():
        entry = ENTRIES[name]
        changes = " ".join(f"--{key} {shlex.quote(value)}" for key, value in entry.changes.items())
        with_gradients, with_random = (
            f"{np.mean([getattr(one, key) for one in found]):+.2f}" for key in ("with_gradients", "with_random_weights")
        )
        lines.append(
            f"* {name}, {found[0].count} test sequences, rank correlations {with_gradients} and {with_random}: "
            f"`attentive train {entry.recipe} --data {Path(entry.path).name} {changes}`\n"
        )
    return "".join(lines)


def write(outcomes: dict[str, list[Faithfulness]]) -> None:
    """Put the tables into the pages."""
    fill(DOCS / "results-all.md", {"explaining": kept(outcomes) + others(outcomes) + commands(outcomes)})
    fill(DOCS / "results.md", {"explaining": kept(outcomes, [0.2]) + others(outcomes, [DELETION])})
    fill(DOCS / "explain.md", {"kept": kept(outcomes, [0.2])})


def asked(
    words: list[str] | None, description: str | None, entries: Mapping[str, Entry], output_dir: str
) -> argparse.Namespace:
    """What the command line asks for: data, only, seeds and output_dir."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="where the data sets are")
    parser.add_argument("--only", nargs="+", default=list(entries), choices=entries, metavar="NAME", help="these sets")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="SEED", help="default: 0 1 2")
    parser.add_argument("--output-dir", type=Path, default=Path(output_dir), metavar="DIR", help="for the runs")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Measure what is not measured yet, seed by seed, and write the page."""
    arguments = asked(words, __doc__, ENTRIES, "runs/explaining")
    torch.set_num_threads(1)
    for seed in arguments.seeds:
        for name in arguments.only:
            if (arguments.data / ENTRIES[name].path).exists():
                add(ENTRIES[name], arguments.data, seed, arguments.output_dir / name)
    write(measured(arguments.output_dir))
    return 0


if __name__ == "__main__":
    sys.exit(main())
