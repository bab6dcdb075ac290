"""Commands that apply a run's model to whole sequences: `attentive evaluate` and `attentive predict`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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
    line,
    reader_options,
)

if TYPE_CHECKING:
    from ..tasks import Task

_CONFUSED = 20  # pairs of classes that are printed where there is no matrix


def _evaluate(arguments: argparse.Namespace) -> int:
    from ..experiments.fusion import answers_in_test
    from ..tasks import task_for
    from ..tasks.metrics import confused_pairs
    from ..training import load_model, open_run
    from ..training.inputs import run_splits
    from ..training.run import test_scores
    from ..training.setup import choose_device

    run = open_run(arguments.folder)
    config = run.read_config(arguments.data, reader_options(arguments))
    saved = load_model(run.model)
    saved.model.to(choose_device(arguments.device))
    splits = run_splits(saved, config)
    scores = test_scores(saved, splits, answers_in_test(config, saved, splits, arguments.views))
    if arguments.json:
        print(json.dumps(scores, ensure_ascii=False))
        return 0
    task = task_for(saved.schema)
    print(*score_lines(task, scores), sep="\n")
    if saved.schema.target != "class":
        return 0
    names = scores["classes"]
    if "confusion" not in scores:
        print(f"{len(names)} classes are too many for a confusion matrix; most often confused:")
        for true, taken, count in confused_pairs(scores, _CONFUSED):
            print(f"  {count:4d} times {true} taken for {taken}")
        return 0
    width = max(map(len, names))
    print("true class, and how often each was predicted")
    for name, row in zip(names, scores["confusion"], strict=True):
        print(f"  {name:{width}}  {' '.join(f'{count:4d}' for count in row)}")
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    from ..tasks import task_for
    from ..training import load_model
    from ..training.inputs import read_input
    from ..training.setup import choose_device, print_notes
    from ..training.transfer import find_model

    saved = load_model(find_model(arguments.folder))
    saved.model.to(choose_device(arguments.device))
    dataset = read_input(saved, arguments.input, reader_options(arguments))
    print_notes(dataset.notes)
    task = task_for(saved.schema)
    answers = task.answers(saved.logits(dataset))
    names = [str(meta.get("name", i)) for i, meta in enumerate(dataset.metas, 1)]
    if arguments.json:
        rows = [{"name": name, **answer} for name, answer in zip(names, answers, strict=True)]
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    width = max(map(len, names))
    for name, answer in zip(names, answers, strict=True):
        print(f"{name:{width}}  {task.in_words(answer)}")
    return 0


def score_lines(task: Task, test: dict[str, Any]) -> Iterator[str]:
    """The "test" of a results.json in words."""
    yield from task.report(test)
    if "without_copies" in test:
        metric = task.metric
        rest = metric.in_words(test["without_copies"][metric.name])
        yield f"unseen only      {rest}: {test['copies_in_train']} test sequences are copies of training sequences"


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
    next=lambda a: [line("explain", a.folder), line("predict", a.folder, "INPUT")],
)
PREDICT = Command(
    "predict",
    "label sequences with a run's model",
    "attentive predict runs/skeleton/TIME recording.json",
    _predict,
    RUN_OR_MODEL,
    Argument("input", metavar="INPUT", help="a file or folder of sequences"),
    OPTION,
    USED_DEVICE,
    JSON,
    next=lambda a: [line("explain", a.folder, a.input)],
)
