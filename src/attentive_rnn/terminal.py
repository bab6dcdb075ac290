"""The terminal: what is said on it while something loads, Ctrl-C at any moment, and results as JSON."""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130  # the exit status after Ctrl-C
_ERASE_LINE, _SHOW_CURSOR = "\r\033[K", "\033[?25h"


class _State:
    """What Ctrl-C and the standard error depend on, of the one command that this process runs."""

    quiet = False  # only results, warnings and errors are wanted
    at_once = False  # Ctrl-C ends the process: nothing is being written, and code that loads may lose an exception
    asked = False  # Ctrl-C has been pressed
    said = False  # and the line about it is printed
    process = 0  # the number of this process while a command runs; its forked workers have others
    again = ""  # how to go on, in words
    goes_on = False  # the same command, typed again, goes on where it was


_state = _State()


def complete_streams() -> None:
    """Let standard streams that are closed read and write nothing, and escape what their encoding has no character for.

    A file that is opened later would else get the number of a closed one, and with it what other code prints there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and (stream.encoding.lower() != "utf-8" or stream.errors == "strict"):
            stream.reconfigure(errors="backslashreplace")


def drop_output() -> None:
    """Let the standard output, which nobody can take, lead to nothing; Python would complain again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def be_quiet() -> None:
    """Let nothing but results, warnings and errors be printed from here on."""
    _state.quiet = True


def standard_error() -> Console:
    """The console of progress and notes: the standard error, which takes nothing where only results are wanted."""
    return _console(_state.quiet)


def tell(text: str) -> None:
    """Print a line on what is being done on the standard error, unless only results are wanted."""
    standard_error().print(text, highlight=False, soft_wrap=True, markup=False)


@cache  # one for all: lines that are printed while a bar is shown go above it
def _console(quiet: bool) -> Console:
    from rich.console import Console

    return Console(stderr=True, quiet=quiet)


@contextmanager
def loading() -> Iterator[None]:
    """Say on a terminal that something slow is being loaded; Ctrl-C ends the process at once meanwhile."""
    shown = sys.stderr.isatty() and not _state.quiet
    before, _state.at_once = _state.at_once, _state.process > 0
    if shown:
        print("loading...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        _state.at_once = before
        if shown:
            print(_ERASE_LINE, end="", file=sys.stderr, flush=True)


@contextmanager
def interruptible(argv: Sequence[str], restore: bool = True) -> Iterator[None]:
    """Make Ctrl-C end a command with one line, which names the command to type next.

    Until :func:`begin_work`, while something is loaded, and when it is pressed again, the process ends at once. Else
    KeyboardInterrupt is raised, so that files are closed and bars are taken away; whoever catches it prints
    :func:`farewell`. Both are safe at any moment, since files are written in one step.

    Args:
        argv: the arguments of `attentive`.
        restore: put back what Ctrl-C did before, at the end, unless this is within another one.
    """
    inner = _state.process > 0
    _state.again, _state.goes_on = f"start again with: {shlex.join(['attentive', *argv])}", False
    _state.quiet, _state.at_once, _state.asked, _state.said = False, True, False, False
    _state.process = os.getpid()
    before: Any = signal.getsignal(signal.SIGINT)
    # A shell that starts a command in the background has it ignore Ctrl-C.
    catches = before != signal.SIG_IGN and threading.current_thread() is threading.main_thread()
    if catches:
        signal.signal(signal.SIGINT, _pressed)
    usual = sys.unraisablehook
    sys.unraisablehook = _unraisable
    try:
        yield
    finally:
        _state.at_once = True
        if restore and not inner:
            sys.unraisablehook = usual
            _state.quiet, _state.at_once, _state.process = False, False, 0
            if catches:
                signal.signal(signal.SIGINT, before)


def begin_work(goes_on: bool = False) -> None:
    """Let Ctrl-C raise KeyboardInterrupt from here on: something may be written.

    Args:
        goes_on: whether the same command, typed again, goes on where it was.
    """
    _state.at_once, _state.goes_on = False, goes_on
    if goes_on:
        _state.again = _state.again.replace("start again with", "go on with", 1)


def go_on_with(command: str) -> None:
    """Name the command that goes on from here, unless the one that runs does so itself."""
    if not _state.goes_on:
        _state.again = f"go on with: {command}"


def how_to_go_on() -> str:
    """The words of the command that goes on from here."""
    return _state.again


def watches() -> bool:
    """Whether a command runs, which says itself how to go on after Ctrl-C."""
    return _state.process > 0


def interrupted() -> bool:
    """Whether Ctrl-C has been pressed since the command began."""
    return _state.asked


def farewell() -> str:
    """The line after Ctrl-C."""
    _state.said = True
    return f"attentive: interrupted; {_state.again}"


def _pressed(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _state.process:  # a worker of a loader, which its parent ends
        raise KeyboardInterrupt
    if _state.at_once or _state.asked:
        _leave()
    _state.asked = True
    raise KeyboardInterrupt


def _leave() -> NoReturn:
    """End the process with the line, whatever it is doing."""
    if not _state.said:
        before = _ERASE_LINE + _SHOW_CURSOR if os.isatty(2) else ""
        os.write(2, f"{before}{farewell()}\n".encode(errors="surrogateescape"))
    os._exit(INTERRUPTED)


def _unraisable(found: Any) -> None:
    """End the process where Python would lose the exception of Ctrl-C, as in a finaliser."""
    if issubclass(found.exc_type, KeyboardInterrupt) and os.getpid() == _state.process:
        _leave()
    sys.__unraisablehook__(found)


def to_json(values: Any) -> str:
    """Values as JSON to be printed, which has no NaN and no infinity: these become null.

    Example:
        >>> to_json({"loss": float("nan"), "classes": ["a"]})
        '{"loss": null, "classes": ["a"]}'
    """
    text = json.dumps(_finite(values), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()  # half a character is written as an escape


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
