"""The command `attentive`: its parser, the choice of the command to run, and its exit status."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, NoReturn

from .commands import (
    attention,
    compare,
    data,
    evaluate,
    explain,
    fuse,
    info,
    live,
    report,
    reproduce,
    study,
    train,
    videos,
)
from .commands.arguments import Overrides, add_commands, print_help
from .errors import ConfigError, DataWarning, UserError, either, one_line

COMMANDS = (
    train.TRAIN,
    compare.COMPARE,
    evaluate.EVALUATE,
    evaluate.PREDICT,
    explain.EXPLAIN,
    report.REPORT,
    data.DATA,
    videos.FEATURES,
    attention.MASKS,
    attention.SILHOUETTES,
    videos.POSE,
    live.STREAM,
    live.SERVE,
    fuse.FUSE,
    attention.LAGS,
    study.STUDY,
    reproduce.REPRODUCE,
    info.INFO,
    info.COMPLETION,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 1 for errors in checked data, 2 for a mistake, 130 after Ctrl-C."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DataWarning)
            warnings.showwarning = partial(_show_warning, warnings.showwarning)
            return _run(list(sys.argv[1:] if argv is None else argv))
    except UserError as error:
        print(f"attentive: error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("attentive: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the output, such as `head`, has gone; Python would complain again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # a full disk, a folder that cannot be written, a file that is gone
        where = "" if error.filename is None else f"{error.filename}: "
        print(f"attentive: error: {where}{one_line(error.strerror or error)}", file=sys.stderr)
        return 2


def _show_warning(usual: Callable[..., None], message: Warning | str, category: type[Warning], *rest: Any) -> None:
    """Print a warning about data as one line; any other as usual."""
    if not issubclass(category, DataWarning):
        return usual(message, category, *rest)
    print(f"warning: {one_line(message)}", file=sys.stderr)
    return None


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from . import __version__

        print(f"attentive-rnn {__version__}")
        parser.exit()


def _run(argv: list[str]) -> int:
    argv, overrides = _split_overrides(argv)
    parser = _Parser(prog="attentive", description="Train and use recurrent layers with attention.", allow_abbrev=False)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    parser.set_defaults(run=print_help(parser), takes_overrides=False, parser=parser)
    commands = add_commands(parser, COMMANDS)
    if argv and not argv[0].startswith("-") and argv[0] not in commands:
        raise ConfigError(f"unknown command {argv[0]!r}; {_nearest(argv[0], list(commands))}")
    arguments, unknown = parser.parse_known_args(argv)
    command = commands.get(arguments.command, parser)
    if unknown:
        options = [name for action in command._actions for name in action.option_strings if name.startswith("--")]
        kind = "option" if unknown[0].startswith("-") else "argument"
        hint = _nearest(unknown[0].split("=")[0], options) if kind == "option" else f"see {command.prog} --help"
        raise ConfigError(f"{command.prog}: unknown {kind} {unknown[0]!r}; {hint}")
    if overrides and not arguments.takes_overrides:
        raise ConfigError(f"{command.prog}: takes no --section.key options, got --{overrides[0][0]}")
    arguments.overrides = overrides
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def _split_overrides(argv: list[str]) -> tuple[list[str], Overrides]:
    """The arguments without --section.key value, and those apart."""
    rest: list[str] = []
    overrides: Overrides = []
    waiting = iter(argv)
    for argument in waiting:
        match = re.fullmatch(r"--([A-Za-z_-]+\.[^=]*)(=(.*))?", argument, re.DOTALL)
        if not match:
            rest.append(argument)
            continue
        value = match[3] if match[2] else next(waiting, None)
        if value is None or (not match[2] and value.startswith("--")):
            raise ConfigError(f"option --{match[1]} needs a value")
        overrides.append((match[1].replace("-", "_"), value))
    return rest, overrides


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=2, cutoff=0.6)
    return f"did you mean {either(near, quote=False)}?" if near else f"there are {', '.join(known)}"


if __name__ == "__main__":
    sys.exit(main())
