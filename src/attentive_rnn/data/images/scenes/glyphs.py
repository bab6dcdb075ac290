"""Handwritten digits cut out of their 28x28 squares, in any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ..idx import LabelledImages, read_idx_pair

SIDE = 28  # of an image of MNIST
FRAGMENT = 5  # side of the pieces that distractors are


class Glyphs:
    """The digits of one part of MNIST.

    Args:
        part: grey images (N, 28, 28), 0 is paper and 255 is ink, with labels 0 to 9.
    """

    def __init__(self, part: LabelledImages) -> None:
        self._images = part.images
        self._of_digit = [np.flatnonzero(part.labels == digit) for digit in range(10)]

    @property
    def digits(self) -> tuple[int, ...]:
        """The digits that there are images of."""
        return tuple(digit for digit, found in enumerate(self._of_digit) if len(found))

    def draw_digit(self, digit: int, rng: np.random.Generator) -> np.ndarray:
        """A random image of a digit without its blank margins, uint8 (h, w)."""
        image = self._images[rng.choice(self._of_digit[digit])]
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    def draw_fragment(self, rng: np.random.Generator) -> np.ndarray:
        """A random 5x5 piece of a random digit, uint8 (5, 5); drawn again while the piece is blank."""
        while True:
            image = self._images[rng.integers(len(self._images))]
            top, left = rng.integers(0, SIDE - FRAGMENT + 1, 2)
            piece = image[top : top + FRAGMENT, left : left + FRAGMENT]
            if piece.any():
                return piece


def read_glyphs(path: str | Path) -> tuple[Glyphs, Glyphs]:
    """The digits of the training and of the test part of a folder of MNIST's files.

    Raises:
        DataError: a file is missing or damaged.
    """
    train, test = read_idx_pair(path)
    return Glyphs(train), Glyphs(test)


def resized(ink: np.ndarray, height: int, width: int) -> np.ndarray:
    """A grey image uint8 (h, w) in another size, bilinear and smoothed where it shrinks."""
    image = torch.from_numpy(np.ascontiguousarray(ink)).float()[None, None]
    new = F.interpolate(image, (height, width), mode="bilinear", antialias=True)
    return new[0, 0].round().clamp(0, 255).byte().numpy()
