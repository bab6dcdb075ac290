"""Launchers of one study of which one is killed every few seconds, against the same study by one that nobody disturbs.

    PYTHONPATH=tests python tools/chaos_study.py --write docs/reliability.md

The launchers are processes forked from this one; one that was killed is started again. When all have ended, every row
must be in the table once, in the order of the study, each run must have been trained in one folder, and tables, weights
and results must be those of the launcher that was alone, times aside, with nothing left over. The exit status is 1 if
anything differs.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from chaos import Target, content, differences, warm
from pages import write_between

COMMAND = ["study", "study.yaml", "--table", "tables/study.csv"]
TARGET = Target(COMMAND, COMMAND, ".", r"launcher-\d+\.log")
STUDY = """
seeds: [{seeds}]
models: [no-gate, gate]
runs:
- {{name: gestures, recipe: sequence, data: gestures.csv, set: {{{changes}}}}}
"""
CHANGES = "model.hidden_size: 1, model.num_layers: 1, training.max_epochs: 1, data.valid_fraction: 0, device: cpu"


def place(folder: Path, runs: int) -> Path:
    """A folder with a study of so many runs on a hundred short sequences."""
    folder.mkdir()
    seeds = ", ".join(map(str, range(runs // 2)))
    (folder / "study.yaml").write_text(STUDY.format(seeds=seeds, changes=CHANGES))
    rows = [f"{i // 5},{'ab'[i % 10 // 5]},{i * 0.5},{-i}" for i in range(500)]
    (folder / "gestures.csv").write_text("\n".join(["id,label,x,y", *rows]) + "\n")
    return folder


def started(folder: Path, number: int) -> int:
    """The number of a process that runs the study in a folder."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        log = os.open(folder / f"launcher-{number}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.chdir(folder)
        sys.argv = ["attentive", *COMMAND]
        from attentive_rnn.cli import main

        status = main(COMMAND)
    finally:
        sys.stdout.flush()
        os._exit(status)


def launched(folder: Path, workers: int, every: float, rng: random.Random) -> tuple[int, list[str]]:
    """Run the study by so many launchers; the number of kills, and how launchers failed."""
    alive = {started(folder, number): number for number in range(workers)}
    kills, faults, next_kill = 0, [], time.monotonic() + every
    while alive:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            number, code = alive.pop(child), os.waitstatus_to_exitcode(status)
            if code == -signal.SIGKILL:
                alive[started(folder, number)] = number
            elif code:
                said = (folder / f"launcher-{number}.log").read_text()[-500:]
                faults.append(f"launcher {number}: exit status {code}: ...{said}")
        elif time.monotonic() >= next_kill:
            os.kill(rng.choice(list(alive)), signal.SIGKILL)
            kills, next_kill = kills + 1, next_kill + every
        else:
            time.sleep(0.05)
    return kills, faults


def compare(alone: Path, together: Path) -> list[str]:
    """What the launchers left otherwise than one alone."""
    tables = []
    for folder in (alone, together):
        with open(folder / "tables" / "study.csv", newline="") as file:
            tables.append([row | {"seconds": ""} for row in csv.DictReader(file)])
    wrong = [] if tables[0] == tables[1] else [f"{len(tables[1])} rows instead of {len(tables[0])}, or others"]
    return wrong + differences(together, TARGET, content(alone, TARGET))


def main() -> int:
    parser = argparse.ArgumentParser(description="Launchers of one study, one killed every few seconds.")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two kills (default 5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="put the table into this page, between its marks")
    arguments = parser.parse_args()
    warm()
    parent = Path(tempfile.mkdtemp(prefix="chaos-study-"))
    alone, together = parent / "alone", parent / "study"  # one after the other in one place, which configurations name
    began = time.monotonic()
    _, faults = launched(place(together, arguments.runs), 1, float("inf"), random.Random())
    together.rename(alone)
    place(together, arguments.runs)
    alone_for, began = time.monotonic() - began, time.monotonic()
    kills, more = launched(together, arguments.workers, arguments.every, random.Random(arguments.seed))
    together_for = time.monotonic() - began
    faults += more
    faults += compare(alone, together) if not faults else []
    print("\n".join(faults) or f"one launcher {alone_for:.0f} s, {arguments.workers} {together_for:.0f} s")
    table = (
        "| launchers | runs | killed, one every | kills | rows lost, twice or other; files that differ or are left |\n"
        "|--:|--:|--:|--:|--:|\n"
        f"| {arguments.workers} | {arguments.runs} | {arguments.every:g} s | {kills} | {len(faults)} |"
    )
    print(table)
    if arguments.write is not None:
        write_between(arguments.write, "chaos study", table)
    shutil.rmtree(parent)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
