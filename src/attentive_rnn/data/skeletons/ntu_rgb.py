"""NTU RGB+D 60 and 120 from their pictures: features of every frame, SsssCcccPpppRrrrAaaa_rgb.safetensors a film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..formats.features import SUFFIX, stored_sequences
from ..io.files import existing
from ..source import Source
from . import ntu


def load(path: str | Path, protocol: ntu.Protocol = "xsub", every: int = 1) -> Splits[SequenceDataset]:
    """One of the protocols of the skeletons (see :func:`ntu.load`) on what ``attentive features`` made of the films.

    Args:
        path: a folder with the features, or with folders of them.
        protocol: "xsub", "xview" or "xset".
        every: keep each of so many frames, from the first.

    Raises:
        ConfigError: an option with another value.
        DataError: a file is damaged, made by another network or named otherwise, or one part is empty.
    """
    return ntu.parts(read(path, every), path, protocol)


def read(path: str | Path, every: int = 1) -> SequenceDataset:
    """Every film.

    Raises:
        ConfigError: every is below 1.
        DataError: a file is damaged, made by another network or named otherwise.
    """
    path = existing(path)
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ConfigError(f"ntu-rgb: every must be a whole number of frames, 1 or more, got {every!r}")
    files = sorted(_files(path), key=lambda file: file.name)
    if not files:
        raise DataError(f"{path}: holds no {SUFFIX} files of NTU RGB+D; attentive features makes them of its films")
    named = [ntu.meta_of(_name(file)) for file in files]
    for file, (label, _) in zip(files, named, strict=True):
        if label < 0:
            raise DataError(f"{file}: is not named SsssCcccPpppRrrrAaaa_rgb{SUFFIX} with an action of 1 to 120")
    labels, metas = [label for label, _ in named], [meta for _, meta in named]
    classes = ntu.number_of_classes(np.asarray(labels), np.asarray([meta["setup"] for meta in metas]))
    return stored_sequences(files, labels, metas, ntu.ACTIONS[:classes], "ntu-rgb", every)


def recognise(path: Path) -> bool:
    """Whether the path is a folder whose first file of features has a name of NTU RGB+D."""
    first = next(_files(path), None)
    return first is not None and ntu.meta_of(_name(first))[0] >= 0


def _files(path: Path) -> Iterator[Path]:
    found = (file for pattern in ("*", "*/*") for file in path.glob(pattern + SUFFIX)) if path.is_dir() else iter(())
    return (file for file in found if not file.name.startswith("."))


def _name(file: Path) -> str:
    return file.stem.removesuffix("_rgb")


SOURCE = Source(
    name="ntu-rgb",
    title="NTU RGB+D 60 or 120 frame features: SsssCcccPpppRrrrAaaa_rgb.safetensors",
    load=load,
    read=read,
    recognise=recognise,
)
