"""The check of a GPU where there is none: its refusal, its record, and its parts as far as they can be asked here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tools.check_gpu import ROOT, TESTS, Part, Record, parts, run_all

PYTHON = [sys.executable, "-c"]
HANGS = "import subprocess; print('begun', flush=True); subprocess.run(['sleep', '99'])"


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what a machine without a GPU says")
def test_without_a_gpu_it_ends_with_one_line_and_status_2_and_writes_nothing(tmp_path):
    program = [sys.executable, str(ROOT / "tools" / "check_gpu.py"), "--json", str(tmp_path / "found.json")]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"nothing is checked: torch {torch.__version__} sees no GPU on this machine\n"
    assert list(tmp_path.iterdir()) == []


def test_the_record_says_of_each_part_what_it_printed_and_what_became_of_it(tmp_path):
    file = tmp_path / "made" / "found.json"
    todo = [
        Part("good", [*PYTHON, "print('one'); print('two')"]),
        Part("wrong", [*PYTHON, "raise ValueError('three')"]),
        Part("crashes", [*PYTHON, "import os; os.kill(os.getpid(), 11)"]),
        Part("hangs", [*PYTHON, HANGS], seconds=1.0),
        Part("missing", ["no program"], missing="there is no file"),
    ]
    assert not run_all(todo, Record(file, {"device": "none"}), 60.0)
    found = json.loads(file.read_text())
    assert found["device"] == "none"
    results = {part["name"]: part["result"] for part in found["parts"]}
    assert results == {
        "good": "done",
        "wrong": "failed with exit status 1",
        "crashes": "failed with exit status -11",
        "hangs": "stopped after 1 s",
        "missing": "left out: there is no file",
    }
    good, wrong, _, hangs, _ = found["parts"]
    assert good["output"] == ["one", "two"]
    assert wrong["output"][-1] == "ValueError: three"
    assert hangs["output"] == ["begun"]
    assert all(part["begun"] <= part["ended"] for part in found["parts"])
    assert os.listdir(file.parent) == [file.name]


def test_the_record_is_written_while_a_part_runs(tmp_path):
    file = tmp_path / "found.json"
    program = (
        f"print('first', flush=True)\nimport json, time\n"
        f"while not (found := json.load(open({str(file)!r}))['parts'][0])['output']: time.sleep(0.01)\n"
        f"print(found['output'], 'ended' in found)"
    )
    assert run_all([Part("reads", [*PYTHON, program])], Record(file, {}), 60.0)
    assert json.loads(file.read_text())["parts"][0]["output"] == ["first", "['first'] False"]


def test_what_no_time_is_left_for_is_left_out(tmp_path):
    assert run_all([Part("late", [*PYTHON, "print()"])], Record(tmp_path / "found.json", {}), 0.0)
    found = json.loads((tmp_path / "found.json").read_text())["parts"][0]
    assert (found["result"], found["output"]) == ("left out: no time was left", [])


def test_its_parts_are_tests_and_settings_that_exist():
    assert all((ROOT / "tests" / file).is_file() for file in TESTS)
    every = {part.name: part for part in parts(Path("no such file"))}
    assert every["an epoch on N-UCLA"].missing == "there is no file no such file"
    epoch = [*parts(ROOT / "README.md")[1].command, "--print_config"]
    assert "max_epochs: 1" in subprocess.run(epoch, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what a machine without a GPU says")
def test_its_benchmarks_are_understood_and_say_that_there_is_no_gpu():
    done = subprocess.run(parts(None)[-1].command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.split(":")[0]) == (2, "nothing is measured")
