"""Locks of files and folders between all processes of all machines that write to a disk, and what a killed one left.

A lock is a file beside what is held, made only where there is none, in which its holder puts its name and then, every
few seconds, the time. A lock whose holder is gone is taken over: a process of this machine is looked for, and of a
process of another machine the lock has not been touched for a while. No lock of the file system is asked for, which
shared disks may not have.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ...errors import ConfigError, InUseError

LEASE = 120.0  # seconds after which a lock of another machine that nobody touches is nobody's
_BEAT = 10.0  # seconds between two touches
_WAIT = (0.002, 1.0)  # seconds between two looks at a lock that is waited for: at first, at most
_REUSED = 60.0  # seconds between the starts of two processes of one number, at least; clocks are set, too
_LONGEST = 255  # bytes of a file's name
_OWNER = r"((?:[0-9a-f]{8}-)?\d+)"  # host and process; 0.2.0 wrote no host
_TEMPORARY = re.compile(rf"\.(?:new-{_OWNER}-.+|.+\.{_OWNER}\.tmp)")  # of temporary_folder and of temporary
_ABANDONED = 24 * 3600  # seconds since a draft of another host was last written
T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder, by the file ``.lock`` in it, or a file, by ``.NAME.lock`` beside it, for this process.

    Args:
        path: a folder that is there, or the path of a file, which need not be.
        wait: until another process lets go, instead of an error.

    Raises:
        InUseError: another process holds it, which is named.
        ConfigError: the lock cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, held(Path(folder)):
        ...     (Path(folder) / ".lock").exists()
        True
    """
    with _holding(_place(path), path, wait):
        yield


@contextmanager
def _holding(place: Path, path: Path, wait: bool = False) -> Iterator[None]:
    content = _take(place, path, wait)
    ended = threading.Event()
    threading.Thread(target=_touch, args=(place, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        with suppress(OSError):
            # Of a full disk there is only the beginning; else this process stood still, and another took over.
            if content.startswith(place.read_bytes()):
                place.unlink()


def each_once(items: Iterable[T], work: Callable[[T], R], pause: float = 2.0) -> Iterator[tuple[T, R]]:
    """Do each item, and come back to those that another process holds, until it has done them or is gone.

    Args:
        items: in the order in which they are tried.
        work: does an item, or finds it done; raises InUseError where another process is at it.
        pause: seconds before those that others hold are tried again.

    Yields:
        Each item, as it is done, and what its work returned.
    """
    left = list(items)
    while left:
        busy = []
        for item in left:
            try:
                result = work(item)
            except InUseError:
                busy.append(item)
            else:
                yield item, result
        if len(busy) == len(left):
            time.sleep(pause)
        left = busy


def holder(path: Path) -> str | None:
    """Who holds a folder or file, such as "process 7 on node3"; None: nobody."""
    place = _place(path)
    with suppress(OSError):
        content = place.read_bytes()
        if not _gone(place, content):
            return _named(content, command=False)
    return None


def check_free(path: Path) -> None:
    """Raise InUseError, which names it, if a process holds a folder or file."""
    if by := holder(path):
        raise InUseError(f"{path}: is in use by {by}; wait for it to end")


def _place(path: Path) -> Path:
    return path / ".lock" if path.is_dir() else beside(path, ".lock")


def _take(place: Path, path: Path, wait: bool) -> bytes:
    """Make the lock at a place, or take over a dead one; returns what is in it."""
    pause, longest = _WAIT
    while True:
        content = json.dumps(_myself()).encode()
        try:
            with open(place, "xb", buffering=0) as file, suppress(OSError):  # on a full disk the lock is cut
                file.write(content)
            return content
        except FileExistsError:
            pass
        except OSError as error:
            raise ConfigError(f"{place}: cannot be written: {error.strerror or error}") from error
        try:
            found = place.read_bytes()
            if _gone(place, found) and _taken_over(place, found, content):
                return content
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ConfigError(f"{place}: cannot be read: {error.strerror or error}") from error
        if not wait:
            raise InUseError(f"{path}: is in use by {_named(found)}; wait for it to end")
        time.sleep(pause)
        pause = min(2 * pause, longest)


def _taken_over(place: Path, found: bytes, content: bytes) -> bool:
    """Put this process into a dead lock, unless another one does, or did."""
    right = beside(place, f".{zlib.crc32(found):08x}.lock")  # of replacing this holder, which one process has at a time
    try:
        _take(right, place, wait=False)
    except InUseError:
        return False
    try:
        if place.read_bytes() != found:
            return False
        draft = temporary(place)
        draft.write_bytes(content)
        os.replace(draft, place)
        return True
    finally:
        right.unlink(missing_ok=True)


def _touch(place: Path, ended: threading.Event) -> None:
    while not ended.wait(_BEAT):
        with suppress(OSError):
            os.utime(place)


def _myself() -> dict[str, Any]:
    import psutil

    return {
        "process": os.getpid(),
        "host": platform.node(),
        "command": " ".join(sys.argv),
        "system": _system(),
        "started": psutil.Process().create_time(),
        "since": time.time_ns(),
    }


def _system() -> str:
    """What the numbers of processes belong to: a machine since it was started, or a container on it."""
    parts = [platform.node()]
    with suppress(OSError):
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")]
    return " ".join(parts)


def _gone(place: Path, content: bytes) -> bool:
    """Whether the holder of a lock is no more: its process has ended, or, of another machine, is silent for long."""
    import psutil

    values = _values(content)
    if values is None or values["system"] != _system():
        with tempfile.TemporaryFile(dir=place.parent) as now:  # the clock of the disk, which touched the lock
            return os.fstat(now.fileno()).st_mtime - place.stat().st_mtime > LEASE
    try:
        found = psutil.Process(values["process"])
        return found.status() == psutil.STATUS_ZOMBIE or abs(found.create_time() - values["started"]) > _REUSED
    except psutil.AccessDenied:
        return False
    except psutil.NoSuchProcess:
        return True


def _named(content: bytes, command: bool = True) -> str:
    values = _values(content)
    if values is None:
        return "another process"
    here = "" if values["host"] == platform.node() else f" on {values['host']}"
    return f"process {values['process']}{here}" + (f" ({values['command']})" if command else "")


def _values(content: bytes) -> dict[str, Any] | None:
    """What a holder wrote into its lock; None: nothing, or the file is something else."""
    try:
        found: dict[str, Any] = json.loads(content)
        kinds = {"process": int, "started": float, "host": str, "command": str, "system": str}
        return found if all(isinstance(found[key], kind) for key, kind in kinds.items()) else None
    except (ValueError, KeyError, TypeError):
        return None


def tidy(path: Path) -> None:
    """Delete what killed processes left of a folder or file, unless another process holds it or it is read-only."""
    with suppress(ConfigError), held(path):
        if path.is_dir():
            remove_leftovers(path)
        else:
            remove_leftovers(path.parent, below=False, of=path.name)


def remove_leftovers(folder: Path, *, below: bool = True, of: str | None = None) -> None:
    """Delete the temporary files and folders, and the locks, that processes which are gone left in a folder.

    Of another host that writes to the same disk nobody here knows which processes are gone: what it has not touched for
    a day is deleted.

    Args:
        folder: the folder.
        below: in those below it, too.
        of: only the temporary files of the file of this name, and its lock.
    """
    for root, folders, files in os.walk(folder):
        for name in files:
            if name.endswith(".lock") and (of is None or name == beside(folder / of, ".lock").name):
                _remove_dead(Path(root, name))
        for name in (*folders, *files):
            named = _TEMPORARY.fullmatch(name)
            if not named or (of is not None and name != beside(folder / of, f".{named[2]}.tmp").name):
                continue
            place, (host, _, process) = Path(root, name), (named[1] or named[2]).rpartition("-")
            with suppress(OSError):
                if _abandoned(place) if host != _host() else not _alive(int(process)):
                    shutil.rmtree(place) if name in folders else place.unlink()
        if not below:
            break


def _remove_dead(place: Path) -> None:
    with suppress(OSError, ConfigError):
        content = place.read_bytes()
        if _values(content) and _gone(place, content):
            with _holding(place, place):
                pass


def temporary(path: Path) -> Path:
    """Where this process writes a file before it takes its place: in the folder of what a symbolic link leads to."""
    return beside(Path(os.path.realpath(path)), f".{_host()}-{os.getpid()}.tmp")


def temporary_folder(parent: Path) -> Path:
    """A new folder of this process in a folder, to be filled before it takes its name."""
    return Path(tempfile.mkdtemp(prefix=f".new-{_host()}-{os.getpid()}-", dir=parent))


def beside(path: Path, ending: str) -> Path:
    """A hidden file beside a file, named after it; of the longest names as much as there is room for."""
    name = os.fsencode(path.name)[: _LONGEST - 1 - len(ending)].decode(errors="ignore")
    return path.with_name(f".{name}{ending}")


def _host() -> str:
    """This host in the names of temporary files: short, and of letters and digits, whatever the host is called."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _abandoned(place: Path) -> bool:
    return time.time() - place.stat().st_mtime > _ABANDONED


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True
