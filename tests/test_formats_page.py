"""docs/formats.md can be followed from top to bottom: its programs, commands and printed reports are what one gets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from attentive_rnn.cli import main

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|console|sh|yaml)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


def run(command, folder):
    """Run a command line of the page, the newest run in place of <time>."""
    words = shlex.split(command, comments=True)
    assert words.pop(0) == "attentive"
    found = [word.replace("<time>", _newest(folder / word)) if "<time>" in word else word for word in words]
    assert main(found) == 0, command


def _newest(path):
    return max(entry.name for entry in path.parent.iterdir() if (entry / "config.yaml").is_file())


def test_the_page_runs_from_top_to_bottom_and_prints_what_it_shows(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "docs/formats.md", "exec"), {})
        elif kind == "yaml":
            Path(re.match(r"# (\S+)", text)[1]).write_text(text)
        elif kind == "console":
            command, _, shown = text.removeprefix("$ ").partition("\n")
            capsys.readouterr()
            run(command, folder)
            assert capsys.readouterr().out == shown
        else:
            for command in text.splitlines():
                run(command, folder)
    assert (folder / "runs" / "mine").is_dir()


def test_every_note_of_the_report_is_explained():
    source = Path(__file__).resolve().parents[1] / "src" / "attentive_rnn" / "data"
    kinds = [
        "name no training and test part",
        "are copies of one in",
        "has a single frame",
        "is all zeros",
        "stands still",
    ]
    kinds += ["begins", "ends", "with an empty frame", "is unbalanced", "features never change", "hundredfold in scale"]
    kinds += ["not to be metres", "at exactly 0", "have a second person but no first one", "the labels differ"]
    report = "".join(path.read_text() for path in sorted((source / "check").glob("*.py")))
    for kind in kinds:
        assert kind in report
        assert kind in PAGE
