"""CIFAR-10 and CIFAR-100 as images to be told apart."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigError
from ..dataset import Splits
from ..image_dataset import ImageDataset
from ..schema import Schema
from ..source import Source
from .cifar import SIDE, Cifar, read_cifar
from .idx import LabelledImages

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
