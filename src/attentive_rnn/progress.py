"""Bars of long work on the standard error; where there is no terminal, a line now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .terminal import standard_error

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

SECONDS = 30.0  # between two lines where there is no terminal


class _Shown:
    """The rows of bars that are on the terminal now: within a bar of runs there is one of epochs, say."""

    progress: Progress | None = None
    rows = 0


class Bar:
    """One row: what is done, a bar, how much of it, the time that is left, and a note such as the scores.

    Args:
        console: where it is drawn.
        title: what is done.
        total: of the parts that are counted; None: not known, and the bar only moves.
        lines: without a terminal, write a line now and then.
    """

    def __init__(self, console: Console, title: str, total: int | None = None, lines: bool = True) -> None:
        self.console, self.title, self.total = console, title, total
        self._done, self._note = 0, ""
        self._lines, self._began, self._written = lines, time.monotonic(), time.monotonic()
        self._task: Any = None
        if console.is_terminal and not console.quiet:
            _Shown.progress = _Shown.progress or _started(console)
            _Shown.rows += 1
            self._task = _Shown.progress.add_task(title, total=total, note="")

    def update(
        self, done: int | None = None, *, title: str | None = None, total: int | None = None, note: str | None = None
    ) -> None:
        """Show what has changed; what is left out stays as it is."""
        self._done = self._done if done is None else done
        self.title = self.title if title is None else title
        self.total = self.total if total is None else total
        self._note = self._note if note is None else note
        if self._task is not None and _Shown.progress is not None:
            _Shown.progress.update(
                self._task, completed=self._done, total=self.total, description=self.title, note=self._note
            )
        elif self._lines and time.monotonic() - self._written >= SECONDS:
            self.write()

    def advance(self, parts: int = 1) -> None:
        """Count parts."""
        self.update(self._done + parts)

    def write(self) -> None:
        """Write the row as a line, where there is no terminal."""
        if self._task is None:
            self._written = time.monotonic()
            count = "" if self.total is None else f" {self._done}/{self.total}"
            left = "" if not self._done or self.total is None else f"  {self._left()} left"
            self.console.print(f"{self.title}{count}{left}  {self._note}".rstrip(), highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the row away; the last one stays as it is."""
        if self._task is None or _Shown.progress is None:
            return
        _Shown.rows -= 1
        if _Shown.rows == 0:
            _Shown.progress.stop()
            _Shown.progress = None
        else:
            _Shown.progress.remove_task(self._task)
        self._task = None

    def _left(self) -> str:
        assert self.total is not None
        seconds = (time.monotonic() - self._began) / self._done * (self.total - self._done)
        hours, minutes = int(seconds // 3600), int(seconds // 60) % 60
        return f"{hours}:{minutes:02d}:{int(seconds) % 60:02d}"


@contextmanager
def bar(title: str, total: int | None = None, console: Console | None = None) -> Iterator[Bar]:
    """A bar for as long as the context lasts.

    Args:
        title: what is done.
        total: of the parts that are counted; None: not known.
        console: where it is drawn; None: the standard error.

    Example:
        >>> with bar("videos", 2) as shown:
        ...     for name in ("wave.mp4", "clap.mp4"):
        ...         shown.update(note=name)
        ...         shown.advance()
    """
    made = Bar(console or standard_error(), title, total)
    try:
        yield made
    finally:
        made.close()


class Steps:
    """The runs of an experiment, of which each is announced: "run 3 of 330"."""

    def __init__(self, shown: Bar, word: str) -> None:
        self._shown, self._word, self._begun = shown, word, 0
        self.total = shown.total or 0

    def begin(self, name: str, done: int | None = None) -> None:
        """Announce the next one; `done` is the number of those that are done, where others do some, too."""
        self._begun = self._begun if done is None else done
        self._shown.update(self._begun, note=name)
        self._begun += 1
        self._shown.update(title=f"{self._word} {self._begun} of {self._shown.total}")
        self._shown.write()


_current: list[Steps] = []


@contextmanager
def steps(word: str, total: int, console: Console | None = None) -> Iterator[Steps]:
    """Steps of long work, each with a bar of its own below; within other steps, those go on counting.

    Args:
        word: what each one is, such as "run".
        total: how many there are.
        console: where it is drawn; None: the standard error.
    """
    if _current:
        yield _current[-1]
        return
    shown = Bar(console or standard_error(), word, total, lines=False)
    _current.append(Steps(shown, word))
    try:
        yield _current[-1]
        shown.update(total)
    finally:
        _current.clear()
        shown.close()


def _started(console: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Left(TimeRemainingColumn):
        """The time that is left, of work that is counted and goes on."""

        def render(self, task: Any) -> Text:
            return Text("") if task.total is None or task.finished else super().render(task).append(" left")

    made = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        Left(),
        TextColumn("{task.fields[note]}"),
        console=console,
        refresh_per_second=4,
        speed_estimate_period=300,
    )
    made.start()
    return made
