"""Command `attentive data`: readable data sets, the content of a file, and files in other formats or as pictures."""

from __future__ import annotations

import argparse
import sys

from .arguments import JSON, OPTION, Argument, Command, overwrite, reader_options


def _list(arguments: argparse.Namespace) -> int:
    from ..data import list_sources

    sources = list_sources()
    width = max(len(source.name) for source in sources)
    for source in sources:
        print(f"{source.name:{width}}  {source.title}{'' if source.embedded else ' (needs a path)'}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from ..data import check
    from ..data.io.files import to_json
    from ..draw import draw_samples

    options = reader_options(arguments)
    report = check(arguments.path, **options)
    print(to_json(report.to_dict()) if arguments.json else report)
    if arguments.picture is not None:
        drawn = draw_samples(arguments.path, arguments.picture, overwrite=arguments.overwrite, **options)
        print(f"drawn: {drawn}", file=sys.stderr if arguments.json else sys.stdout)
    return 1 if report.errors else 0


def _convert(arguments: argparse.Namespace) -> int:
    from ..data import convert

    options = reader_options(arguments)
    print(f"written: {convert(arguments.path, arguments.out, overwrite=arguments.overwrite, **options)}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from ..draw import animate

    item = int(arguments.item) if arguments.item.isdecimal() else arguments.item
    options = reader_options(arguments)
    print(f"drawn: {animate(arguments.path, item, arguments.out, overwrite=arguments.overwrite, **options)}")
    return 0


_PATH = Argument("path", metavar="PATH")
DATA = Command(
    "data",
    "the data sets: what can be read, what is in a file, and conversion",
    "attentive data check NATOPS_TRAIN.ts",
    None,
    actions=(
        Command("list", "the data sets and formats that can be read", "attentive data list", _list),
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
        ),
        Command(
            "convert",
            "write a data set as .npz, .parquet or .pkl",
            "attentive data convert skeletons.pkl skeletons.npz",
            _convert,
            _PATH,
            Argument("out", metavar="OUT", help="a name that ends in .npz, .parquet or .pkl (pyskl's layout)"),
            OPTION,
            overwrite("OUT"),
        ),
        Command(
            "show",
            "animate one skeleton sequence",
            "attentive data show skeletons.npz --item 3 --out film.gif",
            _show,
            _PATH,
            OPTION,
            Argument("--item", default="0", metavar="N", help="number of the sequence from 0, or its name (default 0)"),
            Argument("--out", default="sequence.gif", metavar="FILE", help=".gif or .mp4 (default sequence.gif)"),
            overwrite("FILE"),
        ),
    ),
)
