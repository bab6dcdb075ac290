"""Stages of a pipeline that overlap: each in a thread of its own, with a bounded queue to the next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], room: int = 2, *, newest: bool = False) -> Iterator[T]:
    """The same items in the same order, made by a thread of their own while the caller uses those before.

    Decoding and networks leave Python's lock to others while they work, so that stages one upon the other run at once.
    What the items raise is raised here, after the items before it. Closing this iterator ends the thread.

    Args:
        items: an iterable; it is used in the thread only.
        room: finished items that may wait for the caller.
        newest: for a source that cannot wait, such as a camera: while there is no room, the oldest item is dropped.

    Example:
        >>> decoded = ahead(range(4))
        >>> list(ahead(number**2 for number in decoded))
        [0, 1, 4, 9]
    """
    waiting: deque[T] = deque()
    changed = threading.Condition()
    done = closed = False
    failure: BaseException | None = None

    def work() -> None:
        nonlocal done, failure
        try:
            for item in items:
                with changed:
                    while len(waiting) >= room and not closed:
                        if newest:
                            waiting.popleft()
                        else:
                            changed.wait()
                    if closed:
                        break
                    waiting.append(item)
                    changed.notify_all()
            if isinstance(items, Generator):
                items.close()  # in the thread that ran it, with what it holds open
        except BaseException as error:
            failure = error
        finally:
            with changed:
                done = True
                changed.notify_all()

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or done)
                if not waiting:
                    break
                item = waiting.popleft()
                changed.notify_all()
            yield item
        if failure is not None:
            raise failure
    finally:
        with changed:
            closed = True
            changed.notify_all()
        thread.join()
