"""Files read so that each failure names the file, and written in one step."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import math
import os
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError
from .locks import remove_leftovers, temporary
from .memory import check_memory, max_memory

_COPIES = 4  # of the bytes of a file that its parts, texts and numbers take together, at least
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # the beginnings of cells that a spreadsheet may run
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, MemoryError)  # of a packed file, as Python's modules say it


def existing(path: str | Path) -> Path:
    """The path, if there is something at it."""
    path = Path(path)
    try:
        found = path.exists()
    except (OSError, ValueError) as error:
        raise DataError(f"{str(path)!r} is not a usable path: {error}") from error
    if not found:
        raise DataError(f"{path}: there is no such file or folder")
    return path


def read_bytes(path: Path) -> bytes:
    """The bytes of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def unpacked(path: Path) -> Path:
    """The path without .gz or .xz at its end: what ends it then says what the file holds.

    Example:
        >>> unpacked(Path("a.csv.gz")).name, unpacked(Path("a.csv")).name
        ('a.csv', 'a.csv')
    """
    return path.with_suffix("") if path.suffix.lower() in (".gz", ".xz") else path


def read_head(path: Path, most: int = 1 << 16) -> bytes:
    """The first bytes of a file, or of what it holds if its name ends in .gz or .xz.

    Raises:
        DataError: it cannot be read, or is damaged where it begins.
    """
    opener: Any = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix.lower(), open)
    try:
        with opener(path, "rb") as file:
            return file.read(most)
    except _DAMAGED as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def begins_like(path: Path, texts: tuple[bytes, ...]) -> bool:
    """Whether one of the texts is in the first 64 KiB of a file."""
    try:
        head = read_head(path)
    except DataError:
        return False
    return any(text in head for text in texts)


def check_writable(path: str | Path, suffixes: tuple[str, ...], overwrite: bool) -> Path:
    """The path, if its suffix is one of these, no file would be lost and its folder can be written; else ConfigError.

    Ask before long work, so that it is not lost. What a killed process left beside it of the same file is deleted.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"{path}: must end in {' or '.join(suffixes)}, which says what to write")
    if path.exists() and not overwrite:
        raise ConfigError(
            f"{path}: is there already; give another path, or ask to overwrite it (overwrite=True, --overwrite)"
        )
    place = Path(os.path.realpath(path))
    check_folder(place.parent, path)
    remove_leftovers(place.parent, below=False, of=place.name)
    return path


def check_folder(folder: Path, path: Path | None = None) -> None:
    """Refuse, by a ConfigError that names it or a path in it, a folder that can be neither written nor made."""
    if path is not None and path.is_dir():
        raise ConfigError(f"{path}: cannot be written: it is a folder")
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise ConfigError(f"{path or folder}: cannot be written: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"{path or folder}: cannot be written: you may not write in {there}; name another place")


def write_file(path: Path, data: bytes) -> None:
    """Put data at a path in one step: a temporary file in the same folder, flushed to the disk, then renamed.

    The folder is made if need be. A symbolic link stays, and leads to the new data.

    Raises:
        ConfigError: the path cannot be written.
    """
    draft = temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, os.path.realpath(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # a folder that cannot be written: the error above says so
            draft.unlink(missing_ok=True)


def write_json(path: Path, values: Any) -> None:
    """Put values at a path as readable JSON, in one step."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    write_file(path, (text + "\n").encode("utf-8", "backslashreplace"))


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ConfigError: the file is missing, damaged or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant, parse_float=_finite_number)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is damaged or not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold a JSON object")
    return values


def csv_bytes(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """A table as CSV, in which no text is a formula.

    A spreadsheet runs a cell that begins with =, +, -, @, a tab or a line break: an apostrophe goes before such a text.

    Example:
        >>> csv_bytes(["name", "x"], [["=1+1", -2.5]]).decode().split()
        ['name,x', "'=1+1,-2.5"]
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in (header, *rows):
        writer.writerow([f"'{cell}" if isinstance(cell, str) and _may_run(cell) else cell for cell in row])
    return text.getvalue().encode()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Put a table at a path, as :func:`csv_bytes` makes it, in one step."""
    write_file(path, csv_bytes(header, rows))


def csv_text(cell: str) -> str:
    """The text of a cell that :func:`csv_bytes` wrote, without the apostrophe before what a spreadsheet may run.

    Example:
        >>> csv_text("'=1+1"), csv_text("'tis")
        ('=1+1', "'tis")
    """
    return cell[1:] if cell[:1] == "'" and _may_run(cell[1:]) else cell


def _may_run(cell: str) -> bool:
    """Whether a spreadsheet may run a cell: it begins like a formula, and is no number."""
    try:
        float(cell)
    except ValueError:
        return cell.startswith(_FORMULA)
    return False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite_number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{quoted(text)} is too large")
    return value


def decompress(data: bytes, where: str) -> bytes:
    """The bytes themselves, or what they hold if ``where`` ends in .gz or .xz.

    Raises:
        DataError: they are damaged, or so many once unpacked that no text or array of them fits into memory.
    """
    most = max_memory() // _COPIES
    try:
        if where.lower().endswith(".gz"):
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(most + 1)
        elif where.lower().endswith(".xz"):
            with lzma.open(io.BytesIO(data)) as packed:
                data = packed.read(most + 1)
    except _DAMAGED as error:
        kind = where[-2:].lower()
        raise DataError(
            f"{where}: is truncated or not a {kind} file ({error}); fetch it again, or name it without .{kind} "
            "if it is not compressed"
        ) from error
    if len(data) > most:
        check_memory(_COPIES * len(data), where, "what it unpacks to, or more,")
    return data


def quoted(text: str) -> str:
    """The beginning of a text from a file, fit to be shown in a message."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
