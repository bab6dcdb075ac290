"""The command `attentive demo`: a trained model of the package at work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attentive_rnn.cli import main
from commands.calls import fails


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory, module_capture):
    """The folder of a demo, and what it printed and reminded of."""
    folder = tmp_path_factory.mktemp("demo") / "model"
    said = module_capture(["demo", str(folder)])
    return folder, said


@pytest.fixture(scope="module")
def module_capture():
    """Runs a command and gives the text of its standard output and its standard error."""
    import io
    from contextlib import redirect_stderr, redirect_stdout

    def run(words: list[str]) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            assert main(words) == 0
        return out.getvalue(), err.getvalue()

    return run


def test_it_shows_answers_an_explanation_and_how_far_to_trust_them(demonstrated):
    out, _ = demonstrated[1]
    for activity in ("Standing", "Running", "Walking", "Badminton"):
        assert f"  {activity} " in out
    assert "of the attended input" in out
    (picture,) = (word.rstrip(":") for word in out.split() if ".png" in word)
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    assert "95 % interval" in out
    assert "always the same" in out
    assert "of 40 were named rightly" in out


def test_the_commands_that_it_names_next_work(demonstrated, capsys):
    _, err = demonstrated[1]
    named = [line.removeprefix("Next:").split()[1:] for line in err.splitlines() if " attentive " in line]
    assert [words[0] for words in named] == ["predict", "evaluate", "explain", "stream", "train"]
    for words in named[:-1]:
        assert main(words) == 0, words
    assert capsys.readouterr().out.count('"track"') == 4 * 100  # the frames that were streamed


def test_it_can_be_repeated_but_overwrites_nothing_else(demonstrated, tmp_path, capsys):
    folder = demonstrated[0]
    (folder / "model" / "config.json").unlink()
    assert main(["demo", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["run"] == str(folder)
    assert set(said["labels"].values()) <= {"Standing", "Running", "Walking", "Badminton"}
    (tmp_path / "mine.txt").write_text("mine")
    assert "is there already" in fails(["demo", tmp_path], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
