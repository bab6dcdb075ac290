"""CIFAR-10 and CIFAR-100: the original binaries or pickles, or JPEG files, {train,test}/CLASS/*.jpg."""

from __future__ import annotations

import io
import lzma
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from ...errors import ConfigError, DataError, MissingExtraError
from ..dataset import Splits
from ..image_dataset import ImageDataset
from ..io.files import existing, read_bytes
from ..io.memory import check_memory
from ..io.pickle import PickledArray, load_plain
from ..schema import Schema
from ..source import Source
from .idx import LabelledImages

SIDE = 32
_PIXELS = 3 * SIDE * SIDE
_TAR_FAULTS = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz")


class _Original(NamedTuple):
    """The files of one of the original sets: of the parts, and of the class names.

    ``labels`` is the number of labels of a record of the binaries, of which the last counts, or the key of the labels
    in the pickles of the "python version"; ``key`` is that of the class names there.
    """

    train: tuple[str, ...]
    test: str
    names: str
    labels: int | str
    key: str = ""


_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
_BINARIES = (
    _Original(tuple(f"{name}.bin" for name in _BATCHES), "test_batch.bin", "batches.meta.txt", 1),
    _Original(("train.bin",), "test.bin", "fine_label_names.txt", 2),
)
_PICKLES = (
    _Original(_BATCHES, "test_batch", "batches.meta", "labels", "label_names"),
    _Original(("train",), "test", "meta", "fine_labels", "fine_label_names"),
)
_PICKLED = {name for kind in _PICKLES for name in (*kind.train, kind.test, kind.names)}


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
    if jpegs or any((path / kind.test).is_file() for kind in _BINARIES):
        return True
    return any(all((path / name).is_file() for name in (kind.test, kind.names)) for kind in _PICKLES)


def read_cifar(path: str | Path) -> Cifar:
    """The images and labels of CIFAR-10 or CIFAR-100.

    Args:
        path: a folder of the original binaries (``data_batch_1.bin`` ..., or ``train.bin`` and ``test.bin``) or of
            JPEG files ``{train,test}/CLASS/*.jpg``, or of the pickles of the "python version" (``data_batch_1`` ...,
            or ``train`` and ``test``), of which nothing is executed; or a .tar, .tar.gz or .tar.xz archive of these.

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
    for kind in (*_BINARIES, *_PICKLES):
        if kind.test in files:
            return _from_original(path, kind, files)
    tests = " nor ".join(kind.test for kind in _BINARIES)
    raise DataError(f"{path}: holds neither {tests} nor their pickles nor {{train,test}}/CLASS/*.jpg")


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names, with slashes, and contents of what a folder or an archive holds, if it can belong to the set."""
    wanted = (".jpg", ".jpeg", ".bin", ".txt")
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if (file.suffix.lower() in wanted or file.name in _PICKLED) and file.is_file():
                yield file.relative_to(path).as_posix(), read_bytes(file)
        return
    try:
        with tarfile.open(path) as archive:
            size = 0
            for entry in archive:
                pickled = PurePosixPath(entry.name).name in _PICKLED
                if not entry.isdir() and (pickled or entry.name.lower().endswith(wanted)):
                    if not entry.isfile():
                        raise DataError(f"{path}, {entry.name}: is a link; pack the files themselves")
                    size += entry.size
                    check_memory(size, str(path))
                    content = archive.extractfile(entry)
                    assert content is not None
                    yield entry.name, content.read()
    except _TAR_FAULTS as error:
        if isinstance(error, DataError):
            raise
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
    silent = warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning)
    try:
        with silent, Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.size != (SIDE, SIDE):  # before its pixels take memory
                raise DataError(f"{where}: is {image.size[0]}x{image.size[1]} pixels; it must be {SIDE}x{SIDE}")
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: is not a readable JPEG ({error})") from error
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


def _from_original(path: Path, kind: _Original, files: dict[str, bytes]) -> Cifar:
    for name in (*kind.train, kind.test, kind.names):
        if name not in files:
            raise DataError(f"{path}: {name} is missing")
    classes = _class_names(path, kind, files)
    if len(set(classes)) != len(classes):
        raise DataError(f"{path}, {kind.names}: names a class twice")

    def read(name: str) -> LabelledImages:
        if isinstance(kind.labels, int):
            return _records(files[name], kind.labels, len(classes), f"{path}, {name}")
        return _batch(_plain(path, name, files), kind.labels, len(classes), f"{path}, {name}")

    parts = [[read(name) for name in names] for names in (kind.train, (kind.test,))]
    train, test = (
        LabelledImages(np.concatenate([p.images for p in part]), np.concatenate([p.labels for p in part]))
        for part in parts
    )
    return Cifar(train, test, classes)


def _class_names(path: Path, kind: _Original, files: dict[str, bytes]) -> tuple[str, ...]:
    if not kind.key:
        lines = files[kind.names].decode("utf-8", "replace").splitlines()
        return tuple(line.strip() for line in lines if line.strip())
    classes = _plain(path, kind.names, files).get(kind.key)
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise DataError(f"{path}, {kind.names}: {kind.key!r} is no list of names")
    return tuple(classes)


def _plain(path: Path, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    content = load_plain(files[name], f"{path}, {name}")
    if not isinstance(content, dict):
        raise DataError(f"{path}, {name}: is no dict")
    # Some copies were written again by Python 3, with keys and names of bytes.
    return {
        _text(key): [_text(v) for v in value] if isinstance(value, list) else value for key, value in content.items()
    }


def _text(value: Any) -> Any:
    return value.decode("latin1") if isinstance(value, bytes) else value


def _batch(content: dict[str, Any], key: str, classes: int, where: str) -> LabelledImages:
    pixels, labels = content.get("data"), content.get(key)
    values = pixels.values if isinstance(pixels, PickledArray) else None
    if values is None or values.dtype != np.uint8 or values.ndim != 2 or values.shape[1] != _PIXELS:
        raise DataError(f"{where}: 'data' must be bytes (N, {_PIXELS})")
    if not isinstance(labels, list) or not all(type(n) is int and 0 <= n < classes for n in labels):
        raise DataError(f"{where}: {key!r} must be a list of numbers from 0 to {classes - 1}")
    if len(labels) != len(values) or not labels:
        raise DataError(f"{where}: has {len(labels)} labels for {len(values)} images")
    return LabelledImages(_upright(values), np.asarray(labels, dtype=np.int64))


def _upright(pixels: np.ndarray) -> np.ndarray:
    """Images (N, 32, 32, 3) of rows (N, 3072): the planes of the colours, one after the other."""
    return np.ascontiguousarray(pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def _records(data: bytes, labels: int, classes: int, where: str) -> LabelledImages:
    size = labels + _PIXELS
    if not data or len(data) % size:
        raise DataError(f"{where}: has {len(data)} bytes, which are no whole records of {size}; fetch it again")
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    found = rows[:, labels - 1].astype(np.int64)
    if found.max() >= classes:
        i = int((found >= classes).argmax())
        raise DataError(f"{where}: record {i} has the label {found[i]}, but there are {classes} names")
    return LabelledImages(_upright(rows[:, labels:]), found)


_read = lru_cache(maxsize=1)(read_cifar)


def load(path: str | Path, per_class: int | None = None) -> Splits[ImageDataset]:
    """The training and test images.

    Args:
        path: see :func:`read_cifar`.
        per_class: take so many training images of each class, the first ones; None: all. Test images are all taken.
    """
    if per_class is not None and per_class < 2:
        raise ConfigError(f"cifar: per_class must be 2 or more, got {per_class}")
    data = _read(Path(path).resolve())
    return Splits(_images(data, _first(data.train, per_class)), _images(data, data.test))


def _first(part: LabelledImages, per_class: int | None) -> LabelledImages:
    if per_class is None:
        return part
    kept = np.sort(np.concatenate([np.flatnonzero(part.labels == c)[:per_class] for c in np.unique(part.labels)]))
    return LabelledImages(part.images[kept], part.labels[kept])


def _images(data: Cifar, part: LabelledImages) -> ImageDataset:
    schema = Schema(data.classes, (3, SIDE, SIDE), medium="image")
    return ImageDataset(part.images, part.labels, schema, name="cifar")


def read(path: str | Path, **options: Any) -> ImageDataset:
    """The test images."""
    return load(path, **options).test


SOURCE = Source(
    name="cifar",
    title="CIFAR-10 or CIFAR-100: the original binaries, or {train,test}/CLASS/*.jpg, as a folder or an archive",
    load=load,
    read=read,
)
