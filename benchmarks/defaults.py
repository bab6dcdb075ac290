"""The automatic recipe beside the best hand-tuned one and MiniRocket, on the data sets of the study.

    python -m benchmarks.defaults [--data FOLDER] [--only NAME ...] [--seeds 0 1 2] [--models default minirocket]

adds the rows that docs/defaults.csv lacks, and puts the table into docs/results.md. FOLDER holds the data sets as for
docs/study.yaml; sets that are not there are left out. MiniRocket is aeon's and needs `pip install aeon`. A row is
written after each run, so that the command may be stopped and called again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from docs.study import CHOICE, fill
from rich.console import Console

from attentive_rnn.data import SequenceDataset, preprocess
from attentive_rnn.data.transforms.sampling import between_frames
from attentive_rnn.errors import installed
from attentive_rnn.experiments.runner import run_once
from attentive_rnn.experiments.study import Entry, read_study
from attentive_rnn.experiments.table import Row, StudyTable, markdown
from attentive_rnn.tasks.metrics import wilson
from attentive_rnn.training.automatic import Choice, choose
from attentive_rnn.training.recipes import read_recipe
from attentive_rnn.training.saved_model import load_model
from attentive_rnn.training.setup import fit_preprocessing

DOCS = Path(__file__).resolve().parent.parent / "docs"
MODELS = ("default", "minirocket")


def entries() -> list[Entry]:
    """The first entry of the study for each data set, those that train fast first."""
    found: dict[str, Entry] = {}
    for entry in read_study(DOCS / "study.yaml").entries:
        if not entry.name.startswith(CHOICE):
            found.setdefault(entry.data or entry.recipe, entry)
    fast = ["BasicMotions", "JapaneseVowels", "RacketSports", "NATOPS", "Epilepsy", "MSR-Action3D", "SFINGE3D"]
    return sorted(found.values(), key=lambda entry: (entry.name not in fast, entry.name))


def hand_tuned(table: StudyTable, entry: Entry, model: str = "") -> tuple[float, str] | None:
    """The best mean test accuracy of a single network on a data set in the study, and which; None without rows.

    Only networks whose name has ``model`` in it count.
    """
    study = read_study(DOCS / "study.yaml")
    same = [one.name for one in study.entries if one.data == entry.data and (entry.data or one.recipe == entry.recipe)]
    means = {
        (name, runs[min(runs)].model): statistics.mean(row.test for row in runs.values())
        for name in same
        if not name.startswith(CHOICE)
        for runs in table.of(name).values()
        if model in runs[min(runs)].model
    }
    if not means:
        return None
    name, best = max(means, key=lambda key: means[key])
    return means[name, best], best if name == entry.name else f"{best}, {name}"


def chosen(entry: Entry, folder: Path | None, seed: int) -> Choice | None:
    """What the automatic recipe makes of a data set; None where the set is not there."""
    overrides = [("seed", str(seed))]
    if entry.data is None:
        overrides.append(("data.source", str(read_recipe(entry.recipe).data.source)))
    elif folder is None or not (folder / entry.data).exists():
        return None
    else:
        overrides.append(("data.path", str(folder / entry.data)))
    return choose(overrides)


def trained(entry: Entry, choice: Choice, output: Path) -> Row:
    """A run of the automatic recipe."""
    run = run_once(choice.config, output / choice.recipe, choice.splits, Console(stderr=True))
    results, model = run.read_results(), load_model(run.model).model
    test = results["test"]
    unseen = test["without_copies"]["accuracy"] if "without_copies" in test else None
    return Row(
        name=entry.name,
        recipe=choice.recipe,
        variant="default",
        model=f"{model.config['num_layers']}-EleAtt-{model.config['cell'].upper()}({model.config['hidden_size']})",
        seed=choice.config.seed,
        parameters=results["parameters"],
        epochs=results["epochs"],
        validation=None,
        test=test["accuracy"],
        low=test["accuracy_interval_95"][0],
        high=test["accuracy_interval_95"][1],
        unseen=unseen,
        seconds=round(results["seconds"], 1),
        command=command(entry, choice.config.seed),
        version=version("attentive-rnn"),
    )


def command(entry: Entry, seed: int) -> str:
    """The command that trains the same run."""
    data = entry.data or f"--data.source {read_recipe(entry.recipe).data.source}"
    return f"attentive train {data} --seed {seed}"


def minirocket(entry: Entry, choice: Choice) -> Row:
    """MiniRocket on the same parts, after the same centring of bodies, with all sequences brought to one length."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    train, test, labels, truth = of_aeon(choice)
    began, seed = time.perf_counter(), choice.config.seed
    model = MiniRocketClassifier(random_state=seed, n_jobs=1).fit(train, labels)
    right = model.predict(test) == truth
    accuracy, low, high = wilson(int(right.sum()), len(right))
    return Row(
        name=entry.name,
        recipe="aeon",
        variant="minirocket",
        model="MiniRocket",
        seed=seed,
        parameters=0,
        epochs=0,
        validation=None,
        test=accuracy,
        low=low,
        high=high,
        unseen=None,
        seconds=round(time.perf_counter() - began, 1),
        command=f"aeon {version('aeon')}, MiniRocketClassifier(random_state={seed})",
        version=version("attentive-rnn"),
    )


def of_aeon(choice: Choice) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The training and test sequences (N, D, frames) for aeon's classifiers, bodies centred, and the labels of both."""
    plain = replace(choice.config.data, standardise=False)
    fitted = fit_preprocessing(plain, choice.splits.train)
    train, test = (preprocess(part, fitted) for part in (choice.splits.train, choice.splits.test))
    assert isinstance(train, SequenceDataset)
    assert isinstance(test, SequenceDataset)
    frames = max(9, int(train.lengths.max()))  # their kernels are nine frames long
    return of_one_length(train, frames), of_one_length(test, frames), train.labels, test.labels


def of_one_length(dataset: SequenceDataset, frames: int) -> np.ndarray:
    """The sequences (N, D, frames), drawn out by linear interpolation where they are shorter."""
    places = torch.linspace(0, 1, frames, dtype=torch.float64)
    drawn = [between_frames(s.flatten(1), places * (len(s) - 1), None) for s in dataset.sequences]
    return torch.stack(drawn).transpose(1, 2).double().numpy()


def table(rows: StudyTable, study: StudyTable) -> str:
    """The table for the page, and how often the automatic recipe keeps up and is ahead."""
    lines, within, ahead, compared, tuned = [], 0, 0, 0, 0
    for entry in entries():
        runs, best, gated = rows.of(entry.name), hand_tuned(study, entry), hand_tuned(study, entry, "EleAtt")
        means = {model: statistics.mean(row.test for row in runs[model].values()) for model in MODELS if model in runs}
        own = means.get("default")
        lines.append(
            {
                "data set": entry.name,
                "automatic %": _cell(rows, entry.name, "default"),
                "hand-tuned %": "" if best is None else f"{100 * best[0]:.1f} ({best[1]})",
                "hand-tuned EleAtt-GRU %": "" if gated is None else f"{100 * gated[0]:.1f}",
                "MiniRocket %": _cell(rows, entry.name, "minirocket"),
                "minus hand-tuned": "" if own is None or best is None else f"{100 * (own - best[0]):+.1f}",
                "minus MiniRocket": "" if len(means) < 2 else f"{100 * (means['default'] - means['minirocket']):+.1f}",
            }
        )
        if own is not None and best is not None:
            tuned += 1
            within += own >= best[0] - 0.01
        if len(means) == 2:
            compared += 1
            ahead += means["default"] > means["minirocket"]
    return (
        f"{markdown(lines)}\nMean test accuracy; in brackets the seeds. The automatic recipe is above the hand-tuned "
        f"one or within a point of it on {within} of {tuned} sets, and ahead of MiniRocket on {ahead} of {compared}.\n"
    )


def _cell(rows: StudyTable, name: str, model: str) -> str:
    runs = rows.of(name).get(model)
    if not runs:
        return "not run"
    mean = statistics.mean(row.test for row in runs.values())
    return f"{100 * mean:.1f} ({' '.join(map(str, sorted(runs)))})"


def main(words: list[str] | None = None) -> int:
    """Train what the table lacks, seed by seed, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [entry.name for entry in entries()]
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where the study's data sets are")
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME", help="these sets only")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="SEED", help="default: 0 1 2")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS, help="default: both")
    parser.add_argument("--output-dir", type=Path, default=Path("runs/defaults"), metavar="DIR", help="for the runs")
    arguments = parser.parse_args(words)
    rows = StudyTable(DOCS / "defaults.csv")
    models = list(arguments.models)
    if "minirocket" in models and not installed("aeon"):
        print("MiniRocket is left out: it needs `pip install aeon`", file=sys.stderr)
        models.remove("minirocket")
    for seed in arguments.seeds:
        for entry in entries():
            lacking = [model for model in models if (entry.name, model, seed) not in rows.rows]
            choice = chosen(entry, arguments.data, seed) if lacking and entry.name in arguments.only else None
            if choice is None:
                continue
            if "default" in lacking:
                rows.add(trained(entry, choice, arguments.output_dir))
            if "minirocket" in lacking:
                rows.add(minirocket(entry, choice))
            write(rows)
    write(rows)
    return 0


def write(rows: StudyTable) -> None:
    """Put the table into docs/results.md."""
    fill(DOCS / "results.md", {"defaults": table(rows, StudyTable(DOCS / "study.csv"))})


if __name__ == "__main__":
    sys.exit(main())
