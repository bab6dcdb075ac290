"""A small part of `make chaos`: kills, a full disk and a read-only folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[1] / "tools" / "chaos.py"


def test_commands_that_are_disturbed_and_given_again_end_as_if_nothing_had_happened():
    call = [sys.executable, str(TOOL), "--only", "train", "features", "convert", "--kills", "1", "--points", "3"]
    done = subprocess.run(call, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| `attentive train` | 3 | 1 | 1 | 1 | 0 |" in done.stdout


def environment() -> dict[str, str]:
    """That of a process which finds the package and the helpers of the tests."""
    import os

    import attentive_rnn

    places = [Path(attentive_rnn.__file__).parents[1], Path(__file__).parent]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places)), "OMP_NUM_THREADS": "1"}
