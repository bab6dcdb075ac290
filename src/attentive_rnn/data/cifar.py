"""CIFAR-10 and CIFAR-100: the original binaries, or a folder or archive of JPEG files, {train,test}/CLASS/*.jpg."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ..errors import DataError, MissingExtraError
from .files import existing, read_bytes
from .idx import LabelledImages

SIDE = 32
_PIXELS = 3 * SIDE * SIDE
_TAR_FAULTS = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz")


class Binary(NamedTuple):
    """The files of one of the original sets; a record is its labels, of which the last counts, and the pixels."""

    train: tuple[str, ...]
    test: str
    labels: int
    names: str


CIFAR10 = Binary(tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", 1, "batches.meta.txt")
CIFAR100 = Binary(("train.bin",), "test.bin", 2, "fine_label_names.txt")


class Cifar(NamedTuple):
    """Both parts, images (N, 32, 32, 3) uint8, and the names of the classes."""

    train: LabelledImages
    test: LabelledImages
    classes: tuple[str, ...]


def holds_cifar(path: Path) -> bool:
    """Whether a folder or an archive is one of CIFAR, by its name or those of the files in a folder."""
    if path.is_file():
        return path.name.lower().startswith("cifar") and path.name.lower().endswith(_ARCHIVES)
    jpegs = (path / "train").is_dir() and next(path.glob("test/*/*.jpg"), None) is not None
    return jpegs or any((path / kind.test).is_file() for kind in (CIFAR10, CIFAR100))


def read_cifar(path: str | Path) -> Cifar:
    """The images and labels of CIFAR-10 or CIFAR-100.

    Args:
        path: a folder of the original binaries (``data_batch_1.bin`` ..., or ``train.bin`` and ``test.bin``) or of
            JPEG files ``{train,test}/CLASS/*.jpg``, or a .tar, .tar.gz or .tar.xz archive of either.

    Raises:
        DataError: there is nothing at the path, or a file in it is missing or damaged; the message names it.
        MissingExtraError: JPEG files need Pillow, which is not installed.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and the page of the data set
    for the layout of the binaries.
    """
    path = existing(path)
    files: dict[str, bytes] = {}
    pictures: list[tuple[str, str, np.ndarray]] = []
    for name, data in _files(path):
        if name.lower().endswith((".jpg", ".jpeg")):
            part, label = _place(path, name)
            pictures.append((part, label, _decode(data, f"{path}, {name}")))
        else:
            files[PurePosixPath(name).name] = data
    if pictures:
        return _from_pictures(path, pictures)
    for kind in (CIFAR10, CIFAR100):
        if kind.test in files:
            return _from_binaries(path, kind, files)
    raise DataError(f"{path}: holds neither {CIFAR10.test} nor {CIFAR100.test} nor {{train,test}}/CLASS/*.jpg")


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names, with slashes, and contents of what a folder or an archive holds, if it can belong to the set."""
    wanted = (".jpg", ".jpeg", ".bin", ".txt")
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in wanted and file.is_file():
                yield file.relative_to(path).as_posix(), read_bytes(file)
        return
    try:
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile() and entry.name.lower().endswith(wanted):
                    content = archive.extractfile(entry)
                    assert content is not None
                    yield entry.name, content.read()
    except _TAR_FAULTS as error:
        raise DataError(f"{path}: cannot be read as an archive ({error}); fetch it again") from error


def _place(path: Path, name: str) -> tuple[str, str]:
    parts = PurePosixPath(name).parts
    if len(parts) < 3 or parts[-3] not in ("train", "test"):
        raise DataError(f"{path}: {name} is not in train/CLASS/ or test/CLASS/")
    return parts[-3], parts[-2]


def _decode(data: bytes, where: str) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("reading JPEG files needs Pillow: pip install 'attentive-rnn[report]'") from error
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{where}: is not a readable JPEG ({error})") from error
    if pixels.shape != (SIDE, SIDE, 3):
        raise DataError(f"{where}: is {pixels.shape[1]}x{pixels.shape[0]} pixels; it must be {SIDE}x{SIDE}")
    return pixels


def _from_pictures(path: Path, pictures: list[tuple[str, str, np.ndarray]]) -> Cifar:
    classes = tuple(sorted({label for _, label, _ in pictures}))
    number = {name: i for i, name in enumerate(classes)}
    parts = []
    for part in ("train", "test"):
        chosen = [(number[label], pixels) for where, label, pixels in pictures if where == part]
        if not chosen:
            raise DataError(f"{path}: has no pictures in {part}/")
        labels, images = zip(*chosen, strict=True)
        parts.append(LabelledImages(np.stack(images), np.asarray(labels, dtype=np.int64)))
    return Cifar(parts[0], parts[1], classes)


def _from_binaries(path: Path, kind: Binary, files: dict[str, bytes]) -> Cifar:
    for name in (*kind.train, kind.test, kind.names):
        if name not in files:
            raise DataError(f"{path}: {name} is missing")
    text = files[kind.names].decode("utf-8", "replace")
    classes = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(set(classes)) != len(classes):
        raise DataError(f"{path}, {kind.names}: names a class twice")
    parts = [
        [_records(files[name], kind.labels, len(classes), f"{path}, {name}") for name in names]
        for names in (kind.train, (kind.test,))
    ]
    train, test = (
        LabelledImages(np.concatenate([p.images for p in part]), np.concatenate([p.labels for p in part]))
        for part in parts
    )
    return Cifar(train, test, classes)


def _records(data: bytes, labels: int, classes: int, where: str) -> LabelledImages:
    size = labels + _PIXELS
    if not data or len(data) % size:
        raise DataError(f"{where}: has {len(data)} bytes, which are no whole records of {size}; fetch it again")
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    found = rows[:, labels - 1].astype(np.int64)
    if found.max() >= classes:
        i = int((found >= classes).argmax())
        raise DataError(f"{where}: record {i} has the label {found[i]}, but there are {classes} names")
    pixels = rows[:, labels:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return LabelledImages(np.ascontiguousarray(pixels), found)
