"""What users would pick instead: aeon's convolution-based classifiers beside the automatic recipe, on the same parts.

    python -m benchmarks.rivals --data FOLDER [--only NAME ...] [--models rocket ...]

fits each classifier once (seed 0, one thread) where docs/rivals.csv has no row, and puts a table into
docs/results-all.md: accuracy, time to train, time of an answer, and size; a short one into docs/results.md. The
accuracies of the automatic recipe are those of docs/defaults.csv; its times and sizes are measured with networks of its
configuration, whose weights do not matter for them. Needs `pip install aeon`; FOLDER holds the data sets as for
docs/study.yaml.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from docs.study import fill

from attentive_rnn.data import SequenceDataset
from attentive_rnn.experiments.study import Entry
from attentive_rnn.experiments.table import StudyTable, markdown
from attentive_rnn.models import SequenceClassifier
from attentive_rnn.streaming import Recognizer
from attentive_rnn.training import SavedModel
from attentive_rnn.training.automatic import Choice, adapted
from attentive_rnn.training.recipes import as_overrides, resolve
from attentive_rnn.training.setup import build_model, fit_preprocessing, in_test

from . import defaults, rows

CLASSES = {
    "minirocket": "MiniRocketClassifier",
    "rocket": "RocketClassifier",
    "multirocket-hydra": "MultiRocketHydraClassifier",
}
OURS, LIVE = "automatic recipe", "automatic recipe, --live"
SETS = ("BasicMotions", "JapaneseVowels", "NATOPS", "RacketSports", "Epilepsy", "N-UCLA")
ANSWERS = 50  # timed of each model


@dataclass(frozen=True)
class Line:
    """One model on one data set.

    Args:
        name: of the data set.
        model: one of CLASSES, OURS or LIVE.
        test: accuracy on the test part, a share; None where it was not measured.
        seconds: to train; None as above.
        answer: median milliseconds of an answer: of LIVE for one more frame, else for a whole sequence of the longest
            length.
        size: megabytes of the model, pickled; of ours the weights.
        version: of aeon or of this package.
    """

    name: str
    model: str
    test: float | None
    seconds: float | None
    answer: float
    size: float
    version: str


def rival(entry: Entry, choice: Choice, model: str) -> Line:
    """One of aeon's classifiers, fitted to the training part and measured on the test part."""
    from aeon.classification import convolution_based

    train, test, labels, truth = defaults.of_aeon(choice)
    classifier = getattr(convolution_based, CLASSES[model])
    few = np.sort(np.concatenate([np.flatnonzero(labels == one)[:2] for one in np.unique(labels)]))
    classifier(random_state=0, n_jobs=1).fit(train[few], labels[few]).predict(test[:1])  # it compiles: not counted
    began = time.perf_counter()
    fitted = classifier(random_state=0, n_jobs=1).fit(train, labels)
    seconds = time.perf_counter() - began
    accuracy = float((fitted.predict(test) == truth).mean())
    answer = milliseconds(lambda: fitted.predict(test[:1]))
    return Line(entry.name, model, accuracy, seconds, answer, len(pickle.dumps(fitted)) / 1e6, version("aeon"))


def ours(entry: Entry, choice: Choice, model: str, automatic: StudyTable) -> Line:
    """The network of the automatic recipe, for whole sequences or for one frame after the other."""
    runs = automatic.of(entry.name).get("default", {}).values() if model == OURS else ()
    test = statistics.mean(row.test for row in runs) if runs else None
    seconds = statistics.mean(row.seconds for row in runs) if runs else None
    fixed = as_overrides({"data.source": choice.config.data.source, "data.path": choice.config.data.path})
    config = resolve(adapted(choice.recipe, choice.splits.train, fixed, live=model == LIVE))
    train = choice.splits.train
    assert isinstance(train, SequenceDataset)
    network = build_model(config, train.schema).eval()
    assert isinstance(network, SequenceClassifier)
    longest = train.sequences[int(train.lengths.argmax())]
    if model == LIVE:
        recognizer = Recognizer(
            SavedModel(network, train.schema, in_test(config.data, fit_preprocessing(config.data, train)))
        )
        answer = milliseconds(lambda: recognizer.push(longest[0].numpy()))
    else:
        sampled = [step["frames"] for step in config.data.augmentation or [] if step["name"] == "uniform_sampling"]
        sequence = torch.randn(sampled[0] if sampled else len(longest), 1, network.layers.input_size)
        with torch.inference_mode():
            answer = milliseconds(lambda: network(sequence))
    size = sum(p.numel() * p.element_size() for p in network.parameters()) / 1e6
    return Line(entry.name, model, test, seconds, answer, size, version("attentive-rnn"))


def milliseconds(answer: Callable[[], object]) -> float:
    """The median time of an answer, after three that are not counted."""
    taken = []
    for _ in range(ANSWERS + 3):
        began = time.perf_counter()
        answer()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken[3:])


def table(lines: list[Line]) -> str:
    """All lines, set by set."""
    order = [*CLASSES, OURS, LIVE]
    return markdown(
        [
            {
                "data set": line.name,
                "model": line.model,
                "accuracy %": "" if line.test is None else f"{100 * line.test:.1f}",
                "seconds to train": "" if line.seconds is None else f"{line.seconds:.0f}",
                "ms for an answer": f"{line.answer:.3f}" if line.model == LIVE else f"{line.answer:.1f}",
                "MB": f"{line.size:.1f}",
            }
            for name in SETS
            for line in sorted((one for one in lines if one.name == name), key=lambda one: order.index(one.model))
        ]
    )


def short(lines: list[Line]) -> str:
    """The accuracies, a line for each set; and the least and the most that each model costs."""
    accuracies: list[dict[str, str]] = []
    for name in SETS:
        found = {line.model: line.test for line in lines if line.name == name and line.test is not None}
        cells = {model: f"{100 * found[model]:.1f}" if model in found else "" for model in (*CLASSES, OURS)}
        accuracies.append({"data set, accuracy %": name, **cells})
    costs: list[dict[str, str]] = []
    for model in (*CLASSES, OURS, LIVE):
        of = [line for line in lines if line.model == model]
        costs.append(
            {
                "model": model,
                "seconds to train": _ends([line.seconds for line in of if line.seconds is not None], 0),
                "ms for an answer": _ends([line.answer for line in of], 3 if model == LIVE else 1),
                "MB": _ends([line.size for line in of], 1),
            }
        )
    return f"{markdown(accuracies)}\n{markdown(costs)}"


def _ends(numbers: list[float], digits: int) -> str:
    return f"{min(numbers):.{digits}f} to {max(numbers):.{digits}f}" if numbers else ""


def main(words: list[str] | None = None) -> int:
    """Measure what the file lacks, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where the study's data sets are")
    parser.add_argument("--only", nargs="+", default=SETS, choices=SETS, metavar="NAME", help="these sets only")
    names = (*CLASSES, OURS, LIVE)
    parser.add_argument("--models", nargs="+", default=names, choices=names, metavar="MODEL", help="these models only")
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    path = defaults.DOCS / "rivals.csv"
    lines, automatic = rows.read(path, Line), StudyTable(defaults.DOCS / "defaults.csv")
    for entry in defaults.entries():
        there = {line.model for line in lines if line.name == entry.name}
        lacking = [model for model in arguments.models if model not in there]
        choice = defaults.chosen(entry, arguments.data, 0) if lacking and entry.name in arguments.only else None
        if choice is None:
            continue
        for model in lacking:
            found = rival(entry, choice, model) if model in CLASSES else ours(entry, choice, model, automatic)
            print(found, file=sys.stderr)
            lines = rows.add(path, found)
    if lines:
        fill(defaults.DOCS / "results-all.md", {"rivals": table(lines)})
        fill(defaults.DOCS / "results.md", {"rivals": short(lines)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
