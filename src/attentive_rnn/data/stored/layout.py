"""Files of a stored set: what :func:`write` puts into a folder, and :class:`StoredSequences`, views of them by map.

    set.json            format, version, schema, name, notes, frames of each shard, SHA-256 of index.npz
    index.npz           of each sequence its shard, first frame, frames, label and SHA-256; and its metas, as in .npz
    values-00000.npy    (frames, *shape) float32, the sequences of a shard one after the other; then -00001, ...

Why files of NumPy and not Arrow by Hugging Face's `datasets`: docs/scale.md has the figures of both, from
`python -m benchmarks.larger_than_memory`. A view of a map costs no copy, an Arrow row two; nothing is needed to read
it; and the folder can be read without this package. Sequences are in random order in every epoch: a map serves any
order, so that there is no shuffling by shard, and an epoch that was interrupted goes on at any batch.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset
from ..formats.columns import from_columns, to_columns
from ..io.arrays import open_array, read_arrays
from ..io.files import read_bytes, read_json
from ..schema import Schema
from .lazy import LazySequences

FORMAT, VERSION = "attentive-rnn stored set", 1
DESCRIPTION, INDEX = "set.json", "index.npz"
SHARD = 2**30  # bytes of values in a file, about
_RESERVED = ("shard", "start", "length", "label", "sha256")
_AGAIN = "make it anew with attentive data convert"


def write(folder: Path, dataset: SequenceDataset, shard: int = SHARD) -> None:
    """Put a data set into an empty folder, a sequence at a time.

    Args:
        folder: the folder.
        dataset: the sequences, of which none is kept.
        shard: bytes of values in a file; one that holds a single sequence may have more.
    """
    schema = dataset.schema
    size = 4 * schema.size
    lengths = dataset.lengths
    # A sequence goes to the shard in which its first value falls.
    shards = (np.cumsum(lengths) - lengths) * size // shard
    numbers, firsts = np.unique(shards, return_index=True)
    digests = np.empty((len(dataset), 32), dtype=np.uint8)
    starts = np.empty(len(dataset), dtype=np.int64)
    frames = []
    for number, first, end in zip(range(len(numbers)), firsts, [*firsts[1:], len(dataset)], strict=True):
        own = range(first, end)
        starts[own] = np.cumsum(lengths[own]) - lengths[own]
        frames.append(int(lengths[own].sum()))
        with _shard(folder, number).open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (frames[-1], *schema.shape)}
            npy.write_array_header_1_0(file, header)
            for i in own:
                content = dataset.sequences[i].contiguous().numpy().astype("<f4", copy=False).data
                digests[i] = np.frombuffer(hashlib.sha256(content).digest(), dtype=np.uint8)
                file.write(content)
    which = np.searchsorted(numbers, shards)
    arrays = dict(zip(_RESERVED, (which, starts, lengths, dataset.labels, digests), strict=True))
    columns = {name: np.array(values) for name, values in to_columns(dataset.metas, _RESERVED).items()}
    index = io.BytesIO()
    np.savez_compressed(index, allow_pickle=False, **arrays, **columns)
    (folder / INDEX).write_bytes(index.getvalue())
    description = {
        "format": FORMAT,
        "version": VERSION,
        "schema": schema.to_dict(),
        "name": dataset.name,
        "notes": list(dataset.notes),
        "frames": frames,
        "index_sha256": hashlib.sha256(index.getvalue()).hexdigest(),
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2, ensure_ascii=False), encoding="utf-8")


def is_stored(path: Path) -> bool:
    """Whether a path is the folder of a stored set."""
    return path.is_dir() and (path / DESCRIPTION).is_file() and (path / INDEX).is_file()


def open_set(folder: Path) -> SequenceDataset:
    """The set in a folder; its sequences are read when they are used.

    Raises:
        DataError: a file is missing, damaged, cut off or of another version. Values that are not as they were written
            are found by :meth:`SequenceDataset.fingerprint`, which training and checks ask of every sequence.
    """
    description = _description(folder)
    arrays = _index(folder, description)
    try:
        schema = Schema.from_dict(description["schema"])
    except ConfigError as error:
        raise DataError(f"{folder / DESCRIPTION}: {error}") from error
    sequences = StoredSequences.of(folder, schema.shape, description["frames"], arrays)
    columns = {name: values.tolist() for name, values in arrays.items() if name not in _RESERVED}
    metas = from_columns(columns, len(sequences), str(folder / INDEX))
    notes = tuple(map(str, description["notes"]))
    return SequenceDataset(sequences, arrays["label"], metas, schema, str(description["name"]), notes)


def _description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    try:
        description = read_json(path)
    except ConfigError as error:
        raise DataError(str(error)) from error
    if description.get("format") != FORMAT:
        raise DataError(f"{path}: is no description of a stored set; {_AGAIN}")
    if description.get("version") != VERSION:
        raise DataError(
            f"{path}: version is {description.get('version')!r}, but this version of the package reads {VERSION}; "
            f"{_AGAIN}"
        )
    kinds = {"schema": dict, "name": str, "notes": list, "frames": list, "index_sha256": str}
    for key, kind in kinds.items():
        if not isinstance(description.get(key), kind):
            raise DataError(f"{path}: the field {key!r} is missing or no {kind.__name__}; {_AGAIN}")
    if not all(type(count) is int and count > 0 for count in description["frames"]):
        raise DataError(f"{path}: frames must be whole numbers above 0; {_AGAIN}")
    return description


def _index(folder: Path, description: dict[str, Any]) -> dict[str, np.ndarray]:
    path = folder / INDEX
    if hashlib.sha256(read_bytes(path)).hexdigest() != description["index_sha256"]:
        raise DataError(f"{path}: is not the file that was written with {DESCRIPTION} (its SHA-256 differs); {_AGAIN}")
    arrays = read_arrays(path)
    for name in _RESERVED:
        if name not in arrays:
            raise DataError(f"{path}: the array {name!r} is missing; {_AGAIN}")
    count = len(arrays["length"])
    if any(len(values) != count for values in arrays.values()) or arrays["sha256"].shape != (count, 32):
        raise DataError(f"{path}: its arrays are not of one length; {_AGAIN}")
    frames = np.array([*description["frames"], 0])
    shard, start, length = (arrays[name].astype(np.int64) for name in ("shard", "start", "length"))
    inside = (shard >= 0) & (shard < len(frames) - 1) & (start >= 0) & (length >= 1)
    inside &= start + length <= frames[np.where(inside, shard, -1)]
    if not inside.all():
        i = int(inside.argmin())
        raise DataError(
            f"{path}: sequence {i} is frames {start[i]} to {start[i] + length[i] - 1} of shard {shard[i]}, which has "
            f"not so many; {_AGAIN}"
        )
    return arrays


class StoredSequences(LazySequences):
    """The sequences of a stored set: (T, *shape) float32 views of files that are read as they are used.

    A view may be written to; the files stay as they are.
    """

    def __init__(self, values: _Values, rows: np.ndarray, known: np.ndarray | None = None) -> None:
        super().__init__(values, rows, values.lengths if known is None else known)
        self.values = values

    @classmethod
    def of(
        cls, folder: Path, shape: tuple[int, ...], frames: list[int], arrays: dict[str, np.ndarray]
    ) -> StoredSequences:
        """All sequences of a folder.

        Args:
            folder: of the set.
            shape: of a frame.
            frames: of each shard.
            arrays: of the index.
        """
        paths = [_shard(folder, number) for number in range(len(frames))]
        for path, count in zip(paths, frames, strict=True):
            found = open_array(path)
            if found.shape != (count, *shape) or found.dtype != np.dtype("<f4"):
                raise DataError(
                    f"{path}: holds {found.dtype} {found.shape}, not float32 {(count, *shape)} as {DESCRIPTION} says; "
                    f"{_AGAIN}"
                )
        shards, starts, lengths = (arrays[name].astype(np.int64) for name in ("shard", "start", "length"))
        values = _Values(paths, shape, frames, shards, starts, lengths, arrays["sha256"])
        return cls(values, np.arange(len(arrays["length"])))

    def sha256(self, index: int) -> bytes:
        self[index]  # compares the values with what the index says
        return self.values.digests[self.rows[index]].tobytes()


class _Values:
    """The values of a row of the index, compared with their SHA-256 when a process first uses them.

    Another process maps the files anew, so that no values are sent to it.
    """

    def __init__(
        self,
        paths: list[Path],
        shape: tuple[int, ...],
        frames: list[int],
        shards: np.ndarray,
        starts: np.ndarray,
        lengths: np.ndarray,
        digests: np.ndarray,
    ) -> None:
        self.paths, self.shape, self.frames = paths, shape, frames
        self.shards, self.starts, self.lengths, self.digests = shards, starts, lengths, digests
        self._known = np.zeros(len(digests), dtype=bool)  # rows that were compared
        self._maps: dict[int, Tensor] = {}

    def __call__(self, row: int) -> Tensor:
        start, shard = int(self.starts[row]), int(self.shards[row])
        values = self._map(shard)[start : start + int(self.lengths[row])]
        if not self._known[row]:
            if hashlib.sha256(values.numpy().data).digest() != self.digests[row].tobytes():
                raise DataError(
                    f"{self.paths[shard]}: the values of sequence {row} are not those that were written (their SHA-256 "
                    f"differs); {_AGAIN}"
                )
            self._known[row] = True
        return values

    def _map(self, shard: int) -> Tensor:
        if shard not in self._maps:
            path, shape = self.paths[shard], (self.frames[shard], *self.shape)
            size = int(np.prod(shape))
            header = path.stat().st_size - 4 * size  # a multiple of 64
            # Private and with its file closed: NumPy's maps hold a file each, of which a process may have few.
            whole = torch.from_file(str(path), shared=False, size=size + header // 4, dtype=torch.float32)
            self._maps[shard] = whole[header // 4 :].view(shape)
        return self._maps[shard]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_maps": {}}


def _shard(folder: Path, number: int) -> Path:
    return folder / f"values-{number:05d}.npy"
