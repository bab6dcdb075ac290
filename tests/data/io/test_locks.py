"""Locks between real processes, however they end, and what a killed process leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from attentive_rnn.data.io.locks import beside, held, remove_leftovers, temporary
from attentive_rnn.errors import ConfigError

HOLD = """
import sys, time
from pathlib import Path
from attentive_rnn.data.io.locks import held
with held(Path(sys.argv[1]), wait=True):
    print("held", flush=True)
    sys.stdin.readline()
"""
ADD = """
import sys
from pathlib import Path
from attentive_rnn.data.io.locks import held
counter = Path(sys.argv[1])
for _ in range(200):
    with held(counter, wait=True):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def _holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_full_disk_keeps_nobody_from_a_lock(tmp_path):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\nwith held"  # after the imports
    code = HOLD.replace("with held", full)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], input="", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "held\n"), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "table.csv"])
def test_a_second_process_is_told_who_holds_it(tmp_path, name):
    path = tmp_path / name
    with _holder(path) as process:
        with pytest.raises(ConfigError, match=rf"{path}: is in use by process {process.pid} \("), held(path):
            pass
        process.communicate("\n")
    with held(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_holds_nothing(tmp_path):
    with _holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / ".lock").exists()
    with held(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()


def test_those_who_wait_come_one_after_the_other(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", ADD, str(counter)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert counter.read_text() == "800"


def test_a_lock_that_cannot_be_written_is_one_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"), held(tmp_path / "nowhere" / "file"):
        pass


def test_what_a_dead_process_left_is_removed_and_nothing_else(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / "below").mkdir()
    for name in (f".a.json.{dead.pid}.tmp", f"below/.b.{dead.pid}.tmp"):
        (tmp_path / name).touch()
    (tmp_path / f".new-{dead.pid}-abc").mkdir()
    (tmp_path / f".new-{dead.pid}-abc" / "config.yaml").touch()
    kept = [temporary(tmp_path / "c.json").name, ".mine.tmp", f"d.{dead.pid}.tmp", ".new-x"]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / f".new-{os.getpid()}-abc").mkdir()
    remove_leftovers(tmp_path)
    assert {place.name for place in tmp_path.iterdir()} == {*kept, "below", f".new-{os.getpid()}-abc"}
    assert list((tmp_path / "below").iterdir()) == []


def test_a_file_of_the_longest_name_is_held_and_what_a_dead_process_left_of_it_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path = tmp_path / ("é" * 125 + "x.csv")
    assert len(os.fsencode(path.name)) == 255
    beside(path, f".{dead.pid}.tmp").touch()
    remove_leftovers(tmp_path, below=False, of=path.name)
    assert list(tmp_path.iterdir()) == []
    with held(path):
        path.touch()
    assert list(tmp_path.iterdir()) == [path]
