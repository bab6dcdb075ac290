"""`attentive evaluate`: the scores of a run's model on the test sequences of its data set."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..tasks import Task


def add(evaluate: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive evaluate` its arguments."""
    evaluate.add_argument("folder", metavar="RUN", help="a run folder")
    evaluate.add_argument("--data", metavar="PATH", help="where the data set is now, if it has moved")
    add_use(evaluate)
    add_views(evaluate)
    evaluate.set_defaults(run=_run)


def add_use(parser: argparse.ArgumentParser) -> None:
    """Options of commands that use a run's model."""
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:INDEX (default cpu)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_views(parser: argparse.ArgumentParser) -> None:
    """The option of commands that score test sequences."""
    parser.add_argument(
        "--views",
        type=int,
        default=1,
        metavar="V",
        help="average over V random views of each sequence, drawn by the run's augmentation (default 1: as it is)",
    )


def _run(arguments: argparse.Namespace) -> int:
    from ..experiments.fusion import answers_in_test
    from ..tasks import task_for
    from ..training import load_model, open_run
    from ..training.run import test_scores
    from ..training.setup import choose_device, load_splits

    run = open_run(arguments.folder)
    config = run.read_config(arguments.data)
    saved = load_model(run.model)
    saved.model.to(choose_device(arguments.device))
    splits = load_splits(config)
    scores = test_scores(saved, splits, answers_in_test(config, saved, splits, arguments.views))
    if arguments.json:
        print(json.dumps(scores, ensure_ascii=False))
        return 0
    task = task_for(saved.schema)
    print_scores(task, scores)
    if "confusion" not in scores:
        return 0
    names = scores["classes"]
    width = max(map(len, names))
    print("true class, and how often each was predicted")
    for name, row in zip(names, scores["confusion"], strict=True):
        print(f"  {name:{width}}  {' '.join(f'{count:4d}' for count in row)}")
    return 0


def print_scores(task: Task, test: dict[str, Any]) -> None:
    """Say the "test" of a results.json."""
    for line in task.report(test):
        print(line)
    if "without_copies" in test:
        metric = task.metric
        rest = metric.in_words(test["without_copies"][metric.name])
        print(f"unseen only      {rest}: {test['copies_in_train']} test sequences are copies of training sequences")
