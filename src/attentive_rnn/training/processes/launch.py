"""The processes of a run on several devices of one machine: this one, and one more for each device after the first.

Neither torchrun nor Fabric's own launchers serve here. torchrun and one of those start the running command again, which
may train many runs (compare, study) or be no command of this package; the other pickles the data for each process and
needs a main module that can be imported. So the processes are started here, and Fabric finds each one's place in its
environment variables. Those of several machines are started by torchrun or SLURM; see :mod:`.group`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from rich.console import Console

from ...errors import ConfigError, UserError
from ..inputs import resumed_splits
from ..loop import fit
from ..run_folder import open_run
from ..setup import build_model, device_of, load_splits, make_job

READY = "ready"  # the line by which a process says that all its data are read
GRACE = 10.0  # seconds in which a run whose process has died may end by itself


@contextmanager
def other_processes(run: Path, count: int) -> Iterator[None]:
    """Start the processes of a run after the first, which is this one, and end them whatever happens.

    The processor's threads are shared out among all. A process that dies ends the run: here by an error, or, where this
    process waits for the dead one within a library and never returns, by the end of this process.

    Args:
        run: the folder of the run, where they find configuration and checkpoints.
        count: of all processes.

    Raises:
        ConfigError: one of them could not begin, or died.
    """
    if count == 1:
        yield
        return
    if not torch.distributed.is_available():
        raise ConfigError("devices must be 1: this torch was built without torch.distributed")
    if torch.distributed.is_initialized():
        raise ConfigError("devices must be 1: this process is one of a group of torch.distributed already")
    finished = threading.Event()
    with _first_of(count):
        started = [_start(run, rank) for rank in range(1, count)]
        try:
            for rank, process in enumerate(started, 1):
                _wait_for(process, rank)
            threading.Thread(target=_watch, args=(run, started, finished), daemon=True).start()
            yield
            for process in started:
                process.wait(timeout=60)
        except UserError:  # of the first process itself
            raise
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
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()


@contextmanager
def _first_of(count: int) -> Iterator[None]:
    """With the variables by which Fabric knows the first of so many processes, and this process's share of threads."""
    threads = torch.get_num_threads()
    share = max(1, threads // count)
    variables = {
        "OMP_NUM_THREADS": str(share),
        "LOCAL_RANK": "0",
        "NODE_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(find_free_network_port()),
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
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


def _start(run: Path, rank: int) -> subprocess.Popen[bytes]:
    # -P: no file of the folder it starts in is taken for a module. Ctrl-C is for the first process only.
    command = [sys.executable, "-P", "-m", "attentive_rnn.training.processes.launch", str(run)]
    variables = os.environ | {"LOCAL_RANK": str(rank)}
    return subprocess.Popen(
        command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


def _wait_for(process: subprocess.Popen[bytes], rank: int) -> None:
    assert process.stdout is not None
    said = process.stdout.readline().decode(errors="replace").strip()
    if said != READY:
        raise ConfigError(f"process {rank} of the run could not begin: {said or f'status {process.wait()}'}")


def _watch(run: Path, started: Sequence[subprocess.Popen[bytes]], finished: threading.Event) -> None:
    """End this process where another one has died and this one waits for it in a call that never returns."""
    message = None
    while message is None:
        if finished.wait(1.0):
            return
        message = _died(run, started)
    if not finished.wait(GRACE):
        print(f"attentive: error: {message}", file=sys.stderr, flush=True)
        os._exit(2)


def _died(run: Path, started: Sequence[subprocess.Popen[bytes]], patience: float = 0.0) -> str | None:
    """The message about a process that has failed; None if none has, or does within so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        for rank, process in enumerate(started, 1):
            if process.poll():
                return (
                    f"process {rank} of the run ended with status {process.returncode}; "
                    f"continue with: attentive train --resume {run}"
                )
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.05)


def main(folder: str) -> int:
    """Train one process's share of a run; return its exit status.

    One line on the standard output tells the first process that this one is ready, or why it is not.
    """
    reports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a batch system sends it to all; the first process ends the others
    ready = False
    try:
        run = open_run(folder)
        config = run.read_config()
        device = device_of(config, int(os.environ["LOCAL_RANK"]))
        splits = resumed_splits(run, load_splits(config, Console(quiet=True)))
        # The weights that the first process starts with are sent to all.
        job = make_job(config, splits, build_model(config, splits.train.schema), device)
        print(READY, file=reports, flush=True)
        ready = True
        fit(run, job, Console(quiet=True))
    except UserError as error:
        # In training it is the first process's error as well.
        if not ready:
            print(" ".join(str(error).split()), file=reports, flush=True)
        return 2
    return 0


def _end_with_the_first() -> None:
    """Wait for the end of the first process, which holds the other end of the standard input, and end."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
