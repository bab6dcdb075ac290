"""What a model made of one item of a data set, whatever the item is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from ..data import Schema


@dataclass(frozen=True)
class Answer:
    """One item, its label and what the model said.

    Args:
        name: of the item.
        label: index of its class, -1 where it has none; of numbers the number, NaN where there is none.
        probabilities: of the classes, (K,); of numbers the number that was predicted, (1,); of images that are to be
            made the mean absolute error of the one that was, (1,).
        schema: of what the model is given, after preprocessing.
    """

    name: str
    label: float
    probabilities: np.ndarray
    schema: Schema = field(repr=False)

    @property
    def predicted(self) -> int:
        """The index of the most probable class."""
        return int(self.probabilities.argmax())

    @property
    def labelled(self) -> bool:
        """Whether the truth is known."""
        if self.schema.target == "class":
            return self.label >= 0
        return not np.isnan(self.label)

    @property
    def right(self) -> bool:
        """Whether the truth is known and was found; of numbers and images never."""
        return self.schema.target == "class" and self.label == self.predicted

    @property
    def error(self) -> float:
        """How far from the truth: one minus the probability of the true class, or the distance to what is wanted."""
        if self.schema.target == "number":
            return abs(float(self.probabilities[0]) - self.label)
        if self.schema.target == "image":
            return float(self.probabilities[0])
        return 1 - float(self.probabilities[int(self.label)])


Some = TypeVar("Some", bound=Answer)


def heading(answer: Answer, classes: Sequence[str]) -> str:
    """What an item is, and what the model took it for."""
    if answer.schema.target == "image":
        return f"mean absolute error {answer.error:.3g}"
    if answer.schema.target == "number":
        said = f"predicted {answer.probabilities[0]:.4g}"
        return f"{answer.label:.4g}, {said}" if answer.labelled else f"{answer.name}: {said}"
    said = f"{classes[answer.predicted]} ({100 * answer.probabilities.max():.0f} %)"
    if not answer.labelled:
        return f"{answer.name}: {said}"
    return f"{classes[int(answer.label)]}, " + ("recognised" if answer.right else f"taken for {said}")


def hardest_mistakes(answers: Sequence[Some], count: int) -> list[Some]:
    """The labelled items furthest from the truth, among those taken for another class; of others, among all."""
    wrong = [one for one in answers if one.labelled and not one.right]
    return sorted(wrong, key=lambda one: -one.error)[:count]
