"""`attentive fuse`: the prediction of several runs together, such as streams of a skeleton, or pictures and poses."""

from __future__ import annotations

import argparse

from .arguments import OPTION, VIEWS, Argument, Command, line, reader_options


def _fuse(arguments: argparse.Namespace) -> int:
    from ..experiments.fusion import fuse_runs
    from ..training import open_run

    runs = [open_run(folder) for folder in arguments.folders]
    fused = fuse_runs(runs, arguments.weights, arguments.views, reader_options(arguments))
    for run, alone, count in zip(runs, fused.alone, fused.lacking, strict=True):
        lacks = f", without {count} sequences" if count else ""
        print(f"{100 * alone.accuracy.value:5.1f} %  {run.path}{lacks}")
    value, low, high = (100 * number for number in fused.together.accuracy)
    print(f"{value:5.1f} %  together (95 % interval {low:.1f} to {high:.1f}, {len(fused.labels)} sequences)")
    if (rest := fused.without_copies) is not None:
        value = 100 * rest.accuracy.value
        print(f"{value:5.1f} %  together, on the {rest.count} that are no copies of training sequences")
    return 0


FUSE = Command(
    "fuse",
    "score several runs of one data set together, such as a skeleton's streams",
    "attentive fuse runs/skeleton/FIRST runs/skeleton/SECOND --weights 2 1",
    _fuse,
    Argument("folders", nargs="+", metavar="RUN", help="run folders of one data set, or of several views of it"),
    Argument(
        "--weights", nargs="+", type=float, metavar="W", help="one for each run, such as 2 2 1 1 (default: all equal)"
    ),
    OPTION,
    VIEWS,
    next=lambda a: [line("explain", a.folders[0]), line("predict", a.folders[0], "INPUT")],
)
