"""Data sets of scenes, made from the files of MNIST when they are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ....errors import ConfigError
from ...dataset import Splits
from ...image_dataset import ImageDataset
from ...schema import Schema
from ...source import Source
from ..cifar import read_cifar
from .ask import ATTRIBUTE, CHANGE, QUESTION, Item, Kind
from .draw import COUNTS, DISTRACTORS, FULL_SIZE, SCALES, Glyphs, Scene, draw_scene, read_glyphs

TRAIN, TEST = 40_000, 10_000  # questions; the original's 30,000 to train and 10,000 to validate are one part here
SMALLEST = 32


def make_scenes(
    glyphs: Glyphs,
    kind: Kind,
    count: int,
    rng: np.random.Generator,
    *,
    backgrounds: np.ndarray | None = None,
    size: int = FULL_SIZE,
    name: str = "scenes",
    **look: Any,
) -> ImageDataset:
    """Scenes and what is asked of them, drawn until there are `count` questions.

    Args:
        glyphs: the digits to draw with.
        kind: what is asked.
        count: questions; those of the last scene that are too many are left out.
        rng: what is random.
        backgrounds: uint8 (N, h, w, 3) to choose from; None: black.
        size: side of the images.
        name: the name of the set in messages.
        look: counts, scales and distractors; see :func:`draw_scene`.
    """
    scenes: list[Scene] = []
    items: list[tuple[int, Item]] = []
    while len(items) < count:
        background = None
        if backgrounds is not None:
            background = _enlarged(backgrounds[rng.integers(len(backgrounds))], size)
        scene = draw_scene(glyphs, rng, size=size, background=background, **look)
        items += [(len(scenes), item) for item in kind.ask(scene, rng)]
        scenes.append(scene)
    items = items[:count]
    number = {word: i for i, word in enumerate(kind.vocabulary, 1)}
    questions = np.zeros((count, max(len(item.words) for _, item in items)), np.int64)
    for row, (_, item) in zip(questions, items, strict=True):
        row[: len(item.words)] = [number[word] for word in item.words]
    goals = [item.goal for _, item in items if item.goal is not None]
    return ImageDataset(
        np.stack([scene.image for scene in scenes]),
        [item.answer for _, item in items],
        schema_of(kind, size),
        shown=np.array([i for i, _ in items]),
        questions=questions,
        goals=np.stack(goals) if goals else None,
        owners=np.stack([scene.owner for scene in scenes]),
        asked=np.array([item.asked for _, item in items]),
        metas=[{"scene": i, **item.meta} for i, item in items],
        name=name,
    )


def schema_of(kind: Kind, size: int) -> Schema:
    """The schema of scenes of a size and of a kind of question."""
    target: Any = "class" if kind.answers else "image"
    return Schema(kind.answers, (3, size, size), target=target, medium="image", vocabulary=kind.vocabulary)


def _enlarged(image: np.ndarray, size: int) -> np.ndarray:
    pixels = torch.from_numpy(image).permute(2, 0, 1).float()[None]
    large = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return large[0].permute(1, 2, 0).round().byte().numpy()


@lru_cache(maxsize=2)
def _made(
    name: str,
    kind: Kind,
    path: str,
    backgrounds: str | None,
    seed: int,
    parts: tuple[int, int],
    look: tuple[tuple[str, Any], ...],
) -> Splits[ImageDataset]:
    glyphs = read_glyphs(path)
    pictures: tuple[Any, Any] = (None, None)
    if backgrounds is not None:
        cifar = read_cifar(backgrounds)
        pictures = cifar.train.images, cifar.test.images
    train, test = (
        make_scenes(
            glyphs[i],
            kind,
            parts[i],
            np.random.default_rng((seed, i)),
            backgrounds=pictures[i],
            name=name,
            **dict(look),
        )
        for i in range(2)
    )
    return Splits(train, test)


def _source(name: str, title: str, kind: Kind, distractors: int = 0, on_pictures: bool = False) -> Source:
    pieces = distractors

    def load(
        path: str | Path,
        image_size: int = FULL_SIZE,
        train: int = TRAIN,
        test: int = TEST,
        digits: Sequence[int] = COUNTS,
        scales: Sequence[float] = SCALES,
        distractors: int = pieces,
        seed: int = 0,
        backgrounds: str | None = None,
    ) -> Splits[ImageDataset]:
        if image_size < SMALLEST or min(seed, distractors) < 0 or min(train, test) < 1:
            wanted = f"image_size must be {SMALLEST} or more, train and test 1 or more, seed and distractors 0 or more"
            raise ConfigError(f"{name}: {wanted}")
        if len(digits) != 2 or not 1 <= digits[0] <= digits[1] <= 10:
            raise ConfigError(f"{name}: digits must be two whole numbers from 1 to 10, such as [5, 9], got {digits}")
        if len(scales) != 2 or not 0 < scales[0] < scales[1] <= 3.5:
            raise ConfigError(
                f"{name}: scales must be two numbers above 0, 3.5 at most, such as [0.5, 3.0], got {scales}"
            )
        if on_pictures and backgrounds is None:
            raise ConfigError(f"{name}: data.options.backgrounds is missing: a folder or an archive of CIFAR")
        behind = None if backgrounds is None else str(Path(backgrounds).expanduser().resolve())
        look = {"size": image_size, "counts": tuple(digits), "scales": tuple(scales), "distractors": distractors}
        return _made(name, kind, str(Path(path).resolve()), behind, seed, (train, test), tuple(look.items()))

    def read(path: str | Path, **options: Any) -> ImageDataset:
        return load(path, **options).test

    return Source(name=name, title=title, load=load, read=read)


MREF = _source("mref", "the colour of a digit among others, drawn from a folder of MNIST", ATTRIBUTE)
MDIST = _source("mdist", "the same, with distractors", ATTRIBUTE, distractors=DISTRACTORS)
MBG = _source("mbg", "the same, on pictures of CIFAR", ATTRIBUTE, on_pictures=True)
QUESTIONS = _source("scene-questions", "questions in words about coloured digits, from a folder of MNIST", QUESTION)
EDITING = _source(
    "scene-editing", "recolour the digit that is named, from a folder of MNIST", CHANGE, distractors=DISTRACTORS
)
