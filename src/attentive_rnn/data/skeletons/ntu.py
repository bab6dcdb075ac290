"""NTU RGB+D 60 and 120: Kinect 2 skeletons of one or two people, or features of the films' frames.

Skeletons are text files SsssCcccPpppRrrrAaaa.skeleton, one a sequence; features are files SsssCcccPpppRrrrAaaa_rgb.
safetensors, one a film. References: A. Shahroudy, J. Liu, T.-T. Ng, G. Wang, "NTU RGB+D: a large scale dataset for 3D
human activity analysis", CVPR 2016; J. Liu et al., "NTU RGB+D 120", TPAMI 2019.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..formats.features import SUFFIX, stored_sequences
from ..io.files import existing, read_bytes
from ..io.members import Member
from ..io.text import text_lines
from ..options import one_of
from ..schema import Schema
from ..source import Source
from .ntu_bodies import Bodies, Denoise, parse_skeleton, persons
from .reader import divide, held_by, read_members, skeleton_source

Protocol = Literal["xsub", "xview", "xset"]


def _table(name: str) -> tuple[str, ...]:
    """The lines of a table in the package, without its comments."""
    text = files(__package__).joinpath("tables", name).read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


ACTIONS = _table("ntu-actions.txt")
SCHEMA = Schema(classes=ACTIONS, shape=(2, 25, 3), layout="ntu-25", rate=30.0)
# The cross-subject training subjects of NTU RGB+D 120; those up to 40 are the ones of NTU RGB+D.
TRAIN_SUBJECTS = frozenset(
    (
        *(1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38),
        *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83),
        *(84, 85, 86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
    )
)
TRAIN_VIEWS = frozenset((2, 3))

_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})", re.ASCII)
_SETUPS_OF_60, _CLASSES_OF_60 = 17, 60


def load(
    path: str | Path,
    protocol: Protocol = "xsub",
    bodies: Bodies = "tracks",
    denoise: Denoise = "released",
    missing: str | Path = "drop",
) -> Splits[SequenceDataset]:
    """One of the four protocols; 60 classes where all files are of NTU RGB+D, else 120.

    Args:
        path: a folder or a zip with the .skeleton files; other files in it are passed over.
        protocol: "xsub" trains on 20 subjects (53 in NTU RGB+D 120), "xview" on cameras 2 and 3, "xset" on the setups
            with even numbers.
        bodies: "tracks" follows people by their id and drops frames without anybody; "slots" takes the bodies in
            the order in which a frame lists them and keeps empty frames, as mmaction2 does.
        denoise: "released" drops tracks of up to 11 frames and tracks that are wider than high, as the code that the
            EleAtt paper builds on does; "all" also drops second people whose motion is out of range, the step
            that this code has but leaves out; "off" keeps every track. For "tracks" only.
        missing: "drop" leaves out the 302 (535) samples that the data set's authors list as having missing
            skeletons, "keep" keeps them; "skip" also leaves out any other that cannot be used, with a note; or a text
            file with the names to leave out.

    Raises:
        ConfigError: an option with another value.
        DataError: a file or its name is malformed, a sequence has nobody in it, or one part is empty.
    """
    return parts(_dataset(path, bodies, denoise, missing, strict=True), path, protocol)


def parts(dataset: SequenceDataset, path: str | Path, protocol: Protocol) -> Splits[SequenceDataset]:
    """The parts of a protocol, of sequences that name their subject, view and setup; see :func:`load`.

    Raises:
        ConfigError: another protocol.
        DataError: one part is empty.
    """
    one_of(dataset.name, "protocol", protocol, get_args(Protocol))
    key, values = {
        "xsub": ("subject", TRAIN_SUBJECTS),
        "xview": ("view", TRAIN_VIEWS),
        "xset": ("setup", frozenset(range(2, 33, 2))),
    }[protocol]
    in_train = np.isin(dataset.groups(key), list(values))
    if in_train.all() or not in_train.any():
        part = "test" if in_train.all() else "train"
        raise DataError(f"{path}: has no {part} sequence for {protocol}; its {key}s are all of the other part")
    return divide(dataset, in_train, path, "", shares_persons=protocol != "xsub")


def read(
    path: str | Path, bodies: Bodies = "tracks", denoise: Denoise = "released", missing: str | Path = "drop"
) -> SequenceDataset:
    """Every sequence of a .skeleton file, a folder or a zip; those of another name are not labelled.

    Errors as for :func:`load`.
    """
    return _dataset(path, bodies, denoise, missing, strict=False)


def meta_of(name: str) -> tuple[int, dict[str, Any]]:
    """The class (from 0) and the meta that a name SsssCcccPpppRrrrAaaa tells; -1 for another name.

    Example:
        >>> meta_of("S001C002P003R001A060")
        (59, {'name': 'S001C002P003R001A060', 'setup': 1, 'view': 2, 'subject': 3, 'repetition': 1})
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return -1, {"name": name}
    setup, view, subject, repetition, action = map(int, match.groups())
    label = action - 1 if 1 <= action <= len(ACTIONS) else -1
    return label, {"name": name, "setup": setup, "view": view, "subject": subject, "repetition": repetition}


def missing_skeletons() -> frozenset[str]:
    """The names of the 535 samples with missing skeletons, 302 of them in NTU RGB+D.

    Source: the list of the data set's authors.

    Example:
        >>> len(missing_skeletons())
        535
    """
    return frozenset(_table("ntu-missing.txt"))


def number_of_classes(labels: np.ndarray, setups: np.ndarray) -> int:
    """60 if every sequence can be of NTU RGB+D, else 120."""
    small = (labels < _CLASSES_OF_60).all() and (setups <= _SETUPS_OF_60).all()
    return _CLASSES_OF_60 if small else len(ACTIONS)


def _key(name: str) -> str | None:
    return Path(name).stem if name.lower().endswith(".skeleton") else None


def _dataset(
    path: str | Path, bodies: Bodies, denoise: Denoise, missing: str | Path, *, strict: bool
) -> SequenceDataset:
    left_out = _left_out(missing)

    def key(name: str) -> str | None:
        return None if _key(name) in left_out else _key(name)

    def parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
        label, meta = meta_of(member.key)
        if strict and label < 0:
            raise DataError(f"{member.where}: is not named SsssCcccPpppRrrrAaaa.skeleton with an action of 1 to 120")
        frames = persons(parse_skeleton(member.data, member.where), bodies, denoise)
        if not frames.any():
            raise DataError(
                f"{member.where}: has nobody in any frame; leave it out with missing=FILE, a list of such names"
            )
        return frames, label, meta

    dataset = read_members(
        path, key, ".skeleton file to read", parse, SCHEMA, "ntu-rgbd", "skip" if missing == "skip" else "refuse"
    )
    setups = np.asarray([meta.get("setup", 0) for meta in dataset.metas])
    dataset.schema = replace(SCHEMA, classes=ACTIONS[: number_of_classes(dataset.labels, setups)])
    return dataset


def _left_out(missing: str | Path) -> frozenset[str]:
    if missing == "keep":
        return frozenset()
    if missing in ("drop", "skip"):
        return missing_skeletons()
    path = existing(missing)
    lines = text_lines(read_bytes(path), str(path))
    return frozenset(name for line in lines if _NAME.fullmatch(name := line.strip().removesuffix(".skeleton")))


def load_rgb(path: str | Path, protocol: Protocol = "xsub", every: int = 1) -> Splits[SequenceDataset]:
    """One of the protocols of the skeletons (see :func:`load`) on what ``attentive features`` made of the films.

    Args:
        path: a folder with the features, or with folders of them.
        protocol: "xsub", "xview" or "xset".
        every: keep each of so many frames, from the first.

    Raises:
        ConfigError: an option with another value.
        DataError: a file is damaged, made by another network or named otherwise, or one part is empty.
    """
    return parts(read_rgb(path, every), path, protocol)


def read_rgb(path: str | Path, every: int = 1) -> SequenceDataset:
    """Every film. Errors as for :func:`load_rgb`."""
    path = existing(path)
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ConfigError(f"ntu-rgb: every must be a whole number of frames, 1 or more, got {every!r}")
    files = sorted(_films(path), key=lambda file: file.name)
    if not files:
        raise DataError(f"{path}: holds no {SUFFIX} files of NTU RGB+D; attentive features makes them of its films")
    named = [meta_of(_film_name(file)) for file in files]
    for file, (label, _) in zip(files, named, strict=True):
        if label < 0:
            raise DataError(f"{file}: is not named SsssCcccPpppRrrrAaaa_rgb{SUFFIX} with an action of 1 to 120")
    labels, metas = [label for label, _ in named], [meta for _, meta in named]
    classes = number_of_classes(np.asarray(labels), np.asarray([meta["setup"] for meta in metas]))
    return stored_sequences(files, labels, metas, ACTIONS[:classes], "ntu-rgb", every)


def recognise_rgb(path: Path) -> bool:
    """Whether the path is a folder whose first file of features has a name of NTU RGB+D."""
    first = next(_films(path), None)
    return first is not None and meta_of(_film_name(first))[0] >= 0


def _films(path: Path) -> Iterator[Path]:
    found = (file for pattern in ("*", "*/*") for file in path.glob(pattern + SUFFIX)) if path.is_dir() else iter(())
    return (file for file in found if not file.name.startswith("."))


def _film_name(file: Path) -> str:
    return file.stem.removesuffix("_rgb")


SOURCE = skeleton_source(
    "ntu-rgbd",
    "NTU RGB+D 60 or 120 skeletons: a zip or folder of SsssCcccPpppRrrrAaaa.skeleton",
    load,
    read,
    held_by(_key),
)

RGB_SOURCE = Source(
    name="ntu-rgb",
    title="NTU RGB+D 60 or 120 frame features: SsssCcccPpppRrrrAaaa_rgb.safetensors",
    load=load_rgb,
    read=read_rgb,
    recognise=recognise_rgb,
)
