"""The files of a data set, in a folder or a zip, read one at a time in the order of their sequences' names."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ...errors import DataError, counted
from ..stored.spool import is_on_disk
from .files import quoted, read_bytes
from .memory import check_memory

LARGEST = 64 * 2**20  # bytes of one member; skeleton files have some MiB at most

_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,  # an encrypted member; NotImplementedError, an unknown compression, is one too
    ValueError,
)


class Member(NamedTuple):
    """One file: ``where`` names it in messages, ``key`` is the name of its sequence."""

    where: str
    key: str
    data: bytes


def holds(path: Path, key: Callable[[str], str | None]) -> bool:
    """Whether a file, a folder or a zip has a member to which ``key`` gives a name; nothing but names is read."""
    try:
        return any(key(name) is not None for name in _names(path))
    except _ZIP_FAULTS:
        return False


def members(path: Path, key: Callable[[str], str | None], what: str) -> Iterator[Member]:
    """The members of a folder or a zip, or a single file, sorted by key.

    Args:
        path: an existing file, folder or zip.
        key: the name of the sequence in a member, for its path with slashes; None passes it over.
        what: the name of the members in messages.

    Raises:
        DataError: there is none, two have one key, or one cannot be read.
    """
    try:
        keyed = sorted((k, name) for name in _names(path) if (k := key(name)) is not None)
    except _ZIP_FAULTS as error:
        raise DataError(f"{path}: cannot be read from the zip ({error}); fetch or pack it again") from error
    if not keyed:
        raise DataError(f"{path}: holds no {what}")
    for (one, first), (other, second) in pairwise(keyed):
        if one == other:
            raise DataError(f"{path}: {second}: the same sequence is also in {first}; delete one")
    if _is_zip(path):
        yield from _zip_members(path, keyed)
    else:
        for k, name in keyed:
            yield Member(name, k, _checked(read_bytes(Path(name)), name))


def other_members(path: Path, key: Callable[[str], str | None], known: tuple[str, ...] = ()) -> list[str]:
    """The note on the files of a folder or a zip to which ``key`` gives no name; none where there is no such file.

    Files whose names end in one of the ``known`` endings are not counted: the reader has another use for them.
    """
    if not path.is_dir() and not _is_zip(path):
        return []
    others = sorted(name for name in _names(path) if key(name) is None and not name.endswith(known))
    if not others:
        return []
    are = "is" if len(others) == 1 else "are"
    return [f"{path}: {counted(len(others), 'other file')} in it {are} not read; the first is {quoted(others[0])}"]


def first_json(path: Path) -> Path | None:
    """The path if it is a .json file, or the first one in a folder; None where there is none."""
    if path.is_dir():
        return min((p for p in path.rglob("*.json") if p.is_file() and not p.name.startswith(".")), default=None)
    return path if path.suffix.lower() == ".json" and path.is_file() else None


def read_member(path: Path, suffix: str) -> Member | None:
    """The one member whose path ends in ``suffix``, or None where there is none or several."""
    found = [n for n in _names(path) if n.endswith(suffix)]
    if len(found) != 1:
        return None
    return next(members(path, lambda n: n if n == found[0] else None, suffix))


def _is_zip(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".zip"


def _names(path: Path) -> Iterator[str]:
    if path.is_dir():
        for p in path.rglob("*"):
            if not _hidden(p.relative_to(path).parts) and p.is_file():
                yield p.as_posix()
    elif _is_zip(path):
        with zipfile.ZipFile(path) as archive:
            yield from (n for n in archive.namelist() if not n.endswith("/") and not _hidden(n.split("/")))
    else:
        yield path.as_posix()


def _hidden(parts: list[str] | tuple[str, ...]) -> bool:
    return any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)


def _zip_members(path: Path, keyed: list[tuple[str, str]]) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        if not is_on_disk():
            check_memory(sum(archive.getinfo(name).file_size for _, name in keyed), str(path))
        for k, name in keyed:
            where = f"{path}, member {name}"
            try:
                if archive.getinfo(name).file_size > LARGEST:
                    raise DataError(f"{where}: is larger than {LARGEST >> 20} MiB; it is not a skeleton file")
                data = archive.read(name)
            except _ZIP_FAULTS as error:
                if isinstance(error, DataError):
                    raise
                raise DataError(f"{where}: cannot be read from the zip ({error}); fetch or pack it again") from error
            yield Member(where, k, data)


def _checked(data: bytes, where: str) -> bytes:
    if len(data) > LARGEST:
        raise DataError(f"{where}: is larger than {LARGEST >> 20} MiB; it is not a skeleton file")
    return data
