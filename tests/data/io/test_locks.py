"""Locks between real processes, however they end, and what a killed process leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from attentive_rnn.data.io import locks
from attentive_rnn.data.io.locks import (
    LEASE,
    beside,
    each_once,
    held,
    holder,
    remove_leftovers,
    temporary,
    temporary_folder,
)
from attentive_rnn.errors import ConfigError, InUseError

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
for _ in range(50):
    with held(counter, wait=True):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def _holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("room", [0, 100])  # bytes: the lock is empty, or cut
def test_a_full_disk_keeps_nobody_from_a_lock(tmp_path, room):
    full = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\nwith held"  # after the imports
    )
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
    assert counter.read_text() == "200"


def test_of_many_who_find_a_killed_holder_one_after_the_other_takes_over(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    with _holder(counter) as process:
        process.kill()
    processes = [subprocess.Popen([sys.executable, "-c", ADD, str(counter)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert counter.read_text() == "200"
    assert list(tmp_path.iterdir()) == [counter]


def elsewhere(path, seconds_ago):
    """A lock as a process of another machine left it, and last touched so long ago."""
    with held(path):
        place = beside(path, ".lock")
        values = json.loads(place.read_text())
    place.write_text(json.dumps(values | {"host": "node3", "system": "node3 and when it was started", "process": 1}))
    os.utime(place, (time.time() - seconds_ago,) * 2)


def test_a_process_of_another_machine_holds_for_as_long_as_it_touches_its_lock(tmp_path):
    elsewhere(tmp_path / "row", LEASE - 60)
    with pytest.raises(InUseError, match="is in use by process 1 on node3"), held(tmp_path / "row"):
        pass
    assert holder(tmp_path / "row") == "process 1 on node3"
    elsewhere(tmp_path / "other", LEASE + 1)
    assert holder(tmp_path / "other") is None
    with held(tmp_path / "other"):
        assert holder(tmp_path / "other") == f"process {os.getpid()}"


def test_a_lock_of_the_number_of_another_process_is_nobodys(tmp_path):
    elsewhere(tmp_path / "row", 0)
    with held(tmp_path / "mine"):
        values = json.loads((tmp_path / ".mine.lock").read_text())
    (tmp_path / ".row.lock").write_text(json.dumps(values | {"started": values["started"] - 3600}))
    with held(tmp_path / "row"):
        pass


def test_a_holder_keeps_its_lock_fresh(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_BEAT", 0.01)
    with held(tmp_path):
        os.utime(tmp_path / ".lock", (0, 0))
        until = time.monotonic() + 30
        while (tmp_path / ".lock").stat().st_mtime == 0:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_locks_of_those_who_are_gone_are_left_overs_and_other_files_are_not(tmp_path):
    elsewhere(tmp_path / "gone", LEASE + 1)
    elsewhere(tmp_path / "here", 0)
    (tmp_path / ".foreign.lock").touch()
    os.utime(tmp_path / ".foreign.lock", (0, 0))
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".here.lock", ".foreign.lock"}


def test_each_is_done_once_and_what_others_hold_is_come_back_to():
    tried = []

    def work(item):
        tried.append(item)
        if item == "b" and tried.count("b") < 3:
            raise InUseError("b: is in use")
        return item.upper()

    assert list(each_once("abc", work, pause=0)) == [("a", "A"), ("c", "C"), ("b", "B")]
    assert tried == ["a", "b", "c", "b", "b"]


def test_a_lock_that_cannot_be_written_is_one_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"), held(tmp_path / "nowhere" / "file"):
        pass


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def of(owner, place):
    """A temporary file or folder as another owner would name it: `HOST-PROCESS`, or a process of this host."""
    host, process = re.search(r"\b([0-9a-f]{8})-(\d+)", place.name).groups()
    return place.with_name(
        place.name.replace(f"{host}-{process}", owner if isinstance(owner, str) else f"{host}-{owner}")
    )


def test_what_a_dead_process_left_is_removed_and_nothing_else(tmp_path, dead):
    (tmp_path / "below").mkdir()
    mine, folder = temporary(tmp_path / "c.json"), temporary_folder(tmp_path)
    for path in (tmp_path / "a.json", tmp_path / "below" / "b"):
        of(dead, temporary(path)).touch()
    left = of(dead, folder)
    left.mkdir()
    (left / "config.yaml").touch()
    kept = [mine.name, ".mine.tmp", of(dead, mine).name[1:], ".new-x", f".a.{dead}-b"]
    for name in kept:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {place.name for place in tmp_path.iterdir()} == {*kept, "below", folder.name}
    assert list((tmp_path / "below").iterdir()) == []


@pytest.mark.parametrize("host", ["00000000-", ""])  # without a host: of an older version
def test_drafts_of_another_host_are_kept_for_a_day(tmp_path, dead, host):
    mine = temporary_folder(tmp_path)
    mine.rmdir()
    folder, draft = of(f"{host}{dead}", mine), of(f"{host}{dead}", temporary(tmp_path / "a.json"))
    draft.touch()
    folder.mkdir()
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == {draft, folder}
    for place in (draft, folder):
        os.utime(place, (time.time() - 25 * 3600,) * 2)
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_longest_name_is_held_and_what_a_dead_process_left_of_it_removed(tmp_path, dead):
    path = tmp_path / ("é" * 125 + "x.csv")
    assert len(os.fsencode(path.name)) == 255
    owner = of(dead, temporary(tmp_path / "x")).name.removeprefix(".x")
    beside(path, owner).touch()
    remove_leftovers(tmp_path, below=False, of=path.name)
    assert list(tmp_path.iterdir()) == []
    with held(path):
        path.touch()
    assert list(tmp_path.iterdir()) == [path]
