"""Samples that cannot be used: the first is an error, or all of them are left out, counted and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, get_args

from ...errors import DataError, counted
from ..options import one_of

Bad = Literal["refuse", "skip"]
T = TypeVar("T")


class BadSamples:
    """The bad samples that a reader meets.

    Args:
        missing: the option of the reader; "skip" leaves bad samples out, and anything else makes the first an error.

    Example:
        >>> def broken():
        ...     raise DataError("a.csv, line 2: x is 'ERR', not a number")
        >>> bad = BadSamples("skip")
        >>> bad.read(lambda: "a sample"), bad.read(broken)
        ('a sample', None)
        >>> bad.notes("here", 2)
        ["here: 1 of 2 sequences are left out (missing=skip); first: a.csv, line 2: x is 'ERR', not a number"]
    """

    def __init__(self, missing: str) -> None:
        self.skip = missing == "skip"
        self.errors: list[str] = []

    def read(self, make: Callable[[], T]) -> T | None:
        """What ``make`` returns, or None where it raises DataError and bad samples are left out."""
        try:
            return make()
        except DataError as error:
            if not self.skip:
                text = str(error)
                hint = "" if "missing=" in text else "; --option missing=skip leaves out what cannot be read"
                raise DataError(text + hint) from error
            self.errors.append(str(error))
            return None

    def notes(self, where: str, total: int) -> list[str]:
        """The note that counts the samples left out of ``total`` and says why the first one was; none for none.

        Raises:
            DataError: all were left out.
        """
        if not self.errors:
            return []
        if len(self.errors) >= total:
            raise DataError(f"{where}: all {counted(total, 'sequence')} are bad; the first: {self.errors[0]}")
        some = f"{len(self.errors)} of {counted(total, 'sequence')}"
        return [f"{where}: {some} are left out (missing=skip); first: {self.errors[0]}"]


def check_bad(where: str, missing: str) -> BadSamples:
    """The bad samples of a reader whose option can be "refuse" or "skip" only; ConfigError for another value."""
    one_of(where, "missing", missing, get_args(Bad))
    return BadSamples(missing)
