"""`attentive explain`: what a run's model attends to, in pictures and words, and whether that is what it uses."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..data import SequenceDataset
    from ..explain import Explanation
    from ..training import RunFolder

DRAWN = 8  # sequences of an INPUT that are drawn one by one
LARGEST = 2000  # sequences that are explained at once, of more those evenly spread: all of their attention is kept


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive explain` its arguments."""
    parser.add_argument("folder", metavar="RUN", help="a run folder")
    parser.add_argument("input", nargs="?", metavar="INPUT", help="a file or folder of sequences")
    parser.add_argument("--split", choices=("test", "train"), help="that part of the run's data set (default test)")
    parser.add_argument("--item", metavar="N", help="one sequence: its number from 0, or its name")
    parser.add_argument("--out", metavar="DIR", help="where the pictures go (default RUN/explain)")
    parser.add_argument("--data", metavar="PATH", help="where the run's data set is now, if it has moved")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--faithfulness", action="store_true", help="measure whether what is attended to is what is used (minutes)"
    )
    parser.add_argument(
        "--with", nargs="+", default=[], metavar="RUN", dest="others", help="for --faithfulness: runs of other seeds"
    )
    parser.set_defaults(run=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    from ..data import read_sequences
    from ..data.picture import find_item
    from ..explain import explain, pictures, stored_modulation
    from ..training import load_model, open_run
    from ..training.setup import load_splits

    run = open_run(arguments.folder)
    if arguments.faithfulness:
        return _faithfulness(run, arguments)
    if arguments.others:
        raise ConfigError("--with is an option of --faithfulness")
    if arguments.input is not None and arguments.split is not None:
        raise ConfigError("give INPUT or --split, not both")
    saved = load_model(run.model)
    splits = load_splits(_config(run, arguments.data))
    if arguments.input is not None:
        dataset = read_sequences(arguments.input, saved.schema)
    else:
        dataset = getattr(splits, arguments.split or "test")
    if arguments.item is not None:
        item = int(arguments.item) if arguments.item.isdecimal() else arguments.item
        dataset = dataset.subset([find_item(dataset, item)])
    if len(dataset) > LARGEST:
        total, dataset = len(dataset), dataset.subset(range(0, len(dataset), -(-len(dataset) // LARGEST)))
        print(f"{len(dataset)} of {total} sequences, evenly spread; --item takes any", file=sys.stderr)
    explanations = explain(saved, dataset, stored_modulation(run.model, saved, splits.train))
    folder = run.explain if arguments.out is None else Path(arguments.out)
    classes, written = saved.schema.classes, []
    if arguments.item is not None or (arguments.input is not None and len(dataset) <= DRAWN):
        for one in explanations:
            written += pictures.draw_sequence(one, classes, folder)
    if arguments.item is None and any(one.labelled for one in explanations):
        written += pictures.draw_classes(explanations, classes, folder)
        written += pictures.draw_mistakes(explanations, classes, folder)
    if arguments.item is None:
        written.append(_table(explanations, dataset, folder / "attention.csv"))
    _say(explanations, dataset, written, arguments.json)
    return 0


def _config(run: RunFolder, data: str | None) -> Any:
    config = run.read_config()
    if data is not None:
        config.data.path = data
    return config


def _table(explanations: list[Explanation], dataset: SequenceDataset, path: Path) -> Path:
    """A row for each sequence: the truth, what the model said, and the attention to each group."""
    from ..training.files import write_file

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "truth", "predicted", "probability", *(g.name for g in explanations[0].groups)])
    for one in explanations:
        said = _said(one, dataset)
        row = [one.name, said["truth"], said["predicted"], said["probability"]]
        writer.writerow([*row, *(f"{value:.4f}" for value in one.relevance.mean(0))])
    write_file(path, text.getvalue().encode())
    return path


def _said(one: Explanation, dataset: SequenceDataset) -> dict[str, Any]:
    """The truth, where it is known, and what the model said."""
    if dataset.schema.target == "number":
        number = float(one.label) if one.labelled else None
        return {"truth": number, "predicted": float(one.probabilities[0]), "probability": None}
    classes = dataset.schema.classes
    truth = classes[int(one.label)] if one.labelled else None
    return {"truth": truth, "predicted": classes[one.predicted], "probability": float(one.probabilities.max())}


def _say(explanations: list[Explanation], dataset: SequenceDataset, written: list[Path], as_json: bool) -> None:
    from ..explain.explanation import class_relevance, heading, most_attended
    from ..explain.timemaps import moments

    classes, groups = dataset.schema.classes, explanations[0].groups
    if as_json:
        rows = [
            {
                "name": one.name,
                **_said(one, dataset),
                "attention": {group.name: float(v) for group, v in zip(groups, one.relevance.mean(0), strict=True)},
                "steps": moments(one),
            }
            for one in explanations
        ]
        print(json.dumps({"sequences": rows, "written": list(map(str, written))}, ensure_ascii=False))
        return
    if len(explanations) <= DRAWN:
        for one in explanations:
            print(f"{one.name}: {heading(one, classes)}")
            print(f"  attended to most: {one.in_words()}; most at steps {', '.join(map(str, moments(one)))}")
    else:
        for label, relevance in class_relevance(explanations).items():
            print(f"{classes[label]}: {most_attended(relevance, groups)}")
    for path in written:
        print(f"written: {path}")


def _faithfulness(run: RunFolder, arguments: argparse.Namespace) -> int:
    from ..explain import faithfulness, faithfulness_table
    from ..training import load_model, open_run
    from ..training.files import write_file, write_json
    from ..training.setup import load_splits

    for option in ("input", "split", "item"):
        if getattr(arguments, option) is not None:
            raise ConfigError(f"--faithfulness is measured on the test sequences: it takes no {option}")
    outcomes = []
    for one in (run, *map(open_run, arguments.others)):
        config = _config(one, arguments.data)
        outcomes.append(faithfulness.measure(load_model(one.model), load_splits(config), seed=config.seed))
    table = faithfulness_table.markdown(outcomes)
    folder = run.explain if arguments.out is None else Path(arguments.out)
    write_file(folder / "faithfulness.md", table.encode())
    write_json(folder / "faithfulness.json", faithfulness_table.values(outcomes))
    name = run.read_config().data.source or run.path.parent.name
    write_file(folder / "faithfulness.png", faithfulness_table.picture(outcomes, name))
    print(json.dumps(faithfulness_table.values(outcomes)) if arguments.json else table)
    if not arguments.json:
        print(f"written to {folder}: faithfulness.md, .json and .png")
    return 0
