"""Commands that apply a run's model to whole sequences: `attentive evaluate` and `attentive predict`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, UserError, one_line
from .arguments import (
    JSON,
    MOVED_DATA,
    OPTION,
    RUN,
    RUN_OR_MODEL,
    USED_DEVICE,
    VIEWS,
    Argument,
    Command,
    given_options,
    line,
    overwrite,
    reader_options,
    show,
)

if TYPE_CHECKING:
    from ..data import Splits
    from ..experiments.early import Early
    from ..tasks import Task
    from ..trained import Prediction, TrainedRun

_MATRIX = 30  # the most classes whose confusions are printed as a matrix
_LISTED = 100  # the most classes that are all listed
_WORST = 20  # of more classes those that are
_PAIRS = 10  # confusions of two classes that are named
BASELINE = Argument(
    "--baseline",
    action="store_true",
    help="compare with simple methods on the same split: logistic regression, and MiniRocket where aeon is installed",
)


def _evaluate(arguments: argparse.Namespace) -> int:
    from ..experiments.estimate import baselines, doubts
    from ..tasks.metrics import class_scores
    from ..trained import load
    from ..training import open_run

    run = open_run(arguments.folder)
    trained = load(run.path, arguments.device)
    splits = trained.splits(arguments.data, reader_options(arguments))
    scores = trained.scores(splits, arguments.views)
    warnings = doubts(run.read_results(), scores) if run.finished else []
    compared = baselines(trained.saved, splits) if arguments.baseline else []
    early = _early(trained, splits) if arguments.early else []
    classified = trained.saved.schema.target == "class"
    lines = [*score_lines(trained.task, scores, [one.in_words(trained.task.metric) for one in compared])]
    values = scores | {"warnings": warnings}
    if classified:
        lines += _class_by_class(scores)
        values["per_class"] = [one._asdict() for one in class_scores(scores)]
    if compared:
        values["baselines"] = [one.to_dict() for one in compared]
    if early:
        values["early"] = [asdict(one) for one in early]
        lines += [one.in_words() for one in early]
    show(arguments, values, lines)
    warn_of(() if arguments.json else warnings)
    return 0


def _early(trained: TrainedRun, splits: Splits) -> list[Early]:
    """The accuracy on the test part by the share of each sequence that is seen."""
    from ..data import SequenceDataset
    from ..experiments.early import accuracy_by_share

    if not isinstance(splits.test, SequenceDataset):
        raise ConfigError("--early is for classes of sequences")
    return accuracy_by_share(trained.saved, splits.test)


def score_lines(task: Task, test: dict[str, Any], compared: Sequence[str] = ()) -> Iterator[str]:
    """The "test" of a results.json in words, with the scores of simple methods."""
    yield from task.report(test)
    for text in compared:
        yield f"baseline         {text}"
    if "without_copies" in test:
        metric = task.metric
        rest = metric.in_words(test["without_copies"][metric.name])
        yield f"unseen only      {rest}: {test['copies_in_train']} test sequences are copies of training sequences"


def warn_of(doubts: Sequence[str]) -> None:
    """Print what makes scores doubtful, on the standard error."""
    for doubt in doubts:
        print(f"warning: {one_line(doubt)}", file=sys.stderr)


def _class_by_class(scores: Mapping[str, Any]) -> Iterator[str]:
    """Precision, recall and F1 of each class, and the confusions: a matrix of few classes, the worst pairs of many."""
    from ..tasks.metrics import class_scores, confused_pairs

    classes = class_scores(scores)
    width = max(len(one.name) for one in classes)
    listed = list(enumerate(classes, 1))
    if len(classes) > _LISTED:
        yield f"the {_WORST} classes of {len(classes)} with the lowest F1; --json has all"
        listed = sorted(listed, key=lambda row: 2 if row[1].f1 is None else row[1].f1)[:_WORST]
    yield f"{'class':{width + 5}}precision  recall      F1  support"
    for number, one in listed:
        shares = [f"{100 * share:.1f} %" if share is not None else "-" for share in one[1:4]]
        yield f"{number:3d}  {one.name:{width}}  {shares[0]:>7} {shares[1]:>7} {shares[2]:>7}  {one.support:7d}"
    if len(classes) <= _MATRIX and "confusion" in scores:
        yield "of each true class (row), % predicted as each class (column)"
        yield "     " + "".join(f"{number:4d}" for number in range(1, len(classes) + 1))
        for number, row in enumerate(scores["confusion"], 1):
            yield f"{number:3d}  " + "".join(f"{_percent(count, sum(row)):>4}" for count in row)
    supports = {one.name: one.support for one in classes}
    pairs = confused_pairs(scores, _PAIRS)
    if pairs and len(classes) > _PAIRS:
        yield "most often confused"
        for true, taken, count in pairs:
            yield f"  {100 * count / supports[true]:3.0f} % ({count} of {supports[true]}) of {true} taken for {taken}"


def _percent(count: int, total: int) -> str:
    if not count:
        return "."
    return "<1" if 100 * count < total else f"{100 * count / total:.0f}"


def _predict(arguments: argparse.Namespace) -> int:
    from ..data.io.files import check_writable
    from ..trained import load
    from ..training.setup import print_notes

    out = None
    if arguments.out is not None:
        out = check_writable(arguments.out, (".csv", ".json", ".parquet"), arguments.overwrite)
    trained = load(arguments.folder, arguments.device)
    arguments.exports = trained.saved.schema.medium == "sequence"
    classified = bool(trained.saved.schema.classes)
    if arguments.top is not None and (arguments.top < 1 or not classified):
        if not classified:
            raise ConfigError("--top is for classes, and this model predicts a number: leave it out")
        raise ConfigError(f"--top must be 1 or more, got {arguments.top}")
    options, several, answered = reader_options(arguments), len(arguments.inputs) > 1, {}
    lines: list[str] = []
    for path in arguments.inputs:
        try:
            answered[path] = trained.predict(path, options=options)
        except UserError as error:
            if not several:
                raise
            print(f"attentive: error: {one_line(error)}", file=sys.stderr)
            continue
        print_notes(answered[path].notes)
        if out is None:
            lines += [f"{path}:"] if several else []
            lines += _in_words(answered[path], arguments.top or 1)
    if out is not None and answered:
        _write(out, answered, arguments.top, several)
        lines.append(f"written: {out}")
    lines += _fit_to_labels(trained, list(answered.values()))
    show(arguments, _rows(answered, arguments.top, several), lines)
    return 0 if len(answered) == len(set(arguments.inputs)) else 1


def _in_words(prediction: Prediction, top: int) -> Iterator[str]:
    """A line for each sequence, or for each segment of recordings."""
    if prediction.segments:
        width = max(len(one_line(row["name"])) for row in prediction.segments)
        for row in prediction.segments:
            span = f"frames {row['start']} to {row['end'] - 1}"
            if "start_seconds" in row:
                span += f", {row['start_seconds']:.2f} to {row['end_seconds']:.2f} s"
            yield f"{one_line(row['name']):{width}}  {row['probability']:.3f}  {row['label']}  ({span})"
        return
    width = max((len(name) for name in prediction.names), default=0)
    best = prediction.top(top) if prediction.classes else [[] for _ in prediction.labels]
    for name, label, truth, shares in zip(prediction.names, prediction.labels, prediction.truth, best, strict=True):
        said = "  ".join(f"{share:.3f}  {one}" for one, share in shares) or f"{label:.6g}"
        wrong = truth is not None and truth != label
        yield f"{one_line(name):{width}}  {said}" + (f"  (is {truth})" if wrong else "")


def _fit_to_labels(trained: TrainedRun, predictions: list[Prediction]) -> list[str]:
    """The lines on how right the answers are, over all inputs, where labels came with them."""
    import numpy as np

    from ..tasks.metrics import as_logits

    classes = trained.saved.schema.classes
    outputs, labels = [], []
    for one in predictions:
        answers = as_logits(one.probabilities) if classes else np.array(one.labels)[:, None]
        known = [i for i, truth in enumerate(one.truth) if truth is not None]
        outputs.append(answers[known])
        labels += [one.truth[i] for i in known]
    if not labels:
        return []
    truths = np.array([classes.index(str(label)) for label in labels] if classes else labels)
    lines = trained.task.report(trained.task.score(np.concatenate(outputs), truths))
    lines[0] = lines[0].removeprefix("test ").replace(" ", " " * 6, 1)  # it may be any part
    if seen := sum(one.trained_on for one in predictions):
        lines.append(f"trained on       {seen} of {sum(map(len, predictions))}: no estimate for new sequences")
    return lines


def _rows(answered: Mapping[str, Prediction], top: int | None, several: bool) -> list[dict[str, Any]]:
    """A JSON object for each sequence, with the probabilities of all classes or of the first ones; or each segment."""
    rows: list[dict[str, Any]] = []
    for path, one in answered.items():
        if one.segments:
            rows += [{"input": path, **row} if several else row for row in one.segments]
            continue
        best = one.top(top or 1) if one.classes else []
        for i, (name, label, truth) in enumerate(zip(one.names, one.labels, one.truth, strict=True)):
            row: dict[str, Any] = {"name": name}
            if several:
                row = {"input": path, **row}
            if truth is not None:
                row["truth"] = truth
            if not one.classes:
                rows.append(row | {"value": label})
                continue
            row |= {"label": label, "probability": float(one.probabilities[i].max())}
            if top is None:
                row["probabilities"] = dict(zip(one.classes, one.probabilities[i].tolist(), strict=True))
            else:
                row["top"] = [{"label": other, "probability": share} for other, share in best[i]]
            rows.append(row)
    return rows


def _write(out: Path, answered: Mapping[str, Prediction], top: int | None, several: bool) -> None:
    """Write the answers: of a .json the rows, of a .csv and a .parquet a table with a line for each sequence."""
    from ..data.formats.parquet import table_bytes
    from ..data.io.files import write_csv, write_file, write_json

    if out.suffix.lower() == ".json":
        return write_json(out, _rows(answered, top, several))
    columns: dict[str, list[Any]] = {"input": [], "name": [], "truth": []}
    for path, one in answered.items():
        columns["input"] += [path] * len(one)
        columns["name"] += one.names
        columns["truth"] += one.truth
        if not one.classes:
            columns.setdefault("value", []).extend(one.labels)
            continue
        for row in one.top(top or 1):
            for rank, (label, share) in enumerate(row, 1):
                end = f"_{rank}" if rank > 1 else ""
                columns.setdefault(f"label{end}", []).append(label)
                columns.setdefault(f"probability{end}", []).append(share)
    if out.suffix.lower() == ".parquet":
        return write_file(out, table_bytes(columns))
    return write_csv(out, list(columns), zip(*columns.values(), strict=True))


def _after_answers(arguments: argparse.Namespace) -> list[str]:
    found = [line("explain", arguments.folder, arguments.inputs[0], *given_options(arguments))]
    return found + ([line("export", arguments.folder, "model.onnx")] if getattr(arguments, "exports", False) else [])


EVALUATE = Command(
    "evaluate",
    "score a run's model on the test sequences of its data set",
    "attentive evaluate runs/japanese-vowels/TIME",
    _evaluate,
    RUN,
    MOVED_DATA,
    OPTION,
    USED_DEVICE,
    JSON,
    VIEWS,
    BASELINE,
    Argument("--early", action="store_true", help="the accuracy after the first 10 to 100 %% of each sequence, too"),
    next=lambda a: [line("explain", a.folder), line("predict", a.folder, "INPUT")],
)
PREDICT = Command(
    "predict",
    "label sequences with a run's model",
    "attentive predict runs/skeleton/TIME recording.json",
    _predict,
    RUN_OR_MODEL,
    Argument("inputs", nargs="+", metavar="INPUT", help="files or folders of sequences"),
    Argument("--top", type=int, metavar="K", help="the K most probable classes of each sequence"),
    Argument("--out", metavar="FILE", help="write the answers to a .csv, .json or .parquet"),
    overwrite("FILE"),
    OPTION,
    USED_DEVICE,
    JSON,
    next=_after_answers,
)
