"""Two sessions of a stranger at a terminal, as text: with skeletons, and with sensors of one's own.

    python -m docs.session

makes the files, types the commands of each session in a terminal of 100 columns, and writes docs/session.md.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

import numpy as np

HERE = Path(__file__).parent
COLUMNS, ROWS = 100, 50
TAKEN = 14  # lines at the beginning and at the end of a long output that the page shows
INTRODUCTION = """# Two sessions at a terminal

Written by `python -m docs.session` with files that it makes, and few epochs. Times and folders named by the time are
replaced by TIME; the figures differ a little from machine to machine. What each command can do besides:
[commands.md](commands.md).
"""
LAYOUT = """joints: [pelvis, chest, head, left hand, right hand, left foot, right foot]
bones: [[pelvis, chest], [chest, head], [chest, left hand], [chest, right hand],
        [pelvis, left foot], [pelvis, right foot]]
up: +y
unit: metres
"""
SHORT = "--training.max_epochs 15"


@dataclass(frozen=True)
class Session:
    """A heading, what the files are, and the commands; RUN is the folder that the last training printed."""

    title: str
    files: str
    commands: tuple[str, ...]


SESSIONS = (
    Session(
        "Skeletons of one's own",
        "`moves.npz` holds 48 recordings of four people who raise the left or the right hand, 7 joints by a tracker\n"
        "of one's own; `tracker.yaml` names these joints; `new.npz` is a recording without a label.",
        (
            "attentive data check moves.npz",
            "attentive data check moves.npz --option layout=tracker.yaml",
            f"attentive train moves.npz --option layout=tracker.yaml --live {SHORT}",
            "attentive evaluate RUN",
            "attentive explain RUN new.npz",
            "attentive predict RUN new.npz",
            "attentive stream RUN new.npz",
        ),
    ),
    Session(
        "Sensors of one's own",
        "`machine.csv` is a long table: 60 recordings of a machine that runs well, slips or jams, with a row for each\n"
        "moment; `today.csv` holds a recording without a label.",
        (
            "attentive data check machine.csv",
            "attentive data check machine.csv --option sequence=recording",
            f"attentive train machine.csv --option sequence=recording --live {SHORT}",
            "attentive evaluate RUN --baseline",
            "attentive explain RUN today.csv",
            "attentive predict RUN machine.csv today.csv --out answers.csv",
            "attentive stream RUN today.csv",
        ),
    ),
)

REFUSED = ("attentive data check machine.csv",)  # with a message that says what to type instead; all others succeed


@dataclass(frozen=True)
class Typed:
    """A command as it was typed, what the terminal shows at its end, and its exit status."""

    command: str
    shown: str
    status: int


def main() -> int:
    """Run the sessions, and write the page."""
    parts = [INTRODUCTION]
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder))
        for session in SESSIONS:
            parts.append(f"## {session.title}\n\n{session.files}\n")
            for typed in play(session, Path(folder)):
                assert typed.status == (2 if typed.command in REFUSED else 0), typed.shown
                parts.append(f"```text\n$ {normalised(typed.command)}\n{shortened(normalised(typed.shown))}\n```\n")
    (HERE / "session.md").write_text("\n".join(parts), encoding="utf-8")
    return 0


def make_files(folder: Path) -> None:
    """Write the files of both sessions."""
    rng = np.random.default_rng(0)
    _write_moves(folder, rng)
    _write_machine(folder, rng)


def play(session: Session, folder: Path) -> list[Typed]:
    """Type the commands of a session one after the other."""
    done: list[Typed] = []
    run = ""
    for command in session.commands:
        done.append(type_command(command.replace("RUN", run), folder))
        if found := re.search(r"^run +(\S+)$", done[-1].shown, re.MULTILINE):
            run = found[1]
    return done


def type_command(command: str, folder: Path) -> Typed:
    """Run a command in a terminal of its own, as wide as COLUMNS."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, pack("HHHH", ROWS, COLUMNS, 0, 0))
    words = [sys.executable, "-m", "attentive_rnn", *shlex.split(command)[1:]]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    with subprocess.Popen(words, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        received = b""
        while True:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not data:
                break
            received += data
    os.close(ours)
    return Typed(command, screen(received.decode(errors="replace")), process.returncode)


def screen(received: str) -> str:
    r"""The text that a terminal shows after what it received.

    Example:
        >>> screen("loading...\r\x1b[Kdone\x1b[32m!\x1b[0m\r\n50 %\r100 %\r\n")
        'done!\n100 %'
    """
    lines, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+|\x1b", received):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\r":
            column = 0
        elif piece.startswith("\x1b"):
            count = int(re.sub(r"\D", "", piece) or 1) if piece[-1:] in "AB" else 0
            if piece[-1:] == "A":
                row = max(0, row - count)
            elif piece[-1:] == "K":
                lines[row] = "" if "2" in piece else lines[row][:column]
        else:
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
            column += len(piece)
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def normalised(shown: str) -> str:
    """A text with the folders of runs, which are called by the time, and the times that something took replaced."""
    shown = re.sub(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?", "TIME", shown)
    return re.sub(r"\b\d+:\d\d:\d\d\b|\b[\d.]+ s\b", "TIME", shown)


def shortened(shown: str) -> str:
    """The beginning and the end of a long text, with a line that says how much is left out."""
    lines = shown.splitlines()
    left_out = len(lines) - 2 * TAKEN
    return shown if left_out < 2 else "\n".join([*lines[:TAKEN], f"... ({left_out} lines) ...", *lines[-TAKEN:]])


def _write_moves(folder: Path, rng: np.random.Generator) -> None:
    pose = np.array([[0, 1, 2], [0, 1.4, 2], [0, 1.7, 2], [0.4, 1, 2], [-0.4, 1, 2], [0.2, 0, 2], [-0.2, 0, 2]])

    def move(hand: int) -> np.ndarray:
        frames = np.repeat(pose[None], rng.integers(20, 40), axis=0)
        frames[:, hand, 1] += np.linspace(0, 0.8, len(frames))
        return frames + rng.normal(0, 0.02, frames.shape)

    moves = [move(3 + i % 2) for i in range(48)]
    np.savez(
        folder / "moves.npz",
        sequences=np.concatenate(moves),
        lengths=[len(one) for one in moves],
        labels=["raise right" if i % 2 else "raise left" for i in range(48)],
        subject=[i // 2 % 4 for i in range(48)],
    )
    one = move(4)
    np.savez(folder / "new.npz", sequences=one, lengths=[len(one)])
    (folder / "tracker.yaml").write_text(LAYOUT)


def _write_machine(folder: Path, rng: np.random.Generator) -> None:
    speeds = {"runs well": 1.0, "slips": 0.6, "jams": 0.1}

    def rows(recording: int, state: str) -> list[str]:
        t = np.arange(int(rng.integers(25, 45)))
        shake, current = speeds[state] * np.sin(t / 2), 2 - speeds[state] + 0.02 * t * (state == "jams")
        values = np.stack([shake, np.cos(t / 2) * speeds[state], current], 1) + rng.normal(0, 0.15, (len(t), 3))
        return [
            f"{recording},{i / 10:.1f},{state},{a:.3f},{b:.3f},{c:.3f}" for i, (a, b, c) in zip(t, values, strict=True)
        ]

    header = "recording,time,label,shake x,shake y,current"
    table = [row for i in range(60) for row in rows(i, list(speeds)[i % 3])]
    (folder / "machine.csv").write_text("\n".join([header, *table]) + "\n")
    without = [re.sub(r",jams,", ",,", row) for row in rows(0, "jams")]
    (folder / "today.csv").write_text("\n".join([header, *without]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
