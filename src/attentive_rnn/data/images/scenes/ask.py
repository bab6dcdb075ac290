"""Questions about a scene: the colour of each digit, questions in words, and changes of a digit's colour.

Every question is a row of word numbers, 0 behind its end, and word i of a vocabulary has the number i + 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .draw import COLOURS, PlacedDigit, Scene, shade

DIGITS = tuple("0123456789")
NOTHING = "nothing"
SIDES = ("left", "right", "above", "below")


class Item(NamedTuple):
    """A question: its words, the index of the answer, the number of the digit asked about (0: none), what else is
    known, and for a change the picture that is wanted, uint8 (S, S, 3)."""

    words: tuple[str, ...]
    answer: int
    asked: int
    meta: dict[str, Any]
    goal: np.ndarray | None = None


Ask = Callable[[Scene, np.random.Generator], list[Item]]


class Kind(NamedTuple):
    """A kind of question: its function, the words it uses, and the answers (none where a picture is wanted)."""

    ask: Ask
    vocabulary: tuple[str, ...]
    answers: tuple[str, ...]


def _colours(scene: Scene, rng: np.random.Generator) -> list[Item]:
    """The colour of every digit, asked by the digit alone."""
    return [
        Item((DIGITS[place.digit],), place.colour, number, {"scale": place.scale})
        for number, place in enumerate(scene.digits, 1)
    ]


def _questions(scene: Scene, rng: np.random.Generator) -> list[Item]:
    """One question of each kind."""
    names = list(COLOURS)
    number, colour = int(rng.integers(len(scene.digits))), int(rng.integers(len(names)))
    place, side = scene.digits[number], SIDES[rng.integers(len(SIDES))]
    of = ("of",) if side in ("left", "right") else ()
    where = ("what", "is", side, *of, "the", DIGITS[place.digit])
    other = neighbour(scene.digits, number, side)
    same = sum(p.colour == colour for p in scene.digits)
    return [
        _item(("what", "colour", "is", "the", DIGITS[place.digit]), names[place.colour], number + 1, "colour"),
        _item(("how", "many", "digits", "are", "there"), DIGITS[len(scene.digits)], 0, "count"),
        _item(("how", "many", "digits", "are", names[colour]), DIGITS[same], 0, "count of a colour"),
        _item(where, NOTHING if other is None else DIGITS[scene.digits[other].digit], number + 1, "neighbour"),
    ]


ANSWERS = (*COLOURS, *DIGITS, NOTHING)


def _item(words: tuple[str, ...], answer: str, asked: int, kind: str) -> Item:
    return Item(words, ANSWERS.index(answer), asked, {"kind": kind})


def neighbour(digits: tuple[PlacedDigit, ...], number: int, side: str) -> int | None:
    """The digit nearest to one of them, by their middles, of those that lie more to that side than across it."""
    row, column = digits[number].centre
    found = []
    for i, place in enumerate(digits):
        down, right = place.centre[0] - row, place.centre[1] - column
        along = {"left": -right, "right": right, "above": -down, "below": down}[side]
        across = abs(down) if side in ("left", "right") else abs(right)
        if i != number and along > 0 and along >= across:
            found.append((along**2 + across**2, i))
    return min(found)[1] if found else None


def _changes(scene: Scene, rng: np.random.Generator) -> list[Item]:
    """A digit and a colour that it does not have, and the scene with the digit in that colour."""
    number = int(rng.integers(len(scene.digits)))
    place = scene.digits[number]
    colour = int((place.colour + rng.integers(1, len(COLOURS))) % len(COLOURS))
    goal = scene.image.copy()
    region = scene.owner == number + 1
    # The paper under the ink is black: a background picture would have to be known to be put back under thin ink.
    goal[region] = (scene.ink[region][:, None] / 255 * shade(colour, place.offset)).round()
    words = DIGITS[place.digit], list(COLOURS)[colour]
    return [Item(words, 0, number + 1, {"scale": place.scale}, goal)]


ATTRIBUTE = Kind(_colours, DIGITS, tuple(COLOURS))
QUESTION = Kind(
    _questions,
    tuple(sorted({"what", "colour", "is", "the", "how", "many", "digits", "are", "there", "of", *SIDES}))
    + DIGITS
    + tuple(COLOURS),
    ANSWERS,
)
CHANGE = Kind(_changes, (*DIGITS, *COLOURS), ())
