"""Command `attentive data`: readable data sets, the content of a file, and files in other formats or as pictures."""

from __future__ import annotations

import argparse
import sys

from ..catalogue import INCLUDED, READ
from ..progress import bar
from .arguments import JSON, OPTION, Argument, Command, given_options, line, overwrite, reader_options, show


def _list(arguments: argparse.Namespace) -> int:
    titles = INCLUDED | READ
    width = max(map(len, titles))
    lines = [f"{name:{width}}  {title}{' (needs a path)' if name in READ else ''}" for name, title in titles.items()]
    values = [{"name": name, "title": title, "needs_path": name in READ} for name, title in titles.items()]
    show(arguments, values, lines)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from ..data import check
    from ..data.io.files import check_writable
    from ..draw import draw_samples
    from ..draw.samples import PICTURES

    options = reader_options(arguments)
    if arguments.picture is not None:
        check_writable(arguments.picture, PICTURES, arguments.overwrite)
    with bar(f"reading {arguments.path}"):
        report = check(arguments.path, **options)
    arguments.trainable = report.trainable
    # What was shown was read in spite of missing values or texts; training needs to be told what becomes of them.
    found = [finding.option for finding in report.findings if finding.option.startswith("missing=")]
    arguments.needed = ["--option", found[0]] if found and "missing" not in options else []
    show(arguments, report.to_dict(), [report])
    if arguments.picture is not None:
        with bar("drawing samples"):
            drawn = draw_samples(arguments.path, arguments.picture, overwrite=arguments.overwrite, **options)
        print(f"drawn: {drawn}", file=sys.stderr if arguments.json else sys.stdout)
    return 1 if report.errors else 0


def _convert(arguments: argparse.Namespace) -> int:
    from ..data import convert

    options = reader_options(arguments)
    with bar(f"converting {arguments.path}"):
        written = convert(arguments.path, arguments.out, overwrite=arguments.overwrite, **options)
    print(f"written: {written}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from ..draw import animate

    item = int(arguments.item) if arguments.item.isdecimal() else arguments.item
    options = reader_options(arguments)
    with bar("drawing frames"):
        drawn = animate(arguments.path, item, arguments.out, overwrite=arguments.overwrite, **options)
    print(f"drawn: {drawn}")
    return 0


_PATH = Argument("path", metavar="PATH")
DATA = Command(
    "data",
    "the data sets: what can be read, what is in a file, and conversion",
    "attentive data check NATOPS_TRAIN.ts",
    None,
    actions=(
        Command(
            "list",
            "the data sets and formats that can be read",
            "attentive data list",
            _list,
            JSON,
            light=True,
            next=lambda a: ["attentive data check PATH", "attentive train --data PATH"],
        ),
        Command(
            "check",
            "what is in a data set, and what is odd about it",
            "attentive data check skeletons.zip --picture samples.png",
            _check,
            _PATH,
            JSON,
            OPTION,
            Argument("--picture", metavar="FILE", help="draw sample sequences into a .png or .svg"),
            overwrite("the picture"),
            next=lambda a: (
                [line("train", "--data", a.path, *given_options(a), *getattr(a, "needed", []))]
                if getattr(a, "trainable", True)
                else []
            ),
        ),
        Command(
            "convert",
            "write a data set as .npz, .parquet or .pkl, or as a folder for sets larger than memory",
            "attentive data convert skeletons.pkl skeletons.npz",
            _convert,
            _PATH,
            Argument(
                "out", metavar="OUT", help="a name that ends in .npz, .parquet or .pkl (pyskl's), or a folder's name"
            ),
            OPTION,
            overwrite("OUT"),
            next=lambda a: [line("data", "check", a.out), line("train", "--data", a.out)],
        ),
        Command(
            "show",
            "animate one skeleton sequence",
            "attentive data show skeletons.npz --item 3 --out sequence.gif",
            _show,
            _PATH,
            OPTION,
            Argument("--item", default="0", metavar="N", help="number of the sequence from 0, or its name (default 0)"),
            Argument("--out", default="sequence.gif", metavar="FILE", help=".gif or .mp4 (default sequence.gif)"),
            overwrite("FILE"),
            next=lambda a: [line("train", "--data", a.path, *given_options(a))],
        ),
    ),
)
