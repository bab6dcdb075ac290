"""Sessions of a stranger at a terminal: each command ends well, and says what the page of the sessions says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.session import COLUMNS, REFUSED, SESSIONS, make_files, normalised, play, screen

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "session.md").read_text(encoding="utf-8")
KEY_LINES = {  # by the first words of a command
    "attentive data check": ("sequences  ", "lengths  ", "classes  ", "Next: attentive train --data "),
    "attentive train": (
        "recipe ",
        "to train on",
        "run  ",
        "test accuracy",
        "always the same",
        "Next: attentive evaluate ",
    ),
    "attentive evaluate": ("test accuracy", "95 % interval", "precision  recall", "Next: attentive explain "),
    "attentive explain": ("attended to most: ", "written: ", ".png", "Next: attentive predict "),
    "attentive predict": ("Next: attentive explain ",),
    "attentive stream": ('"label"', ": frames 0 to "),
}


def words(text: str) -> str:
    """A text without its numbers, bars and spaces, which differ from machine to machine."""
    return re.sub(r"[\d.\s━╸╺]+", " ", text)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.title)
def test_a_session_of_a_stranger_ends_well_and_is_that_of_the_page(session, tmp_path):
    make_files(tmp_path)
    pieces = PAGE.split(f"## {session.title}")[1].split("\n## ")[0]
    shown = dict(re.findall(r"```text\n\$ (.+?)\n(.*?)\n```", pieces, re.DOTALL))
    for typed, written in zip(play(session, tmp_path), session.commands, strict=True):
        if typed.command in REFUSED:
            assert (typed.status, normalised(typed.shown)) == (2, shown[typed.command])
            continue
        assert typed.status == 0, typed.shown
        assert "Traceback" not in typed.shown
        command = normalised(typed.command)
        keys = KEY_LINES[" ".join(written.split()[: 3 if " data " in written else 2])]
        for key in keys:
            assert key in typed.shown, f"{command}: {key}"
            assert key in shown[command], f"docs/session.md, {command}: {key}; write it again: python -m docs.session"
        if " data check " in written:  # draws nothing at random, so that the page has all of it
            assert words(normalised(typed.shown)) == words(shown[command])


def test_a_screen_is_what_is_left_of_bars_and_colours():
    received = "\x1b[?25lepoch 1 \x1b[32m━━━\x1b[0m\r\nnote\r\n\x1b[1A\x1b[2K\x1b[1A\x1b[2Kepoch 2 ━━━━━━\r\n\x1b[?25h"
    assert screen(received) == "epoch 2 ━━━━━━"
    assert COLUMNS == 100
