"""Stages that overlap: nothing is lost, bounded queues, errors in their place, and threads that end."""

from __future__ import annotations

import threading
import time

import pytest

from attentive_rnn.video.stages import ahead


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_a_source_that_can_wait_loses_nothing_and_is_never_far_ahead():
    taken = []

    def source():
        for i in range(50):
            taken.append(i)
            yield i

    got = []
    for item in ahead(source(), room=3):
        time.sleep(0.001)
        assert len(taken) <= len(got) + 5  # this one, three that wait, and one in the hand of the thread
        got.append(item)
    assert got == list(range(50))
    assert not threads()


def test_of_a_source_that_cannot_wait_the_newest_items_are_given():
    done = threading.Event()

    def camera():
        yield from range(20)
        done.set()

    items = ahead(camera(), room=2, newest=True)
    first = next(items)
    assert done.wait(10)
    got = [first, *items]  # the first, and those that wait then
    assert got == sorted(set(got))
    assert got[-2:] == [18, 19]
    assert len(got) <= 3


def test_stages_work_at_the_same_time():
    """The thread makes the next item while the caller uses one: both wait for the other, which never comes in turns."""
    meeting = threading.Barrier(2, timeout=10)

    def source():
        yield 0
        for i in range(1, 5):
            meeting.wait()
            yield i

    for item in ahead(source()):
        if item < 4:
            meeting.wait()


def test_an_error_comes_after_the_items_before_it():
    def source():
        yield 1
        raise ValueError("the file ends here")

    items = ahead(2 * item for item in ahead(source()))
    assert next(items) == 2
    with pytest.raises(ValueError, match="the file ends here"):
        next(items)
    assert not threads()


def test_a_stage_that_is_left_ends_those_before_it():
    closed = []

    def source():
        try:
            while True:
                yield 0
        finally:
            closed.append(threading.current_thread().name)

    items = ahead((item for item in ahead(source())), room=1)
    assert next(items) == 0
    items.close()
    assert not threads()
    assert closed == ["ahead"]
