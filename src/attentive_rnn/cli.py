"""The command `attentive`: its parser, the choice of the command to run, and its exit status."""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from . import terminal
from .commands import (
    attention,
    data,
    demo,
    evaluate,
    experiments,
    explain,
    export,
    fuse,
    info,
    live,
    report,
    train,
    verify,
    videos,
)
from .commands.arguments import Command, Overrides, add_commands, print_help, remind
from .errors import ConfigError, DataWarning, ToldError, UserError, either, one_line

COMMANDS = (
    demo.DEMO,
    train.TRAIN,
    experiments.COMPARE,
    evaluate.EVALUATE,
    evaluate.PREDICT,
    explain.EXPLAIN,
    attention.SENSORS,
    report.REPORT,
    verify.VERIFY,
    data.DATA,
    videos.FEATURES,
    attention.MASKS,
    attention.SILHOUETTES,
    videos.POSE,
    live.STREAM,
    live.SERVE,
    export.EXPORT,
    fuse.FUSE,
    attention.LAGS,
    experiments.STUDY,
    experiments.REPRODUCE,
    info.INFO,
    info.COMPLETION,
)


UNUSABLE = {  # the errors of files and disks that the user can mend
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.EFBIG),
}
HELP = """Train and use recurrent layers with attention.

  data check  ->  train  ->  evaluate  ->  explain  ->  predict, stream or serve  ->  export

  attentive demo                       a trained model at work: answers, an explanation, how far to trust it
  attentive train japanese-vowels      a first run, with data of the package; it says what to type next
  attentive train --data PATH          a run on your own data; first look at them: attentive data check PATH
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 1 for errors in checked data, 2 for a mistake, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    terminal.complete_streams()
    with terminal.interruptible(words):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", DataWarning)
                warnings.showwarning = partial(_show_warning, warnings.showwarning)
                status = _run(words)
                sys.stdout.flush()
                return status
        except KeyboardInterrupt:
            return _interrupted()
        except BrokenPipeError:
            terminal.drop_output()  # its reader, such as `head`, has gone
            return 141
        except Exception as error:
            if terminal.interrupted():  # such as a library's error about a worker that Ctrl-C ended
                return _interrupted()
            if not isinstance(error, UserError) and not (isinstance(error, OSError) and error.errno in UNUSABLE):
                raise
            if not isinstance(error, ToldError):
                print(f"attentive: error: {one_line(_in_words(error))}", file=sys.stderr)
            try:
                sys.stdout.flush()
            except OSError:
                terminal.drop_output()
            return 2


def _interrupted() -> int:
    print(terminal.farewell(), file=sys.stderr)
    return terminal.INTERRUPTED


def _in_words(error: Exception) -> str:
    """The message of an error; of a file or disk that cannot be used, as those of this package begin."""
    if isinstance(error, UserError) or not isinstance(error, OSError):
        return str(error)
    where = "a file or the output" if error.filename is None else error.filename
    return f"{where}: cannot be used: {error.strerror}"


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
    parser = _Parser(
        prog="attentive", description=HELP, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.set_defaults(run=print_help(parser), takes_overrides=False, parser=parser, record=None)
    commands = add_commands(parser, COMMANDS)
    if argv and not argv[0].startswith("-") and argv[0] not in commands:
        raise ConfigError(f"unknown command {argv[0]!r}; {_nearest(argv[0], list(commands), 'attentive')}")
    arguments, unknown = parser.parse_known_args(argv)
    command = commands.get(arguments.command, parser)
    if unknown:
        options = [name for action in command._actions for name in action.option_strings if name.startswith("--")]
        kind = "option" if unknown[0].startswith("-") else "argument"
        near = options if kind == "option" else []
        hint = _nearest(unknown[0].split("=")[0], near, command.prog)
        raise ConfigError(f"{command.prog}: unknown {kind} {unknown[0]!r}; {hint}")
    if overrides and not arguments.takes_overrides:
        raise ConfigError(f"{command.prog}: takes no --section.key options, got --{overrides[0][0]}")
    arguments.overrides = overrides
    record: Command | None = arguments.record
    if record is None or record.run is None:
        return int(arguments.run(arguments))
    if arguments.quiet:
        terminal.be_quiet()
    if (recipe := getattr(arguments, "recipe", None)) is not None and not os.path.exists(recipe):
        from .training.recipes import read_recipe

        read_recipe(recipe, overrides)  # a mistake in it is said at once
    if not record.is_light(arguments):
        with terminal.loading():
            for module in ("torch", *record.loads):
                with suppress(ImportError):  # the command says what is missing, and why it needs it
                    import_module(module)
    terminal.begin_work(record.goes_on)
    status = int(arguments.run(arguments))
    if status == 0 and (reminder := remind(arguments)):
        print(reminder, file=sys.stderr)
    return status


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


def _nearest(name: str, known: list[str], otherwise: str) -> str:
    near = get_close_matches(name, known, n=2, cutoff=0.6)
    return f"did you mean {either(near, quote=False)}?" if near else f"see {otherwise} --help"


if __name__ == "__main__":
    sys.exit(main())
