"""The terminal: what is said on it while something loads, and Ctrl-C at any moment."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130  # the exit status after Ctrl-C
_SHOW_CURSOR, _ERASE_LINE = "\033[?25h", "\r\033[K"


class _State:
    """What Ctrl-C and the messages on the standard error depend on, of the one command of this process."""

    quiet = False  # only results, warnings and errors are wanted
    loading = False  # nothing is being written, and an exception may be lost within the code that loads
    asked = False  # Ctrl-C has been pressed
    again: Callable[[], str] | None = None  # the sentence that names the command to type next; None: no command runs


_state = _State()


def be_quiet() -> None:
    """Let nothing but results, warnings and errors be printed from here on."""
    _state.quiet = True


def standard_error() -> Console:
    """The console of progress and notes: the standard error, which takes nothing where only results are wanted."""
    from rich.console import Console

    return Console(stderr=True, quiet=_state.quiet)


@contextmanager
def loading() -> Iterator[None]:
    """Say that something slow is being loaded, on a terminal only; Ctrl-C ends the process at once meanwhile."""
    before, shown = _state.loading, sys.stderr.isatty() and not _state.quiet and not _state.loading
    _state.loading = True
    if shown:
        print("loading...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        _state.loading = before
        if shown:
            print(_ERASE_LINE, end="", file=sys.stderr, flush=True)


@contextmanager
def interruptible(argv: Sequence[str], goes_on: bool = False) -> Iterator[None]:
    """Make Ctrl-C end a command with one line: the exact command to type next, and nothing else.

    The first one raises KeyboardInterrupt, so that files are closed and bars are taken away; a second one, and the
    first while something is loaded, ends the process at once. Both are safe: files are written in one step.

    Args:
        argv: the arguments of `attentive`.
        goes_on: whether the same command, typed again, goes on where it was.
    """
    command = shlex.join(["attentive", *argv])
    _state.again = lambda: f"go on with: {command}" if goes_on else f"start again with: {command}"
    _state.asked = False
    main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, _pressed) if main_thread else None
    own = os.getpid()

    def _pressed_here(number: int, frame: FrameType | None) -> None:
        if os.getpid() != own:  # a worker that was forked; its parent ends it
            raise KeyboardInterrupt
        _pressed(number, frame)

    if main_thread:
        signal.signal(signal.SIGINT, _pressed_here)
    try:
        yield
    finally:
        _state.again = None
        if main_thread and not _state.asked:
            signal.signal(signal.SIGINT, before)


def interrupted() -> bool:
    """Whether Ctrl-C has been pressed."""
    return _state.asked
