"""Small parts of `make chaos`, `make soak` and `make check-kernels`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attentive_rnn

ROOT = Path(__file__).parents[1]
PLACES = [Path(attentive_rnn.__file__).parents[1], ROOT / "tests"]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PLACES)), "OMP_NUM_THREADS": "1"}


def run(tool: str, *options: str) -> str:
    """What a tool prints that finds no fault."""
    call = [sys.executable, str(ROOT / "tools" / tool), *options]
    done = subprocess.run(call, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_commands_that_are_disturbed_and_given_again_end_as_if_nothing_had_happened():
    said = run("chaos.py", "--only", "train", "features", "convert", "--kills", "1", "--points", "3")
    assert "| `attentive train` | 3 | 1 | 1 | 1 | 0 |" in said


def test_the_rows_of_commands_that_were_not_disturbed_stay(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import chaos

    before = chaos.table({"train": chaos.Tried({"full disk": 3}), "demo": chaos.Tried({"full disk": 1})})
    after = chaos.table({"convert": chaos.Tried({"full disk": 2}), "demo": chaos.Tried({}, ["lost"])}, before)
    assert after.splitlines()[2:] == [
        "| `attentive train` | 0 | 0 | 3 | 0 | 0 |",
        "| `attentive data convert` | 0 | 0 | 2 | 0 | 0 |",
        "| `attentive demo` | 0 | 0 | 0 | 0 | 1 |",
    ]


def test_launchers_that_are_killed_leave_the_study_of_one_that_nobody_disturbed():
    said = run("chaos_study.py", "--runs", "4", "--workers", "2", "--every", "1.5")
    assert "| 2 | 4 | 1.5 s | " in said


def test_long_use_leaves_memory_and_descriptors_as_they_were():
    said = run("soak.py", "--minutes", "0.2")
    assert "| page |" in said


def test_random_calls_of_the_kernels_agree_with_the_reference():
    assert "100 calls" in run("check_kernels.py", "--count", "100")
