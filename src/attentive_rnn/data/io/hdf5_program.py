"""Program that reads one HDF5 file, so that damage which ends or stops libhdf5 ends or stops this process alone.

    python -P hdf5_program.py FILE BYTES SECONDS

BYTES is the most that its arrays may have together, SECONDS the most processor time. Standard output: the size of a
description in eight bytes, the description in JSON, and the values of all arrays one after the other. An array is
{"dtype", "shape", "turned"}; turned, the axes of a MATLAB array are in reverse order. Texts are {"texts", "shape"},
cells {"cells"}, groups {"group"}, and what cannot be read is {"other"}. The reason of a failure is the last line of the
standard error, with exit status 1.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

DEEPEST = 8  # groups or cells within each other
MOST = 1_000_000  # objects of a file
PIECE = 2**26  # bytes that are read at a time, about


class RefusedError(Exception):
    """A reason not to read a file."""


def main(path: str, largest: int, seconds: int) -> None:
    """Write the content of the file to the standard output."""
    limit(largest, seconds)
    import h5py
    import numpy as np

    out = sys.stdout.buffer
    with h5py.File(path, "r", locking=False) as file:
        found = Content(file, largest)
        text = json.dumps(found.group(file, 0)).encode()
        out.write(len(text).to_bytes(8, "little") + text)
        for dataset, kept in found.arrays:
            rows = max(1, PIECE // max(dataset.size * 8 // max(len(dataset), 1), 1)) if dataset.shape else 1
            for start in range(0, len(dataset) if dataset.shape else 1, rows):
                piece = dataset[start : start + rows] if dataset.shape else dataset[()]
                values = np.asarray(piece).astype(kept, order="C", copy=False)
                out.write(values.reshape(-1).view(np.uint8).data)
    out.flush()


def limit(largest: int, seconds: int) -> None:
    """Bound the memory and the processor time of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {resource.RLIMIT_AS: 2**30 + 2 * largest, resource.RLIMIT_CPU: seconds, resource.RLIMIT_CORE: 0}
    for kind, wanted in limits.items():
        most = resource.getrlimit(kind)[1]
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


class Content:
    """The description of a file, and its arrays in that order, each with the dtype in which it is written."""

    def __init__(self, file: Any, largest: int) -> None:
        self.file, self.largest = file, largest
        self.arrays: list[tuple[Any, str]] = []
        self.count = self.bytes = 0

    def group(self, group: Any, depth: int) -> dict[str, Any]:
        """The members of a group but for links into other files, which are refused."""
        import h5py

        members = {}
        for name in group:
            if name.startswith("#"):  # where MATLAB keeps what cells refer to
                continue
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                raise RefusedError(f"{name!r} is a link into another file; copy the data into this one")
            members[name] = self.item(group.get(name), name, depth + 1)
        return {"group": members}

    def item(self, item: Any, name: str, depth: int) -> dict[str, Any]:
        """The description of an object."""
        import h5py

        self.count += 1
        if depth > DEEPEST or self.count > MOST:
            raise RefusedError(f"{name!r} is within more than {DEEPEST} groups, or there are more than {MOST} objects")
        if isinstance(item, h5py.Group):
            return self.group(item, depth)
        if not isinstance(item, h5py.Dataset) or item.shape is None:
            return {"other": "nothing" if item is None else "no array"}
        return self.dataset(item, name, depth)

    def dataset(self, dataset: Any, name: str, depth: int) -> dict[str, Any]:
        """The description of an array of numbers, of texts or of cells."""
        import h5py

        kind = dataset.attrs.get("MATLAB_class", b"")
        matlab = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
        if dataset.external or dataset.is_virtual:
            raise RefusedError(f"{name!r} has its values in another file; copy them into this one")
        if dataset.attrs.get("MATLAB_empty"):
            return {"texts": "", "shape": []} if matlab == "char" else {"cells": []}
        self.check(dataset, name)
        if h5py.check_ref_dtype(dataset.dtype) is h5py.Reference:
            references = dataset[()].reshape(-1) if dataset.shape else [dataset[()]]
            cells = [self.file[one] if one else None for one in references]
            return {"cells": [self.item(cell, name, depth + 1) for cell in cells]}
        if h5py.check_string_dtype(dataset.dtype) is not None:
            texts = dataset.asstr(errors="replace")[()]
            return {"texts": texts if isinstance(texts, str) else texts.reshape(-1).tolist(), "shape": dataset.shape}
        if h5py.check_vlen_dtype(dataset.dtype) is not None:
            return {"other": "rows of several lengths"}
        if matlab == "char":
            rows = dataset[()].T.tolist() if len(dataset.shape) == 2 and dataset.dtype.kind == "u" else []
            found = ["".join(map(chr, row)) for row in rows]
            return {"texts": found[0] if len(found) == 1 else found, "shape": [] if len(found) == 1 else [len(found)]}
        kept = {"b": "|u1", "f": "<f4" if dataset.dtype.itemsize <= 4 else "<f8"}.get(dataset.dtype.kind)
        if dataset.dtype.kind in "iu":
            kept = f"<{dataset.dtype.kind}{dataset.dtype.itemsize}"
        if kept is None or dataset.dtype.itemsize > 8:
            return {"other": str(dataset.dtype)}
        self.arrays.append((dataset, kept))
        return {"dtype": kept, "shape": dataset.shape, "turned": bool(matlab)}

    def check(self, dataset: Any, name: str) -> None:
        """Refuse a dataset whose size is not that of its stored values, or is too large."""
        size = dataset.size * dataset.dtype.itemsize
        plain = dataset.chunks is None and dataset.dtype.kind != "O"
        if plain and dataset.id.get_storage_size() not in (size, 0):
            raise RefusedError(
                f"{name!r} says that it has {size} bytes, but {dataset.id.get_storage_size()} are stored"
            )
        self.bytes += size
        if self.bytes > self.largest:
            raise RefusedError(f"{name!r} and what is before it have more than {self.largest >> 20} MiB")


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except Exception as error:  # whatever h5py raises on a damaged file; the parent names the file
        sys.stderr.write(f"{str(error).splitlines()[0] if str(error) else type(error).__name__}\n")
        sys.exit(1)
