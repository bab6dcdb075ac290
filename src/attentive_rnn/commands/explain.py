"""Command `attentive explain`: what a run's model lets in, in pictures and words, and how faithful they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .arguments import JSON, MOVED_DATA, OPTION, RUN, Argument, Command, given_options, line, reader_options, show

if TYPE_CHECKING:
    from ..data import LabelledDataset
    from ..training import RunFolder

LARGEST = 2000  # sequences that are explained at once, of more those evenly spread: all of their attention is kept


def _explain(arguments: argparse.Namespace) -> int:
    from ..data.io.files import check_folder
    from ..draw.samples import find_item
    from ..explain.media import MEDIA
    from ..explain.outcome import Request
    from ..trained import load
    from ..training import open_run
    from ..training.setup import print_notes

    run = open_run(arguments.folder)
    if arguments.faithfulness:
        return _faithfulness(run, arguments)
    if arguments.others:
        raise ConfigError("--with is an option of --faithfulness")
    if arguments.input is not None and arguments.split is not None:
        raise ConfigError("give INPUT or --split, not both")
    if arguments.video is not None and arguments.item is None:
        raise ConfigError("--video is of one sequence: name it with --item")
    parts = [f"layer-{arguments.layer}"] if arguments.layer not in (None, 1) else []
    parts += ["relative"] if arguments.relative else []
    folder = run.explain.joinpath(*parts) if arguments.out is None else Path(arguments.out)
    check_folder(folder)
    trained = load(run.path)
    saved = trained.saved
    forward = not saved.model.config.get("bidirectional", True)
    arguments.streams = forward and bool(saved.schema.classes) and not saved.schema.vocabulary
    arguments.exports = saved.schema.medium == "sequence"
    medium = MEDIA[saved.task.explanation]
    for option in medium.refused:
        if getattr(arguments, option) not in (None, False):
            raise ConfigError(f"{run.path}: is a run on images, of which every layer is drawn; it takes no {option}")
    options = reader_options(arguments)
    splits = trained.splits(arguments.data, options if arguments.input is None else None)
    if arguments.input is not None:
        dataset = trained.read(arguments.input, options=options)
        print_notes(dataset.notes)
    else:
        dataset = getattr(splits, arguments.split or "test")
    if arguments.item is not None:
        item = int(arguments.item) if arguments.item.isdecimal() else arguments.item
        dataset = _part(dataset, [find_item(dataset, item)])
    if len(dataset) > LARGEST:
        total, dataset = len(dataset), _part(dataset, range(0, len(dataset), -(-len(dataset) // LARGEST)))
        print(f"{len(dataset)} of {total}, evenly spread; --item takes any", file=sys.stderr)
    request = Request(
        run=run,
        saved=saved,
        train=splits.train,
        dataset=dataset,
        folder=folder,
        one=arguments.item is not None,
        of_run=arguments.input is None,
        layer=arguments.layer,
        video=arguments.video,
        shows="relative" if arguments.relative else "attended",
    )
    outcome = medium.explain(request)
    show(arguments, outcome.values, [*outcome.lines, *(f"written: {path}" for path in outcome.written)])
    return 0


def _part(dataset: LabelledDataset, indices: Sequence[int]) -> LabelledDataset:
    """The items at some places; those without a name are called by their numbers in the whole set."""
    part = dataset.subset(indices)
    part.metas = [{"name": str(i), **meta} for i, meta in zip(indices, part.metas, strict=True)]
    return part


def _faithfulness(run: RunFolder, arguments: argparse.Namespace) -> int:
    from ..data.io.files import check_folder, write_file, write_json
    from ..explain import faithfulness, faithfulness_table
    from ..trained import load
    from ..training import open_run

    for option in ("input", "split", "item", "layer", "video", "relative"):
        if getattr(arguments, option) not in (None, False):
            raise ConfigError(f"--faithfulness is measured on the test sequences: it takes no {option}")
    folder = run.explain if arguments.out is None else Path(arguments.out)
    check_folder(folder)
    outcomes, name = [], ""
    for one in (run, *map(open_run, arguments.others)):
        trained = load(one.path)
        splits = trained.splits(arguments.data, reader_options(arguments))
        name = name or splits.test.name or run.path.parent.name
        outcomes.append(faithfulness.measure(trained.saved, splits, seed=one.read_config().seed))
    table, values = faithfulness_table.markdown(outcomes), faithfulness_table.values(outcomes)
    write_file(folder / "faithfulness.md", table.encode())
    write_json(folder / "faithfulness.json", values)
    write_file(folder / "faithfulness.png", faithfulness_table.picture(outcomes, name))
    show(arguments, values, [table, f"written to {folder}: faithfulness.md, .json and .png"])
    return 0


def _next(arguments: argparse.Namespace) -> list[str]:
    given = ["INPUT"] if arguments.input is None else [arguments.input, *given_options(arguments)]
    found = [line("predict", arguments.folder, *given)]
    if getattr(arguments, "streams", False):
        found.append(line("stream", arguments.folder, *given))
    if getattr(arguments, "exports", False):
        found.append(line("export", arguments.folder, "model.onnx"))
    return found


EXPLAIN = Command(
    "explain",
    "show what a run's model attends to, and test what that means",
    "attentive explain runs/skeleton/TIME --item 3",
    _explain,
    RUN,
    Argument("input", nargs="?", metavar="INPUT", help="a file or folder of sequences"),
    Argument("--split", choices=("test", "train"), help="that part of the run's data set (default test)"),
    Argument("--item", metavar="N", help="one sequence or image: its number from 0, or its name"),
    Argument("--layer", type=int, metavar="K", help="the attention of that layer of a stack (default 1)"),
    Argument(
        "--relative",
        action="store_true",
        help="the attention relative to its mean, the paper's picture (into RUN/explain/relative), in place of the "
        "attended input",
    ),
    Argument("--video", metavar="FILE", help="with --item, of a video's features: the frames that mattered"),
    Argument("--out", metavar="DIR", help="where the pictures go (default RUN/explain)"),
    MOVED_DATA,
    OPTION,
    JSON,
    Argument(
        "--faithfulness", action="store_true", help="measure whether what is attended to is what is used (minutes)"
    ),
    Argument(
        "--with", nargs="+", default=[], metavar="RUN", dest="others", help="for --faithfulness: runs of other seeds"
    ),
    next=_next,
)
