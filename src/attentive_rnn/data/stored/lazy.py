"""Lists whose members are made each time they are asked for, such as the sequences of a set larger than memory.

Input: a function from a number to a member, and the numbers that the list is of. Output: a sequence type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Self, TypeVar, overload

import numpy as np
from torch import Tensor

T = TypeVar("T")


class Lazy(Sequence[T]):
    """A list whose members are made each time they are asked for; nothing is kept.

    Args:
        make: gives the member of a number.
        rows: the number of each member, int (len,).

    Example:
        >>> squares = Lazy(lambda i: i * i, np.arange(5))
        >>> squares[3], list(squares.take([4, 1]))
        (9, [16, 1])
    """

    def __init__(self, make: Callable[[int], T], rows: np.ndarray) -> None:
        self.make, self.rows = make, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> T | Self:
        return self._of(self.rows[index]) if isinstance(index, slice) else self.make(int(self.rows[index]))

    def take(self, indices: Iterable[int]) -> Self:
        """The members at some places, in that order."""
        return self._of(self.rows[np.fromiter(indices, dtype=np.int64)])

    def _of(self, rows: np.ndarray) -> Self:
        return type(self)(self.make, rows)


class LazySequences(Lazy[Tensor]):
    """Sequences (T, *frame) that are made each time they are asked for.

    Args:
        make, rows: as of :class:`Lazy`.
        known: the frames of each of the sequences that `make` knows; None: all are made once to count them.
    """

    def __init__(self, make: Callable[[int], Tensor], rows: np.ndarray, known: np.ndarray | None = None) -> None:
        super().__init__(make, rows)
        self.known = known

    @cached_property
    def lengths(self) -> np.ndarray:
        """Frames of each sequence, int64 (len,)."""
        if self.known is not None:
            return np.asarray(self.known[self.rows], dtype=np.int64)
        return np.fromiter((len(one) for one in self), dtype=np.int64, count=len(self))

    def sha256(self, index: int) -> bytes:
        """The SHA-256 of the values of a sequence."""
        return hashlib.sha256(self[index].contiguous().numpy().data).digest()

    def _of(self, rows: np.ndarray) -> Self:
        return type(self)(self.make, rows, self.known)


class Changed:
    """Sequences, and which of their joints are present, after a change that is made when they are asked for.

    The last one made is kept, since its two halves are asked for one after the other.

    Args:
        make: gives the sequence and the presence of a number.
    """

    def __init__(self, make: Callable[[int], tuple[Tensor, Tensor | None]]) -> None:
        self._make = make
        self._last: tuple[int, Any] = (-1, None)

    def sequence(self, index: int) -> Tensor:
        """The sequence of a number."""
        made: Tensor = self._made(index)[0]
        return made

    def presence(self, index: int) -> Tensor | None:
        """Which of its joints are present, bool (T, M, V); None where its zeros say the same."""
        made: Tensor | None = self._made(index)[1]
        return made

    def _made(self, index: int) -> Any:
        last = self._last  # read once: another thread may replace it
        if last[0] != index:
            last = self._last = index, self._make(index)
        return last[1]


class Joined:
    """The function that gives the members of several lists, numbered one list after the other.

    Example:
        >>> [Joined([["a", "b"], ["c"]])(i) for i in range(3)]
        ['a', 'b', 'c']
    """

    def __init__(self, lists: Sequence[Sequence[Any]]) -> None:
        self.lists, self.starts = lists, np.cumsum([0, *map(len, lists)])

    def __call__(self, index: int) -> Any:
        which = int(np.searchsorted(self.starts, index, "right")) - 1
        return self.lists[which][index - int(self.starts[which])]
