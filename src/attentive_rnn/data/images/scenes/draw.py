"""Scenes: coloured handwritten digits of different sizes that do not overlap, distractors, and a background.

Source: the public generator of MDIST by the authors of Seo et al., "Progressive attention networks for visual attribute
prediction", BMVC 2018: 5 to 9 distinct digits in 5 colours, one N(0, 10) offset of the colour for each, scales
U(0.5, 3.0) of 28x28 in an image of 100x100, and in MDIST 17 distractors, 5x5 pieces of digits, coloured and scaled
alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from ..idx import LabelledImages, read_idx_pair

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (0x92, 0x10, 0x10),
    "green": (0x10, 0xA6, 0x51),
    "blue": (0x10, 0x62, 0xC0),
    "yellow": (0xFF, 0xF1, 0x4E),
    "white": (0xE0, 0xE0, 0xE0),
}
SCALES = (0.5, 3.0)
COUNTS = (5, 9)  # digits in a scene
COLOUR_NOISE = 10.0  # standard deviation
DISTRACTORS = 17
FULL_SIZE = 100  # side of the images for which the scales are meant
SIDE = 28  # of an image of MNIST
FRAGMENT = 5  # side of the pieces that distractors are
_ATTEMPTS = 400  # draws of a size and a place before the scene is begun anew


class Glyphs:
    """The digits of one part of MNIST, cut out of their squares.

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


class PlacedDigit(NamedTuple):
    """A digit of a scene.

    ``digit`` 0 to 9; ``colour`` an index into COLOURS; ``scale`` against 28x28 in an image of 100x100; ``box`` top,
    left, bottom and right (exclusive) of its ink; ``offset`` what was added to its colour.
    """

    digit: int
    colour: int
    scale: float
    box: tuple[int, int, int, int]
    offset: float

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box: row and column."""
        top, left, bottom, right = self.box
        return (top + bottom) / 2, (left + right) / 2


class Scene(NamedTuple):
    """``image`` uint8 (S, S, 3); ``ink`` uint8 (S, S), how much of a pixel is drawn on; ``owner`` uint8 (S, S), the
    number of the digit a pixel belongs to, from 1, 0 for none; ``digits`` in that order."""

    image: np.ndarray
    ink: np.ndarray
    owner: np.ndarray
    digits: tuple[PlacedDigit, ...]


def draw_scene(
    glyphs: Glyphs,
    rng: np.random.Generator,
    *,
    size: int = FULL_SIZE,
    counts: tuple[int, int] = COUNTS,
    scales: tuple[float, float] = SCALES,
    distractors: int = 0,
    background: np.ndarray | None = None,
) -> Scene:
    """A random scene.

    The digits are placed one after the other: a scale and a place are drawn together, and drawn again while the box of
    the ink would touch another one, so that large digits become rarer the fuller a scene is. Distractors follow.

    Args:
        glyphs: the digits to draw with.
        rng: what is random.
        size: side S of the image in pixels; everything scales with it.
        counts: how many digits, at least and at most.
        scales: of the digits and the distractors, from and to.
        distractors: pieces of digits that lie about.
        background: uint8 (S, S, 3); None: black.
    """
    while True:
        scene = _attempt(glyphs, rng, size, counts, scales, distractors, background)
        if scene is not None:
            return scene


def _attempt(
    glyphs: Glyphs,
    rng: np.random.Generator,
    size: int,
    counts: tuple[int, int],
    scales: tuple[float, float],
    distractors: int,
    background: np.ndarray | None,
) -> Scene | None:
    canvas = np.zeros((size, size, 3)) if background is None else background.astype(np.float64)
    total, owner = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    boxes: list[tuple[int, int, int, int]] = []
    places = []
    count = min(int(rng.integers(counts[0], counts[1] + 1)), len(glyphs.digits))
    digits = [int(digit) for digit in rng.permutation(glyphs.digits)[:count]]
    for number in range(1, len(digits) + distractors + 1):
        digit = digits[number - 1] if number <= len(digits) else None
        shape = glyphs.draw_fragment(rng) if digit is None else glyphs.draw_digit(digit, rng)
        found = _free(shape.shape, boxes, size, scales, rng)
        if found is None:
            return None
        scale, box = found
        boxes.append(box)
        colour, offset = int(rng.integers(len(COLOURS))), float(rng.normal(0, COLOUR_NOISE))
        top, left, bottom, right = box
        here = slice(top, bottom), slice(left, right)
        ink = resized(shape, bottom - top, right - left)
        canvas[here] += ink[..., None] / 255 * (shade(colour, offset) - canvas[here])
        total[here] = ink
        if digit is not None:
            owner[here][ink > 0] = number
            places.append(PlacedDigit(digit, colour, scale, box, offset))
    return Scene(canvas.round().astype(np.uint8), total, owner, tuple(places))


def shade(colour: int, offset: float) -> np.ndarray:
    """The colour of full ink, float (3,)."""
    return np.clip(np.array(list(COLOURS.values())[colour]) + offset, 0.0, 255.0)


def _free(
    shape: tuple[int, ...],
    boxes: list[tuple[int, int, int, int]],
    size: int,
    scales: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[float, tuple[int, int, int, int]] | None:
    """A random scale and box of a figure of that shape, free of the boxes; None if none is found."""
    for _ in range(_ATTEMPTS):
        scale = float(rng.uniform(*scales))
        height, width = (max(1, round(side * scale * size / FULL_SIZE)) for side in shape)
        if max(height, width) > size:
            continue
        top, left = int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))
        box = top, left, top + height, left + width
        if all(box[2] <= b[0] or b[2] <= box[0] or box[3] <= b[1] or b[3] <= box[1] for b in boxes):
            return scale, box
    return None
