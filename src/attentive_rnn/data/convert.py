"""Conversion of any readable data set to one file: .npz, .parquet or pyskl's pickle."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError
from .dataset import SequenceDataset, Splits
from .formats import npz, parquet
from .io.files import check_writable, write_file
from .registry import read_all

_SUFFIXES = (".npz", ".parquet", ".pkl")


def convert(source: str | Path, out: str | Path, overwrite: bool = False, **options: Any) -> Path:
    """Write a data set of any readable format as one file.

    The values are kept to the bit of float32, with the schema, the labels and the metas (in .pkl only what pyskl has:
    names, labels and parts); the part of a sequence is
    written as its split, "train", "valid" or "test", where the data have a protocol. A set without one keeps what it
    has, unless the options say how to split it. The file appears whole or not at all.

    Args:
        source: a file or folder of a known format.
        out: a path that ends in .npz, .parquet or .pkl (pyskl's annotations; skeletons only).
        overwrite: whether a file at ``out`` may be replaced.
        options: of the reader, such as ``missing="interpolate"`` or ``test_fraction=0.3``.

    Returns:
        The path of the file.

    Raises:
        DataError: the data cannot be read, or are no skeletons where .pkl needs them.
        ConfigError: another suffix, ``out`` is there already or cannot be written, or an unknown option.
        MissingExtraError: .parquet needs pyarrow.

    Example:
        >>> import tempfile
        >>> from attentive_rnn.data import get_source
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "sway.csv").write_text("id,label,x\\n1,a,0.5\\n1,a,0.25\\n2,b,1\\n")
        ...     out = convert(Path(folder, "sway.csv"), Path(folder, "sway.npz"))
        ...     data = get_source("npz").read(out)
        >>> data.schema.classes, data[0].sequence.flatten()
        (('a', 'b'), tensor([0.5000, 0.2500]))
    """
    out = check_writable(out, _SUFFIXES, overwrite)
    dataset = read_all(source, **options)
    if out.suffix.lower() != ".npz" and (dataset.schema.target == "number" or dataset.schema.vocabulary):
        raise ConfigError(f"{out}: numbers to predict and words are written as .npz only")
    write = {".npz": npz.to_bytes, ".parquet": parquet.to_bytes, ".pkl": _to_pyskl}[out.suffix.lower()]
    write_file(out, write(dataset))
    return out


def _to_pyskl(dataset: SequenceDataset) -> bytes:
    from .formats import pyskl

    split = np.array([meta.get("split") for meta in dataset.metas], dtype=object)
    testing, choosing = split == "test", split == "valid"
    train, test, valid = (dataset.subset(np.flatnonzero(m)) for m in (~testing & ~choosing, testing, choosing))
    parts = Splits(train, test, valid if len(valid) else None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "annotations.pkl")
        pyskl.write(path, parts)
        return path.read_bytes()
