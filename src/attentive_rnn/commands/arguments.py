"""Commands of `attentive` as records, and the arguments that several of them share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..errors import ConfigError

Overrides = list[tuple[str, str]]
_KEYS = (
    "Every key of a recipe is an option too: --optim.lr 0.001 --model.gate null --data.path PATH.\n"
    "The recipes and all keys with their values: attentive info, attentive train RECIPE --print_config.\n\n"
)


class Command(NamedTuple):
    """A command, or an action of one.

    Args:
        name: its word on the command line.
        help: what it does, in one line.
        example: a command line that works.
        add_arguments: gives its parser the arguments.
        run: does what the arguments ask for and returns the exit status; None: print the help.
        overrides: take --section.key VALUE for every key of a recipe; `run` finds them in arguments.overrides.
    """

    name: str
    help: str
    example: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int] | None = None
    overrides: bool = False


def add_commands(
    parser: argparse.ArgumentParser, commands: Iterable[Command], kind: str = "command"
) -> dict[str, argparse.ArgumentParser]:
    """Give a parser its commands, of which one may follow; return their parsers by name."""
    subparsers = parser.add_subparsers(dest=kind, metavar=kind.upper())
    for command in commands:
        made = subparsers.add_parser(
            command.name,
            help=command.help,
            description=command.help,
            epilog=f"{_KEYS if command.overrides else ''}Example:\n  {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        made.set_defaults(run=command.run or print_help(made), takes_overrides=command.overrides)
        command.add_arguments(made)
    return dict(subparsers.choices)


def print_help(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """The run of a command that prints the help of its parser."""

    def run(arguments: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    return run


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a command that takes none."""


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """RECIPE, and the options that change it."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="name of a recipe, or path of a .yaml file")
    add_configuration(parser)


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Options for keys of a recipe that lie outside its sections, and for the data."""
    parser.add_argument("--data", metavar="PATH", help="the data set; without RECIPE a general recipe is chosen for it")
    parser.add_argument("--output-dir", "--output_dir", metavar="DIR", help="folder for the runs (default runs)")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:INDEX (default auto)")
    parser.add_argument("--devices", metavar="N", help="GPUs of this machine to train on together (default 1)")
    parser.add_argument("--precision", help="32-true, 64-true, bf16-mixed or 16-mixed (default 32-true)")


def chosen_recipe(arguments: argparse.Namespace, *, paper: bool = False) -> tuple[str, Overrides]:
    """The recipe that was named, or the general (or the paper's) one for --data, and what all options override."""
    from ..training.recipes import general_recipe

    overrides: Overrides = [] if arguments.data is None else [("data.path", arguments.data)]
    overrides += arguments.overrides
    for option in ("seed", "init_from", "output_dir", "device", "devices", "precision"):
        if getattr(arguments, option, None) is not None:
            overrides.append((option, getattr(arguments, option)))
    if arguments.recipe is not None:
        return arguments.recipe, overrides
    if arguments.data is None:
        raise ConfigError("give a RECIPE (see attentive info), or --data PATH")
    return general_recipe(arguments.data, paper=paper), overrides


def add_run(parser: argparse.ArgumentParser, or_model: bool = False) -> None:
    """RUN, one folder of a run, or the folder of its model."""
    parser.add_argument(
        "folder", metavar="RUN", help="a run folder, or its model/ folder" if or_model else "a run folder"
    )


def add_moved_data(parser: argparse.ArgumentParser) -> None:
    """The option for a run's data that are no longer where they were."""
    parser.add_argument("--data", metavar="PATH", help="where the run's data set is now, if it has moved")


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


def add_overwrite(parser: argparse.ArgumentParser, name: str) -> None:
    """The option that lets a file of the argument `name` be replaced."""
    parser.add_argument("--overwrite", action="store_true", help=f"replace {name} if it is there")
