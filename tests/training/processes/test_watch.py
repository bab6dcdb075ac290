"""The connections by which the processes of a group learn of each other's end, here between small programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

# A group of three; what process 0 makes goes to the others by a pair of pipes each.
PROGRAM = """
import json, sys, time
from attentive_rnn.training.processes.watch import Watch

rank, ending = int(sys.argv[1]), sys.argv[2]

def first(make):
    if rank > 0:
        return json.loads(sys.stdin.readline())
    print(json.dumps(make()), flush=True)

watch = Watch(rank, 3, first)
print("connected", file=sys.stderr, flush=True)
if ending == "waits":
    time.sleep(600)
if ending == "fails":
    watch.tell("the data are missing")
    sys.exit(2)
try:
    watch.finish()
    print("done", file=sys.stderr)
except ConnectionError:
    print("ended:", watch.ended(0), watch.speaks, file=sys.stderr)
watch.close()
"""


def group(*endings: str) -> list[subprocess.Popen[str]]:
    """Three processes that are connected, and then end each in its own way."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), ending],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, ending in enumerate(endings)
    ]
    place = processes[0].stdout.readline()
    for process in processes[1:]:
        process.stdin.write(place)
        process.stdin.flush()
    for process in processes:
        assert process.stderr.readline() == "connected\n"
    return processes


def said(processes) -> list[str]:
    texts = []
    for process in processes:
        with process:
            process.wait(timeout=60)
            # Not by `communicate`, which passes over what came together with the first line.
            texts.append(process.stderr.read().strip())
    return texts


def test_all_end_when_all_are_done():
    assert said(group("ends", "ends", "ends")) == ["done"] * 3


def test_process_0_learns_why_another_has_ended_and_is_the_one_to_say_so():
    texts = said(group("ends", "ends", "fails"))
    assert texts[0] == "ended: the data are missing True"
    assert texts[1].startswith("ended: process 0 on ")
    assert texts[1].endswith("has ended and said why False")


@pytest.mark.parametrize(("killed", "speaker"), [(2, 0), (1, 0), (0, 1)])
def test_a_killed_process_is_named_by_one_of_the_others(killed, speaker):
    processes = group(*("waits" if rank == killed else "ends" for rank in range(3)))
    os.kill(processes[killed].pid, signal.SIGKILL)
    texts = said(processes)
    assert f"process {killed} on " in texts[speaker]
    assert "has ended without a word" in texts[speaker]
    assert [text.endswith("True") for text in texts] == [rank == speaker for rank in range(3)]


def test_processes_that_wait_elsewhere_end_all_the_same_with_one_line():
    processes = group("waits", "waits", "waits")
    os.kill(processes[1].pid, signal.SIGKILL)
    texts = said(processes)
    assert [process.returncode for process in processes] == [2, -signal.SIGKILL, 2]
    assert texts[0].startswith("attentive: error: process 1 on ")
    assert texts[1:] == ["", ""]
