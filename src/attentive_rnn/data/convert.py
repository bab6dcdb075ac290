"""Conversion of any readable data set to one file (.npz, .parquet, pyskl's pickle) or to a folder of mapped files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError
from .dataset import SequenceDataset, Splits
from .formats import npz, parquet
from .io.files import check_folder, check_writable, write_file
from .io.locks import remove_leftovers, temporary_folder
from .registry import read_all
from .stored.layout import is_stored, write
from .stored.spool import on_disk

_SUFFIXES = (".npz", ".parquet", ".pkl")


def convert(source: str | Path, out: str | Path, overwrite: bool = False, **options: Any) -> Path:
    """Write a data set of any readable format as one file, or as a stored set, a folder for sets larger than memory.

    The values are kept to the bit of float32, with the schema, the labels and the metas (in .pkl only what pyskl has:
    names, labels and parts); the part of a sequence is
    written as its split, "train", "valid" or "test", where the data have a protocol. A set without one keeps what it
    has, unless the options say how to split it. The file or folder appears whole or not at all. For a folder each
    sequence goes to the disk as soon as its reader has it, and about twice the set's bytes of the disk are needed until
    the end; docs/scale.md says which readers hold more than a sequence.

    Args:
        source: a file or folder of a known format.
        out: a path that ends in .npz, .parquet or .pkl (pyskl's annotations; skeletons only), or the name of a folder
            without an ending.
        overwrite: whether a file or stored set at ``out`` may be replaced.
        options: of the reader, such as ``missing="interpolate"`` or ``test_fraction=0.3``.

    Returns:
        The path of the file or folder.

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
    if not Path(out).suffix:
        return _store(source, Path(out), overwrite, options)
    out = check_writable(out, _SUFFIXES, overwrite)
    dataset = read_all(source, **options)
    if out.suffix.lower() != ".npz" and (dataset.schema.target == "number" or dataset.schema.vocabulary):
        raise ConfigError(f"{out}: numbers to predict and words are written as .npz only")
    write = {".npz": npz.to_bytes, ".parquet": parquet.to_bytes, ".pkl": _to_pyskl}[out.suffix.lower()]
    write_file(out, write(dataset))
    return out


def _store(source: str | Path, out: Path, overwrite: bool, options: dict[str, Any]) -> Path:
    """Write a stored set; while it is read its sequences lie in files beside it."""
    if out.exists() and not (overwrite and is_stored(out)):
        remedy = "is there already; give another path, or ask to overwrite it (overwrite=True, --overwrite)"
        raise ConfigError(f"{out}: {remedy if is_stored(out) else 'is there, and is no stored set; give another path'}")
    parent = Path(os.path.realpath(out)).parent
    check_folder(parent)
    parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(parent, below=False)
    draft = temporary_folder(parent)
    try:
        made, spool = draft / "set", draft / "spool"
        made.mkdir()
        spool.mkdir()
        with on_disk(spool):
            write(made, read_all(source, **options))
        if out.exists():
            os.replace(out, draft / "old")
        os.replace(made, out)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
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
