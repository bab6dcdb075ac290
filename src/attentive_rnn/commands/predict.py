"""`attentive predict`: what a run's model says of sequences."""

from __future__ import annotations

import argparse
import json

from .evaluate import add_use


def add(predict: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive predict` its arguments."""
    predict.add_argument("folder", metavar="RUN", help="a run folder, or its model/ folder")
    predict.add_argument("input", metavar="INPUT", help="a file or folder of sequences")
    add_use(predict)
    predict.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..data import read_sequences
    from ..tasks import task_for
    from ..training import load_model
    from ..training.setup import choose_device
    from ..training.transfer import find_model

    saved = load_model(find_model(arguments.folder))
    saved.model.to(choose_device(arguments.device))
    dataset = read_sequences(arguments.input, saved.schema)
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
