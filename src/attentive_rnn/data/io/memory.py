"""Bound on the memory that reading data may take, checked before it is taken: sizes that a file declares are claims."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import psutil

from ...errors import ConfigError, DataError

VARIABLE = "ATTENTIVE_MAX_MEMORY"
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def max_memory() -> int:
    """The bytes that the content of one data set may take: half of the machine's, or $ATTENTIVE_MAX_MEMORY.

    Raises:
        ConfigError: the variable is no size such as 500M or 8GiB.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return psutil.virtual_memory().total // 2
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ConfigError(f"{VARIABLE} must be a size such as 500M or 8GiB, got {text!r}")
    return int(float(match[1]) * 2 ** _UNITS[match[2].upper()])


def check_memory(size: int, where: str, what: str = "its content") -> None:
    """Raise DataError if something would take more bytes than :func:`max_memory`.

    Args:
        size: the bytes that it takes in memory, at least.
        where: the file, for the message.
        what: what takes them.

    Example:
        >>> check_memory(1000, "a.npz")
        >>> check_memory(10**18, "a.npz")
        Traceback (most recent call last):
        attentive_rnn.errors.DataError: a.npz: its content would take 931322575 GiB of memory, more than is allowed ...
    """
    if size <= (limit := max_memory()):
        return
    raise DataError(
        f"{where}: {what} would take {_shown(size)} of memory, more than is allowed ({_shown(limit)}); if the file is "
        f"to be trusted, set the environment variable {VARIABLE} to a larger size"
    )


def _shown(size: int) -> str:
    return f"{size / 2**30:.0f} GiB" if size >= 10 * 2**30 else f"{size / 2**20:.0f} MiB"


def written_out(
    root: Any, inside: Callable[[Any], Iterable[Any]], most: int, key: Callable[[Any], Hashable] = id
) -> int | None:
    """How many values something holds if values that it shares are counted each time, or None for more than ``most``.

    Sixty lists that each hold the one before twice are 2^60 values, which no loop over them or text of them ends.

    Args:
        root: the outermost value.
        inside: the values that a value holds itself.
        most: where to stop; a value that holds itself is more than any number.
        key: tells one value from another.

    Example:
        >>> shared = [1, 2]
        >>> written_out([shared, shared], lambda value: value if isinstance(value, list) else (), 100)
        7
    """
    sizes: dict[Hashable, int] = {}
    entered: set[Hashable] = set()
    waiting = [(root, False)]
    while waiting:
        value, left = waiting.pop()
        name = key(value)
        if left:
            sizes[name] = 1 + sum(sizes.get(key(one), most) for one in inside(value))
            if sizes[name] > most:
                return None
            entered.discard(name)
        elif name in entered:
            return None
        elif name not in sizes:
            entered.add(name)
            waiting.append((value, True))
            waiting.extend((one, False) for one in inside(value) if key(one) not in sizes)
    return sizes[key(root)]
