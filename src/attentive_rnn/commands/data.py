"""Command `attentive data`: readable data sets, the content of a file, and files in other formats or as pictures."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..errors import ConfigError
from .arguments import JSON, Argument, Command, overwrite


def _list(arguments: argparse.Namespace) -> int:
    from ..data import list_sources

    sources = list_sources()
    width = max(len(source.name) for source in sources)
    for source in sources:
        print(f"{source.name:{width}}  {source.title}{'' if source.embedded else ' (needs a path)'}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from ..data import check
    from ..draw import draw_samples

    options = dict(_option(text) for text in arguments.option)
    report = check(arguments.path, **options)
    print(json.dumps(report.to_dict(), ensure_ascii=False) if arguments.json else report)
    if arguments.picture is not None:
        drawn = draw_samples(arguments.path, arguments.picture, overwrite=arguments.overwrite, **options)
        print(f"drawn: {drawn}")
    return 0


def _convert(arguments: argparse.Namespace) -> int:
    from ..data import convert

    options = dict(_option(text) for text in arguments.option)
    print(f"written: {convert(arguments.path, arguments.out, overwrite=arguments.overwrite, **options)}")
    return 0


def _option(text: str) -> tuple[str, Any]:
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise ConfigError(f"--option must be KEY=VALUE, got {text!r}")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--option {key}: {value!r} is not a value") from error


def _show(arguments: argparse.Namespace) -> int:
    from ..draw import animate

    item = int(arguments.item) if arguments.item.isdecimal() else arguments.item
    print(f"drawn: {animate(arguments.path, item, arguments.out, overwrite=arguments.overwrite)}")
    return 0


_PATH = Argument("path", metavar="PATH")
_OPTION = Argument("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the reader")
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
            _OPTION,
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
            _OPTION,
            overwrite("OUT"),
        ),
        Command(
            "show",
            "animate one skeleton sequence",
            "attentive data show skeletons.npz --item 3 --out film.gif",
            _show,
            _PATH,
            Argument("--item", default="0", metavar="N", help="number of the sequence from 0, or its name (default 0)"),
            Argument("--out", default="sequence.gif", metavar="FILE", help=".gif or .mp4 (default sequence.gif)"),
            overwrite("FILE"),
        ),
    ),
)
