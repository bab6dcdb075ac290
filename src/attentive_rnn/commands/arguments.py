"""Commands of `attentive` as records, and the arguments that several of them share."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..terminal import to_json

Overrides = list[tuple[str, str]]
Run = Callable[[argparse.Namespace], int]
Next = Callable[[argparse.Namespace], Iterable[str]]
_KEYS = (
    "Every key of a recipe is an option too: --optim.lr 0.001 --model.gate null --data.path PATH.\n"
    "The recipes and all keys with their values: attentive info, attentive train RECIPE --print_config.\n\n"
)


class Argument:
    """An argument of a command, with the names and options that argparse's add_argument takes."""

    def __init__(self, *names: str, **options: Any) -> None:
        self.names, self.options = names, options


class Command:
    """A command, or an action of one.

    Args:
        name: its word on the command line.
        help: what it does, in one line.
        example: a command line that works.
        run: does what the arguments ask for and returns the exit status; None: print the help.
        arguments: what it takes.
        overrides: take --section.key VALUE for every key of a recipe; `run` finds them in arguments.overrides.
        actions: commands of its own, of which one may follow.
        light: whether it needs no PyTorch, which is loaded before others run; or a function of the arguments.
        loads: modules that it loads with PyTorch, since they are slow as well.
        goes_on: whether the same command goes on where it was, after Ctrl-C.
        next: gives the commands to type next, of which a finished one reminds.
    """

    def __init__(
        self,
        name: str,
        help: str,
        example: str,
        run: Run | None,
        *arguments: Argument,
        overrides: bool = False,
        actions: Iterable[Command] = (),
        light: bool | Callable[[argparse.Namespace], bool] = False,
        loads: tuple[str, ...] = (),
        goes_on: bool = False,
        next: Next | None = None,
    ) -> None:
        self.name, self.help, self.example, self.run = name, help, example, run
        self.arguments, self.overrides, self.actions = arguments, overrides, tuple(actions)
        self.light, self.loads, self.goes_on, self.next = light, loads, goes_on, next

    def is_light(self, arguments: argparse.Namespace) -> bool:
        """Whether it needs no PyTorch for these arguments."""
        return self.run is None or (self.light if isinstance(self.light, bool) else self.light(arguments))


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
        made.set_defaults(run=command.run or print_help(made), takes_overrides=command.overrides, record=command)
        for argument in (*command.arguments, *([QUIET] if command.run is not None else [])):
            made.add_argument(*argument.names, **argument.options)
        if command.actions:
            add_commands(made, command.actions, "action")
    return dict(subparsers.choices)


def print_help(parser: argparse.ArgumentParser) -> Run:
    """The run of a command that prints the help of its parser."""

    def run(arguments: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    return run


RECIPE = Argument(
    "recipe",
    nargs="?",
    metavar="RECIPE|DATA",
    help="a recipe, by name or the path of a .yaml file; or a data set, for which a recipe is chosen",
)
OPTION = Argument(
    "--option",
    action="append",
    default=[],
    metavar="KEY=VALUE",
    help="an option of the reader, such as missing=interpolate; may be repeated",
)
CONFIGURATION = (
    OPTION,
    Argument("--data", metavar="PATH", help="the data set; without RECIPE one is chosen for it"),
    Argument("--output-dir", "--output_dir", metavar="DIR", help="folder for the runs (default runs)"),
    Argument("--device", help="auto, cpu, cuda or cuda:INDEX (default auto)"),
    Argument("--devices", metavar="N", help="GPUs of this machine to train on together (default 1)"),
    Argument("--precision", help="32-true, 64-true, bf16-mixed or 16-mixed (default 32-true)"),
)
SEEDS = Argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="default: 0")
RUN = Argument("folder", metavar="RUN", help="a run folder")
RUN_OR_MODEL = Argument(
    "folder", metavar="RUN", help="a run folder, its model/ folder, or a model on the hub: USER/REPOSITORY"
)
MOVED_DATA = Argument("--data", metavar="PATH", help="where the run's data set is now, if it has moved")
USED_DEVICE = Argument("--device", default="cpu", help="auto, cpu, cuda or cuda:INDEX (default cpu)")
JSON = Argument("--json", action="store_true", help="print the result as one JSON document")
QUIET = Argument("--quiet", action="store_true", help="print results, warnings and errors only")
VIEWS = Argument(
    "--views",
    type=int,
    default=1,
    metavar="V",
    help="average over V random views of each sequence, drawn by the run's augmentation (default 1: as it is)",
)


TRAINING = ("attentive_rnn.training.run", "attentive_rnn.training.loop")  # what a command that trains loads


def overwrite(name: str) -> Argument:
    """The option that lets a file of the argument `name` be replaced."""
    return Argument("--overwrite", action="store_true", help=f"replace {name} if it is there")


def show(arguments: argparse.Namespace, values: Any, lines: Iterable[object]) -> None:
    """Print the result of a command: with --json the values as one document, else the lines."""
    if getattr(arguments, "json", False):
        print(to_json(values))
        return
    for line in lines:
        print(line)


def remind(arguments: argparse.Namespace) -> str:
    """What a finished command ends with: the commands to type next, a line each; empty where none are wanted."""
    command: Command = arguments.record
    if command.next is None or arguments.quiet or getattr(arguments, "json", False):
        return ""
    commands = "\n      ".join(command.next(arguments))
    return f"Next: {commands}" if commands else ""


def line(*words: object) -> str:
    """A command line of `attentive`, with quotes where a shell needs them.

    Example:
        >>> line("evaluate", "runs/my data")
        "attentive evaluate 'runs/my data'"
    """
    return shlex.join(["attentive", *map(str, words)])


def given_options(arguments: argparse.Namespace) -> list[str]:
    """The options of the reader as they were typed, for a further command on the same data."""
    return [word for option in arguments.option for word in ("--option", option)]


def after_training(arguments: argparse.Namespace) -> list[str]:
    """What to type after a training, which left its run as arguments.run_folder; nothing where there was none."""
    run = getattr(arguments, "run_folder", None)
    if run is None:
        return []
    live = [line("stream", run, "INPUT")] if getattr(arguments, "live", False) else []
    return [line("evaluate", run), line("explain", run), line("predict", run, "INPUT"), *live]


def reader_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of the reader that were given as --option KEY=VALUE."""
    return read_values("--option", arguments.option)


def read_values(option: str, words: Iterable[str]) -> dict[str, Any]:
    """What an option that takes KEY=VALUE was given, with the values that YAML makes of the texts."""
    import yaml

    values = {}
    for key, value in (_key_and_value(word, option) for word in words):
        try:
            values[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"{option} {key}: {value!r} is not a value") from error
    return values


def _key_and_value(text: str, option: str = "--option") -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise ConfigError(f"{option} must be KEY=VALUE, got {text!r}")
    return key, value


def chosen_recipe(arguments: argparse.Namespace) -> tuple[str | None, Overrides]:
    """The recipe that was named, and what all options override; None where one is to be chosen for data.path."""
    from ..training.recipes import is_recipe

    recipe, data = arguments.recipe, arguments.data
    if recipe is not None and not is_recipe(recipe) and Path(recipe).expanduser().exists():
        if data is not None:
            raise ConfigError(f"{recipe} is no recipe, and --data names the data set already; give one of them")
        recipe, data = None, recipe
    overrides: Overrides = [] if data is None else [("data.path", data)]
    overrides += [(f"data.options.{key}", value) for key, value in map(_key_and_value, arguments.option)]
    overrides += arguments.overrides
    for option in ("seed", "init_from", "output_dir", "device", "devices", "precision"):
        if getattr(arguments, option, None) is not None:
            overrides.append((option, getattr(arguments, option)))
    if recipe is None and not any(key in ("data.path", "data.source") for key, _ in overrides):
        raise ConfigError("give a RECIPE (see attentive info), or a data set, as in `attentive train DATA`")
    return recipe, overrides
