"""The processes of a run on several devices: this one, and one more for each device after the first."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

from ..errors import ConfigError
from .run_folder import RunFolder

READY = "ready"  # what a process says when all that it reads is read
GRACE = 10.0  # seconds in which a run whose process has died may end by itself


class Place(NamedTuple):
    """Which of the processes of a run this one is: the `rank`-th of `world`, which meet at a port of this machine."""

    rank: int = 0
    world: int = 1
    port: int = 0


ALONE = Place()


@contextmanager
def other_processes(run: RunFolder, count: int, start: Path | None) -> Iterator[Place]:
    """Start the processes of a run after the first, which is this one, and end them whatever happens.

    The processor's threads are shared out among all. A process that dies ends the run: here by an error, or, where this
    process waits for the dead one within a library and never returns, by the end of this process.

    Args:
        run: the folder of the run, where they find the configuration.
        count: of all processes.
        start: the checkpoint that they go on from, if any.

    Yields:
        the place of this process.

    Raises:
        ConfigError: one of them could not begin, or died.
    """
    if count == 1:
        yield ALONE
        return
    if not torch.distributed.is_available():
        raise ConfigError("devices must be 1: this torch was built without torch.distributed")
    if torch.distributed.is_initialized():
        raise ConfigError("devices must be 1: this process is one of a group of torch.distributed already")
    place, finished = Place(0, count, _free_port()), threading.Event()
    with _threads_shared(count):
        started = [_start(run, place._replace(rank=rank), start) for rank in range(1, count)]
        try:
            for rank, process in enumerate(started, 1):
                _wait_for(process, rank)
            threading.Thread(target=_watch, args=(run, started, finished), daemon=True).start()
            yield place
            for process in started:
                process.wait(timeout=60)
        except Exception as error:
            message = _died(run, started, patience=1.0)
            if message is None:
                raise
            raise ConfigError(message) from error
        finally:
            finished.set()
            for process in started:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    assert pipe is not None
                    pipe.close()


def _start(run: RunFolder, place: Place, start: Path | None) -> subprocess.Popen[bytes]:
    # -P: no file of the folder it starts in is taken for a module. Ctrl-C is for the first process only.
    command = [sys.executable, "-P", "-m", "attentive_rnn.training.worker", str(run.path), *map(str, place)]
    command += [] if start is None else [str(start)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def _wait_for(process: subprocess.Popen[bytes], rank: int) -> None:
    assert process.stdout is not None
    said = process.stdout.readline().decode(errors="replace").strip()
    if said != READY:
        raise ConfigError(f"process {rank} of the run could not begin: {said or f'status {process.wait()}'}")


def _watch(run: RunFolder, started: Sequence[subprocess.Popen[bytes]], finished: threading.Event) -> None:
    """End this process where another one has died and this one waits for it in a call that never returns."""
    message = None
    while message is None:
        if finished.wait(1.0):
            return
        message = _died(run, started)
    if not finished.wait(GRACE):
        print(f"attentive: error: {message}", file=sys.stderr, flush=True)
        os._exit(2)


def _died(run: RunFolder, started: Sequence[subprocess.Popen[bytes]], patience: float = 0.0) -> str | None:
    """What to say if a process has ended as it should not; one that is about to is waited for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        for rank, process in enumerate(started, 1):
            if process.poll():
                return (
                    f"process {rank} of the run ended with status {process.returncode}; "
                    f"continue with: attentive train --resume {run.path}"
                )
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.05)


@contextmanager
def _threads_shared(count: int) -> Iterator[None]:
    """With this process's share of the threads, which the others inherit; what Lightning sets besides is undone."""
    threads, names = torch.get_num_threads(), ("OMP_NUM_THREADS", "MASTER_ADDR", "MASTER_PORT")
    before = {name: os.environ.get(name) for name in names}
    share = max(1, threads // count)
    os.environ["OMP_NUM_THREADS"] = str(share)
    torch.set_num_threads(share)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
