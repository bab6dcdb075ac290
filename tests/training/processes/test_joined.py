"""Training by torchrun and by SLURM on two machines, which here are two agents and two processes of this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from rich.console import Console

from attentive_rnn.cli import main
from attentive_rnn.training import list_runs, train
from attentive_rnn.training.processes import joined
from several_processes import CHANGES, children, epochs_in, rows, timeless, wait_until, weights

CHANGED = CHANGES | {"training__max_epochs": "2"}
LONG = CHANGES | {"training__max_epochs": "60", "training__patience": "60", "optim__lr": "0.01"}


@pytest.fixture(scope="module")
def alone(small_config, tmp_path_factory):
    """The run of one process."""
    return train_here(small_config(**CHANGED), tmp_path_factory)


@pytest.fixture(scope="module")
def long(small_config, tmp_path_factory):
    """A longer run of two processes that nothing interrupted."""
    return train_here(small_config(**LONG, devices="2"), tmp_path_factory)


def train_here(config, tmp_path_factory):
    torch.set_num_threads(1)
    return train(config, tmp_path_factory.mktemp("here"), console=Console(file=StringIO()))


def command(changes, folder: Path, *more: str) -> list[str]:
    options = [f"--{key.replace('__', '.')}={value}" for key, value in changes.items()]
    options += ["--model.hidden_size=6", "--model.num_layers=1", "--device=cpu", f"--output-dir={folder}"]
    return ["-m", "attentive_rnn", "train", "japanese-vowels", *options, *more]


@contextmanager
def started(commands, environments=({}, {})):
    """Processes whose output is read by :func:`texts`; what is left of them is killed in the end."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    processes = [
        subprocess.Popen(
            [sys.executable, *words],
            env=plain | {"OMP_NUM_THREADS": "1"} | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words, own in zip(commands, environments, strict=True)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            for child in children(process.pid) if process.poll() is None else ():
                os.kill(child, signal.SIGKILL)
            process.kill()
            process.communicate()


def agents(words: list[str], *options: str):
    """Two agents of torchrun, as on two machines, that meet on the loopback."""
    place = f"--rdzv-backend=c10d --rdzv-endpoint=127.0.0.1:{find_free_network_port()} --local-addr=127.0.0.1"
    both = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", *place.split(), *options, *words]
    return started([both, both])


def texts(processes, seconds: float = 300) -> tuple[list[str], str]:
    """The lines of all standard outputs, and what the standard errors hold."""
    read = [process.communicate(timeout=seconds) for process in processes]
    return [line for out, _ in read for line in out.splitlines()], "".join(err for _, err in read)


def errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if "attentive: error" in line]


def the_run(folder: Path):
    (run,) = list_runs(folder / "japanese-vowels")
    return run


def assert_same(run, expected) -> None:
    """Both runs have the same epochs, weights and scores, but for the order of sums."""
    for ours, theirs in zip(timeless(run), timeless(expected), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)
    for name, tensor in weights(run).items():
        assert torch.allclose(tensor, weights(expected)[name], rtol=1e-9, atol=1e-12)
    ours, theirs = run.read_results(), expected.read_results()
    assert ours["test"].pop("loss") == pytest.approx(theirs["test"].pop("loss"), rel=1e-9)
    assert ours["test"] == theirs["test"]
    assert ours["validation_count"] == theirs["validation_count"] == 54
    assert ours["best_epoch"] == theirs["best_epoch"]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_agents_of_torchrun_train_what_one_process_does(strategy, alone, tmp_path):
    with agents(command(CHANGED, tmp_path, f"--training.strategy={strategy}")) as both:
        printed, said = texts(both)
    assert [process.returncode for process in both] == [0, 0], said
    assert len([line for line in printed if line.startswith("test accuracy")]) == 1
    run = the_run(tmp_path)
    assert_same(run, alone)
    assert run.report.exists()
    assert run.read_environment()["processes"] == 2


def test_two_tasks_of_slurm_train_what_one_process_does(alone, tmp_path):
    slurm = {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "2", "SLURM_NODELIST": "localhost", "SLURM_LOCALID": "0"}
    slurm["MASTER_PORT"] = str(find_free_network_port())
    each = [slurm | {"SLURM_PROCID": str(rank), "SLURM_NODEID": str(rank)} for rank in range(2)]
    with started([command(CHANGED, tmp_path)] * 2, each) as both:
        printed, said = texts(both)
    assert [process.returncode for process in both] == [0, 0], said
    assert len([line for line in printed if line.startswith("test accuracy")]) == 1
    assert_same(the_run(tmp_path), alone)


def test_a_task_of_slurm_that_the_others_do_not_join_says_so(tmp_path, monkeypatch, capsys):
    slurm = {"SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODELIST": "localhost"}
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    for name, value in (slurm | {"MASTER_PORT": str(find_free_network_port())}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(joined, "MAYBE_STARTED", joined.MAYBE_STARTED / 60)
    assert main(command(CHANGED, tmp_path)[2:]) == 2
    (said,) = errors(capsys.readouterr().err)
    assert "the 2 processes of SLURM did not find each other at localhost:" in said
    assert "env -u SLURM_NTASKS attentive" in said
    assert not list(tmp_path.iterdir())
    assert "MASTER_ADDR" not in os.environ


def test_a_mistake_is_said_once(tmp_path):
    with agents(command(CHANGED, tmp_path, "--devices=2")) as both:
        _, said = texts(both)
    assert 0 not in [process.returncode for process in both]
    assert errors(said) == ["attentive: error: devices must be 1 in the 2 processes of torchrun, got 2"]
    assert not list(tmp_path.iterdir())


def test_restarts_need_resume(tmp_path):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1"]
    with started([[*torchrun, *command(CHANGED, tmp_path)]], [{}]) as agent:
        _, said = texts(agent)
    assert agent[0].returncode != 0
    assert "--max-restarts of torchrun needs --resume" in errors(said)[0]
    assert not list(tmp_path.iterdir())


def kill_second(both, tmp_path, epochs: int) -> float:
    """Kill process 1 after so many epochs; the time then."""
    wait_until(lambda: epochs_in(tmp_path) >= epochs or any(process.poll() is not None for process in both))
    (victim,) = children(both[worker_of_second(both)].pid)
    os.kill(victim, signal.SIGKILL)
    return time.monotonic()


def worker_of_second(both) -> int:
    """The agent of process 1: which agent has which is for them to decide."""
    for number, agent in enumerate(both):
        (worker,) = children(agent.pid)
        if b"\0RANK=1\0" in b"\0" + Path(f"/proc/{worker}/environ").read_bytes():
            return number
    raise AssertionError("no process has rank 1")


def test_a_killed_process_ends_the_others_with_one_line_and_the_run_goes_on(long, tmp_path):
    with agents(command(LONG, tmp_path)) as both:
        killed = kill_second(both, tmp_path, epochs=2)
        _, said = texts(both, seconds=60)
    assert time.monotonic() - killed < 30
    assert 0 not in [process.returncode for process in both]
    (line,) = errors(said)
    assert "process 1 on " in line
    assert "has ended without a word; go on with: attentive train --resume" in line
    run = the_run(tmp_path)
    assert not run.finished

    # The same run, whose process 1 is killed once more: torchrun starts both again.
    with agents(command(LONG, tmp_path, "--resume"), "--max-restarts=2") as both:
        kill_second(both, tmp_path, epochs=len(rows(run)) + 3)
        _, said = texts(both)
    assert [process.returncode for process in both] == [0, 0], said
    assert timeless(the_run(tmp_path)) == timeless(long)
    for name, tensor in weights(the_run(tmp_path)).items():
        assert torch.equal(tensor, weights(long)[name])


LATE = """
import os, sys, time
from pathlib import Path
from attentive_rnn.cli import main

before = Path(sys.argv[1] + os.environ["RANK"])
if os.environ["RANK"] == sys.argv[2] and before.exists():
    time.sleep(5)
before.touch()
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("late", ["0", "1"])
def test_a_restarted_process_waits_for_one_that_comes_late(late, alone, tmp_path):
    # What the former processes left in torchrun's store must not be taken for what the late one has yet to say.
    program = tmp_path / "late.py"
    program.write_text(LATE)
    runs = tmp_path / "runs"
    words = [str(program), str(tmp_path / "started"), late, *command(CHANGED, runs, "--resume")[2:]]
    with agents(words, "--max-restarts=2") as both:
        kill_second(both, runs, epochs=1)
        _, said = texts(both, seconds=90)
    assert [process.returncode for process in both] == [0, 0], said
    assert_same(the_run(runs), alone)


def test_another_number_of_processes_goes_on_with_the_same_run_but_for_the_order_of_sums(long, tmp_path):
    with agents(command(LONG, tmp_path)) as both:
        kill_second(both, tmp_path, epochs=1)
        texts(both)
    began = len(rows(the_run(tmp_path)))
    assert began < int(LONG["training__max_epochs"])
    assert main([*command(LONG, tmp_path)[2:], "--resume"]) == 0
    assert_same(the_run(tmp_path), long)
