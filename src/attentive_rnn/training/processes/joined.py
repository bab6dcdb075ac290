"""The time in which the processes of a group are connected: they begin, fail and end together."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed

from ...errors import ConfigError, DataWarning, ToldError, UserError
from ...terminal import be_quiet
from .fabric import PATIENCE, environment_of
from .group import Group, find_group
from .watch import Watch

STARTED = timedelta(minutes=10)  # for the tasks of srun to start in
MAYBE_STARTED = timedelta(minutes=1)  # for tasks that nothing but SLURM_NTASKS speaks of


@contextmanager
def joined() -> Iterator[Group]:
    """Be one of the group's processes: they know each other, and end together.

    Process 0 says what went wrong, in whichever process it was; the others raise ToldError. A process that dies ends
    the others within seconds, whatever library they wait in.

    Raises:
        ConfigError: as :func:`find_group`; the others did not come; or one of them died.
    """
    group = find_group()
    if group.size == 1 or distributed.is_initialized():  # the latter: within another `joined`, or a user's program
        yield group
        return
    if group.rank > 0:
        be_quiet()
        warnings.simplefilter("ignore", DataWarning)  # process 0 warns of the same data
    before = {name: os.environ.get(name) for name in ("MASTER_ADDR", "MASTER_PORT")}  # Lightning sets what is not set
    watch = None
    try:
        _meet(group)
        watch = Watch(group.rank, group.size, group.first)
        yield group
        watch.finish()
    except BaseException as error:
        if watch is not None:
            with _undisturbed():
                _end(group, watch, error)
        raise
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        if watch is not None:
            watch.close()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without SIGTERM, by which torchrun ends the others of its machine at once: one of them has to speak."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _end(group: Group, watch: Watch, error: BaseException) -> None:
    """Let one process say why the group ends: raise what is to be raised here in the place of an error, if anything."""
    text = str(error) if isinstance(error, UserError) else f"process {group.rank} has ended: {type(error).__name__}"
    found = watch.ended(patience=0 if isinstance(error, UserError) else 1.0)
    if found is None:
        told = watch.tell(text)
        if told and group.rank > 0 and isinstance(error, UserError):
            raise ToldError(text) from error
    elif watch.speaks:
        raise ConfigError(found) from error
    else:
        raise ToldError(found) from error


def _meet(group: Group) -> None:
    """Connect the processes of a group."""
    environment = environment_of(group)
    address, port = environment.main_address, environment.main_port
    backend = "cuda:nccl,cpu:gloo" if torch.cuda.is_available() else "gloo"
    patience = STARTED if "SLURM_STEP_ID" in os.environ else MAYBE_STARTED
    try:
        store: distributed.Store
        if group.launcher == "torchrun":  # which keeps the processes' store, and has started all of them
            shared, _, _ = next(distributed.rendezvous("env://", timeout=PATIENCE))
            store = _unused(shared, group)
        else:
            store = distributed.TCPStore(address, port, group.size, group.rank == 0, patience)
            store.set_timeout(PATIENCE)
        distributed.init_process_group(backend, store=store, rank=group.rank, world_size=group.size, timeout=PATIENCE)
    except RuntimeError as error:
        alone = "" if group.launcher == "torchrun" else "; for a single process: env -u SLURM_NTASKS attentive ..."
        raise ConfigError(
            f"the {group.size} processes of {group.launcher} did not find each other at {address}:{port} "
            f"({str(error).splitlines()[0][:160]}); start all of them, as srun does{alone}"
        ) from error


def _unused(store: distributed.Store, group: Group) -> distributed.Store:
    """A part of torchrun's store that these processes alone use.

    The store outlives a restart, and with it the addresses of processes that have ended: one that read them would wait
    for hours. So process 0 calls, each other one answers that very call, and process 0 names those that it has heard.

    Raises:
        RuntimeError: a process did not come.
    """
    deadline = time.monotonic() + STARTED.total_seconds()
    name = secrets.token_hex(8)  # of this process, and of process 0 its call
    if group.rank == 0:
        store.set("attentive/call", name)
        heard = [_wait(store, f"attentive/answer/{rank}", name, deadline) for rank in range(1, group.size)]
        store.set(f"attentive/heard/{name}", " ".join(heard))
        return distributed.PrefixStore(name, store)
    while True:
        call = _wait(store, "attentive/call", "", deadline)
        store.set(f"attentive/answer/{group.rank}", f"{call} {name}")
        if name in _read(store, f"attentive/heard/{call}"):
            return distributed.PrefixStore(call, store)
        time.sleep(0.05)


def _wait(store: distributed.Store, key: str, first: str, deadline: float) -> str:
    """The last word of a value, once it begins with a given one."""
    while not (value := _read(store, key)).startswith(first) or not value:
        if time.monotonic() > deadline:
            raise RuntimeError(f"nobody has written {key} to the store")
        time.sleep(0.05)
    return value.split()[-1]


def _read(store: distributed.Store, key: str) -> str:
    """A value; empty as long as nobody has written it, where `get` would wait."""
    return store.get(key).decode() if store.check([key]) else ""
