"""`attentive data`: what can be read, what is in a file, and files in other formats or as pictures."""

from __future__ import annotations

import argparse
import json
from typing import Any

import yaml

from ..errors import ConfigError


def add(data: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive data` its actions."""
    data.set_defaults(run=_help, parser=data)
    actions = data.add_subparsers(dest="action", metavar="ACTION")

    listing = actions.add_parser("list", help="the data sets and formats that can be read", allow_abbrev=False)
    listing.set_defaults(run=_list)

    check = actions.add_parser("check", help="what is in a data set, and what is odd about it", allow_abbrev=False)
    check.add_argument("path", metavar="PATH")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the reader")
    check.add_argument("--picture", metavar="FILE", help="draw sample sequences into a .png or .svg")
    check.add_argument("--overwrite", action="store_true", help="replace the picture if it is there")
    check.set_defaults(run=_check)

    convert = actions.add_parser("convert", help="write a data set as .npz, .parquet or .pkl", allow_abbrev=False)
    convert.add_argument("path", metavar="PATH")
    convert.add_argument("out", metavar="OUT", help="a name that ends in .npz, .parquet or .pkl (pyskl's layout)")
    convert.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the reader")
    convert.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    convert.set_defaults(run=_convert)

    show = actions.add_parser("show", help="animate one skeleton sequence", allow_abbrev=False)
    show.add_argument("path", metavar="PATH")
    show.add_argument("--item", default="0", metavar="N", help="number of the sequence from 0, or its name (default 0)")
    show.add_argument("--out", default="sequence.gif", metavar="FILE", help=".gif or .mp4 (default sequence.gif)")
    show.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    show.set_defaults(run=_show)


def _help(arguments: argparse.Namespace) -> int:
    arguments.parser.print_help()
    return 0


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
