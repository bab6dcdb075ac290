"""Images as sequences of pixels: MNIST and Fashion-MNIST from IDX files, CIFAR from its binaries or JPEG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..dataset import SequenceDataset, Splits, concatenate
from ..io.files import existing
from ..schema import Schema
from ..source import Source
from .cifar import holds_cifar, read_cifar
from .idx import LabelledImages, holds_idx, read_idx_pair


def load(path: str | Path) -> Splits[SequenceDataset]:
    """The training and test part, each image a sequence of H W pixels from the upper left, row by row.

    A frame is a pixel, shape (1,) or (3,) with colours, scaled from 0..255 to -1..1. A fixed permutation of the steps
    (:class:`PermuteSteps`) and whole rows as frames (:class:`JoinSteps`) are preprocessing.

    Args:
        path: a folder of ``{train,t10k}-{images-idx3,labels-idx1}-ubyte`` files, with or without .gz, or what
            :func:`attentive_rnn.data.images.cifar.read_cifar` reads.

    Raises:
        DataError: a file is missing or damaged.
    """
    path = existing(path)
    if holds_cifar(path):
        train, test, classes = read_cifar(path)
    else:
        train, test = read_idx_pair(path)
        classes = tuple(map(str, range(10)))
    return Splits(*(_sequences(part, classes, path.name) for part in (train, test)))


def read(path: str | Path) -> SequenceDataset:
    """Every image of both parts."""
    return concatenate(load(path))


def _sequences(part: LabelledImages, classes: tuple[str, ...], name: str) -> SequenceDataset:
    count, height, width = part.images.shape[:3]
    scaled = part.images.reshape(count, height * width, -1).astype(np.float32)
    scaled *= 2 / 255
    scaled -= 1
    # Views of one tensor: sixty thousand tensors of their own would take several times the memory.
    sequences = torch.from_numpy(scaled).unbind()
    metas: list[dict[str, object]] = [{"name": f"{i}"} for i in range(count)]
    return SequenceDataset(sequences, part.labels, metas, Schema(classes, scaled.shape[2:]), name)


SOURCE = Source(
    name="pixels",
    title="Images pixel by pixel: MNIST's or Fashion-MNIST's files, or CIFAR (binaries, pickles or JPEG)",
    load=load,
    read=read,
    recognise=lambda path: holds_idx(path) or holds_cifar(path),
)
