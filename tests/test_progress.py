"""Bars of long work: rows on a terminal, a line now and then in a pipe, steps that are counted once."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from attentive_rnn import progress
from attentive_rnn.progress import bar, steps


def terminal() -> Console:
    return Console(file=StringIO(), width=120, force_terminal=True)


def test_a_bar_on_a_terminal_shows_title_time_left_and_note():
    console = terminal()
    with bar("videos", 4, console) as shown:
        shown.update(2, note="wave.mp4")
    text = console.file.getvalue()
    for part in ("videos", "50%", "left", "wave.mp4"):
        assert part in text


def test_no_time_is_left_of_what_is_done_or_not_counted():
    for total in (2, None):
        console = terminal()
        with bar("videos", total, console) as shown:
            shown.update(2)
        assert "left" not in console.file.getvalue().splitlines()[-1]


def test_without_a_terminal_there_is_a_line_now_and_then(monkeypatch):
    console = Console(file=StringIO(), width=120)
    with bar("videos", 4, console) as shown:
        shown.advance()
        assert console.file.getvalue() == ""
        monkeypatch.setattr(progress, "SECONDS", 0.0)
        shown.update(2, note="wave.mp4")
    assert console.file.getvalue() == "videos 2/4  0:00:00 left  wave.mp4\n"


def test_steps_within_steps_go_on_counting():
    console = Console(file=StringIO(), width=120)
    with steps("run", 3, console) as outer:
        outer.begin("first")
        with steps("run", 2, console) as inner:
            inner.begin("second")
            inner.begin("third")
    lines = console.file.getvalue().splitlines()
    assert [line.split("  ")[0].split(" ")[:4] for line in lines] == [["run", str(i), "of", "3"] for i in (1, 2, 3)]
    assert lines[0].endswith("first")
    assert lines[2].endswith("third")


def test_a_bar_within_steps_is_a_row_below_them():
    console = terminal()
    with steps("run", 2, console) as runs:
        runs.begin("gru")
        with bar("epoch 1/5", 10, console) as inner:
            inner.update(5, note="loss 0.5")
            assert progress._Shown.rows == 2
            progress._Shown.progress.refresh()
    assert progress._Shown.progress is None
    text = console.file.getvalue()
    assert "run 1 of 2" in text
    assert "loss 0.5" in text
