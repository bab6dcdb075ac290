"""Arrays, texts and cells of HDF5 files, MATLAB's version 7.3 among them, read in a process of their own.

libhdf5 can end, hang or fill the memory on a damaged file; see :mod:`attentive_rnn.data.io.hdf5_program`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...errors import DataError, MissingExtraError, installed
from ..stored.spool import large
from .mat import Value

_PROGRAM = Path(__file__).with_name("hdf5_program.py")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SECONDS = 6  # of the processor, and one more for each 2 MiB
_LEAST = 2**28  # bytes that the arrays of any file may have; those of a large file 20 times its size


def is_hdf5(head: bytes) -> bool:
    """Whether the first bytes of a file, at least 520, are those of HDF5, with or without MATLAB's text before it."""
    return _SIGNATURE in (head[:8], head[512:520])


def read_hdf5(path: Path) -> dict[str, Value]:
    """The content of a file by name: numbers and texts as arrays, cells as lists, groups as dicts.

    Raises:
        DataError: the file is damaged, too large, or refers to other files.
        MissingExtraError: h5py is not installed.
    """
    try:
        with path.open("rb") as file:
            head, size = file.read(520), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not is_hdf5(head):
        raise DataError(f"{path}: is not an HDF5 file, or its beginning is damaged")
    if not installed("h5py"):
        raise MissingExtraError("HDF5 files need h5py: pip install 'attentive-rnn[data]'")
    seconds = _SECONDS + size // 2**21
    limits = [str(max(_LEAST, 20 * size)), str(seconds)]
    environment = os.environ | dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # -P: the folder of the program, which has modules of the names of Python's own, is not searched for imports.
    command = [sys.executable, "-P", str(_PROGRAM), str(path.resolve()), *limits]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        clock = threading.Timer(10 * seconds, process.kill)  # where processor time cannot be bounded
        clock.start()
        try:
            found = _content(process.stdout)
            said = process.stderr.read().decode("utf-8", "replace").strip()
            status = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            clock.cancel()
    if found is None or status:
        why = said.splitlines()[-1] if status == 1 and said else "reading it needs too much time or memory, or fails"
        raise DataError(f"{path}: cannot be read ({why}); the file is damaged or truncated, or no plain HDF5 file")
    return found


def _content(stream: IO[bytes]) -> dict[str, Value] | None:
    """What the program writes, or None where it ends early."""
    head = stream.read(8)
    size = int.from_bytes(head, "little") if len(head) == 8 else 0
    text = stream.read(size) if size <= _LEAST else b""
    try:
        described = json.loads(text)
        return _value(described, stream)  # type: ignore[return-value]
    except (ValueError, EOFError):
        return None


def _value(described: dict[str, Any], stream: IO[bytes]) -> Value | None:
    if "group" in described:
        members = {name: _value(one, stream) for name, one in described["group"].items()}
        return {name: value for name, value in members.items() if value is not None}
    if "cells" in described:
        cells = [_value(one, stream) for one in described["cells"]]
        return [np.empty((0, 0)) if cell is None else cell for cell in cells]
    if "texts" in described:
        return np.array(described["texts"], dtype=str).reshape(described["shape"])
    if "dtype" not in described:
        return None
    values = large((prod(described["shape"]),), described["dtype"])
    view = values.view(np.uint8).data
    done = 0
    while done < len(view):
        read = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not read:
            raise EOFError
        done += read
    values = values.reshape(described["shape"])
    return values.T if described["turned"] else values
