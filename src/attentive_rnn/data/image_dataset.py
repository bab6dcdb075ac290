"""Labelled images in memory, each with a question where the task has one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from .dataset import LabelledDataset, Sample
from .schema import Schema
from .transforms import Transform


class ImageDataset(LabelledDataset):
    """Items that each show one of the images: the image, a question of word numbers, and the answer.

    Several items may show one image. Images are kept as bytes; an item's image is (C, H, W) float32 from 0 to 1.

    Args:
        images: uint8 (N, H, W, C).
        shown: for each of the M items, which image it shows, int64 (M,); None: each image is an item.
        labels: an index into ``schema.classes`` for each item, (M,).
        schema: of medium "image"; the meaning of an image, of the words and of the labels.
        questions: word numbers int64 (M, L), 0 past a question's end, i + 1 for ``schema.vocabulary[i]``; None
            where nothing is asked.
        goals: for items whose answer is an image, that image, uint8 (M, H, W, C).
        owners: uint8 (N, H, W), the number of the object that each pixel belongs to, 0 for none.
        asked: uint8 (M,), the number of the object that an item asks about, 0 for none.
        metas: a dict for each item; items with the same "scene" are never parted by a validation split.
        name: the name of the set in messages.

    Raises:
        DataError: arrays that do not fit together, or a label out of range.

    Example:
        >>> schema = Schema(classes=("day", "night"), shape=(3, 8, 8), medium="image")
        >>> data = ImageDataset(np.zeros((2, 8, 8, 3), np.uint8), [0, 1], schema)
        >>> data[1].sequence.shape, data[1].label
        (torch.Size([3, 8, 8]), 1)
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: Iterable[int] | np.ndarray,
        schema: Schema,
        *,
        shown: np.ndarray | None = None,
        questions: np.ndarray | None = None,
        goals: np.ndarray | None = None,
        owners: np.ndarray | None = None,
        asked: np.ndarray | None = None,
        metas: Sequence[Mapping[str, Any]] | None = None,
        name: str = "",
    ) -> None:
        self.images = images
        self.labels = np.asarray(labels, dtype=np.int64)
        count = len(self.labels)
        self.shown = np.arange(count) if shown is None else np.asarray(shown, dtype=np.int64)
        self.questions = np.zeros((count, 0), np.int64) if questions is None else np.asarray(questions, dtype=np.int64)
        self.goals, self.owners = goals, owners
        self.asked = np.zeros(count, np.uint8) if asked is None else np.asarray(asked, dtype=np.uint8)
        self.metas = [{} for _ in range(count)] if metas is None else [dict(meta) for meta in metas]
        self.schema = schema
        self.name = name
        if images.dtype != np.uint8 or (images.shape[3], *images.shape[1:3]) != schema.shape:
            raise DataError(
                f"{name or 'data'}: images are {images.dtype} {images.shape}, but the schema {schema.shape}"
            )
        rows = {"shown": len(self.shown), "questions": len(self.questions), "asked": len(self.asked)}
        rows |= {"metas": len(self.metas), "goals": count if goals is None else len(goals)}
        for what, found in rows.items():
            if found != count:
                raise DataError(f"{name or 'data'}: {found} {what} for {count} labels")
        if goals is None and count and not (-1 <= self.labels.min() <= self.labels.max() < len(schema.classes)):
            raise DataError(f"{name or 'data'}: labels must go from 0 to {len(schema.classes) - 1}, -1 is not labelled")

    def __getitem__(self, index: int) -> Sample:
        image = as_floats(self.images[self.shown[index]])
        label = self.labels[index].item() if self.goals is None else self._wanted(index)
        return Sample(image, label, self.metas[index], torch.from_numpy(self.questions[index]))

    @property
    def lengths(self) -> np.ndarray:
        return np.ones(len(self), dtype=np.int64)

    def fingerprint(self, index: int) -> bytes:
        content = self.images[self.shown[index]].tobytes() + self.questions[index].tobytes()
        wanted = b"" if self.goals is None else self.goals[index].tobytes()
        return hashlib.sha256(content + wanted).digest()

    def region(self, index: int) -> np.ndarray:
        """The pixels of the object that an item asks about, bool (H, W); none where it asks about none."""
        if self.owners is None or not self.asked[index]:
            return np.zeros(self.images.shape[1:3], dtype=bool)
        region: np.ndarray = self.owners[self.shown[index]] == self.asked[index]
        return region

    def question(self, index: int) -> str:
        """The words of an item's question."""
        words = self.schema.vocabulary
        return " ".join(words[i - 1] for i in self.questions[index] if i)

    def subset(self, indices: Iterable[int]) -> ImageDataset:
        chosen = np.asarray([int(i) for i in indices], dtype=np.int64)
        return ImageDataset(
            self.images,
            self.labels[chosen],
            self.schema,
            shown=self.shown[chosen],
            questions=self.questions[chosen],
            goals=None if self.goals is None else self.goals[chosen],
            owners=self.owners,
            asked=self.asked[chosen],
            metas=[{"name": str(i), **self.metas[i]} for i in chosen],  # a part's items keep their numbers as names
            name=self.name,
        )

    def transformed(self, transform: Transform) -> ImageDataset:
        """The set itself: images are not preprocessed.

        Raises:
            DataError: the transform does something.
        """
        if transform.to_config()["transforms"]:
            raise DataError(f"{self.name}: images take no preprocessing; set data.preprocessing to []")
        return self

    def _wanted(self, index: int) -> Tensor:
        """The image that is the answer, and the region where it differs as a last channel: (C + 1, H, W)."""
        assert self.goals is not None
        region = torch.from_numpy(self.region(index)).float()
        return torch.cat([as_floats(self.goals[index]), region[None]])


def as_floats(image: np.ndarray) -> Tensor:
    """Bytes (H, W, C) as float32 (C, H, W) from 0 to 1."""
    return torch.from_numpy(image).permute(2, 0, 1).float().div_(255)
