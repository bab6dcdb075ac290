"""Ctrl-C at any moment of a command: one line that names the next command, status 130, and whole files only."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from attentive_rnn.cli import main
from commands.calls import COMMAND, SMALL, VOWELS

RUN = ["train", VOWELS, *SMALL, "--training.max_epochs", "3"]
# A command whose checkpoints are a batch apart, as they are minutes apart in long epochs, and each batch slow.
OFTEN = """
import sys, time
from attentive_rnn.training import loop
from attentive_rnn.__main__ import main
loop.SECONDS_BETWEEN_CHECKPOINTS = 0.0
evaluate = loop.Loop.evaluate
loop.Loop.evaluate = lambda *given: time.sleep(0.2) or evaluate(*given)
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def started(command: list[str], **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        **options,
    )


def wait_for(pattern: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not list(Path().glob(pattern)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def leftovers() -> list[Path]:
    return list(Path().rglob("*.tmp")) + list(Path().rglob(".new-*"))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_ctrl_c_while_a_command_loads_names_the_same_command(seconds):
    process = started([*COMMAND, *RUN])
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    line = errors.splitlines()[-1]
    assert line.startswith(("attentive: interrupted; start again with: attentive train", "attentive: interrupted; go"))
    assert "Traceback" not in errors
    assert leftovers() == []


def test_ctrl_c_within_the_first_epoch_goes_on_from_the_middle_to_the_same_bits():
    process = started([sys.executable, "-W", "error", "-c", OFTEN, *RUN])
    wait_for("runs/*/*/checkpoints/last.ckpt", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    (path,) = Path("runs", VOWELS).iterdir()
    assert process.returncode == 130
    parts, end = errors.splitlines()
    assert parts.startswith("recipe japanese-vowels, ")
    assert end == f"attentive: interrupted; go on with: attentive train --resume {path}"
    assert leftovers() == []
    assert not (path / "checkpoints/best.ckpt").exists()
    process = started([*COMMAND, "train", "--resume", str(path)])
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "continuing after epoch 0, batch " in errors
    assert f"Next: attentive evaluate {path}\n" in errors
    assert main([*RUN, "--output-dir", "whole", "--quiet"]) == 0
    (whole,) = Path("whole", VOWELS).iterdir()
    assert (path / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


def test_a_pressed_key_in_a_terminal_ends_with_the_same_line():
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *RUN, "--training.max_epochs", "500"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "120"},
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    shown = b""
    while b"valid " not in shown and (part := os.read(ours, 4096)):
        shown += part
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=60)
    os.set_blocking(ours, False)
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass
    os.close(ours)
    text = shown.decode()
    assert process.returncode == 130
    assert "loading..." in text
    assert "loss" in text
    assert "left" in text
    last = text.rstrip().splitlines()[-1].removeprefix("\033[?25h")  # the cursor is shown again
    assert last.startswith("attentive: interrupted; go on with: attentive train --resume runs/")
    assert "Traceback" not in text


def test_nothing_is_said_of_loading_without_a_terminal(capsys):
    assert main(["data", "check", "absent.npz"]) == 2
    assert "loading" not in capsys.readouterr().err
