"""Locks of files and folders against use by two processes at once, and the removal of what a killed process left.

A lock is a file beside what is held, with the holder's name in it. It ends with its process, however that ends, so that
no lock is stale.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ...errors import ConfigError

_LONGEST = 255  # bytes of a file's name
_OWNER = r"((?:[0-9a-f]{8}-)?\d+)"  # host and process; 0.2.0 wrote no host
_TEMPORARY = re.compile(rf"\.(?:new-{_OWNER}-.+|.+\.{_OWNER}\.tmp)")  # of temporary_folder and of temporary
_ABANDONED = 24 * 3600  # seconds since a draft of another host was last written


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder, by the file ``.lock`` in it, or a file, by ``.NAME.lock`` beside it, for this process.

    Args:
        path: a folder that is there, or the path of a file, which need not be.
        wait: until another process lets go, instead of an error.

    Raises:
        ConfigError: another process holds it, which is named, or the lock cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, held(Path(folder)):
        ...     (Path(folder) / ".lock").exists()
        True
    """
    if sys.platform == "win32":
        yield
        return
    place = path / ".lock" if path.is_dir() else beside(path, ".lock")
    with _taken(place, path, wait) as file:
        holder = json.dumps({"process": os.getpid(), "host": platform.node(), "command": " ".join(sys.argv)})
        with suppress(OSError):  # on a full disk the lock holds without the name
            os.write(file.fileno(), holder.encode())
        try:
            yield
        finally:
            place.unlink(missing_ok=True)


def _taken(place: Path, path: Path, wait: bool) -> IO[str]:
    """The file of a lock, open and locked; a file that its holder has removed meanwhile is not it."""
    import fcntl

    while True:
        try:
            file = open(place, "a+", encoding="utf-8")  # noqa: SIM115  # the caller closes it
        except OSError as error:
            raise ConfigError(f"{place}: cannot be written: {error.strerror or error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            with file:
                raise ConfigError(f"{path}: is in use by {_holder(file)}; wait for it to end") from error
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(place)):
                file.truncate(0)
                return file
        file.close()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        found = json.loads(file.read(4096))
        here = "" if found["host"] == platform.node() else f" on {found['host']}"
        return f"process {found['process']}{here} ({found['command']})"
    except (ValueError, KeyError, TypeError):
        return "another process"


def tidy(path: Path) -> None:
    """Delete what killed processes left of a folder or file, unless another process holds it or it is read-only."""
    with suppress(ConfigError), held(path):
        if path.is_dir():
            remove_leftovers(path)
        else:
            remove_leftovers(path.parent, below=False, of=path.name)


def remove_leftovers(folder: Path, *, below: bool = True, of: str | None = None) -> None:
    """Delete the temporary files and folders that processes which are gone left in a folder.

    Of another host that writes to the same disk nobody here knows which processes are gone: what it has not touched for
    a day is deleted.

    Args:
        folder: the folder.
        below: in those below it, too.
        of: only the temporary files of the file of this name.
    """
    for root, folders, files in os.walk(folder):
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
