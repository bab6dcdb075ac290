"""Words that a model attends to in the texts of each class more than in others.

Input is explanations of texts; output the best words of each class with their weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..data.text.words import UNKNOWN
from .explanation import Explanation

BEST = 10  # words of a class
_TEXTS = 2  # that a word must be in


class WordWeight(NamedTuple):
    """A word and how much it is attended to in the texts of a class.

    Args:
        word: the word.
        weight: its share of the attention in texts of the class, less its share in all other texts.
        relevance: the attention to it there, the mean of its occurrences, relative to the usual.
        texts: of the class, in which it occurs.
    """

    word: str
    weight: float
    relevance: float
    texts: int


def class_words(explanations: Sequence[Explanation], count: int = BEST) -> dict[str, list[WordWeight]]:
    """The words to which the attention in texts of a class goes more than in others, for each class of an answer.

    A text counts for the class that the model answers. Words of a single text, and unknown ones, are passed over. A
    model without attention, or of numbers, has none.
    """
    first = explanations[0]
    if not first.words or first.schema.target != "class" or not np.isfinite(first.relevance).all():
        return {}
    attention: dict[int, Counter[str]] = {}
    occurrences: dict[int, Counter[str]] = {}
    texts: dict[int, Counter[str]] = {}
    for one in explanations:
        own = attention.setdefault(one.predicted, Counter())
        for word, weight in zip(one.words, one.relevance[:, 0].tolist(), strict=True):
            own[word] += weight
        occurrences.setdefault(one.predicted, Counter()).update(one.words)
        texts.setdefault(one.predicted, Counter()).update(set(one.words))
    everything = sum(attention.values(), Counter())
    total = everything.total()
    found = {}
    for label in sorted(attention):
        own, all_own = attention[label], attention[label].total()
        rest = max(total - all_own, 1e-12)
        weighed = [
            WordWeight(
                word,
                value / all_own - (everything[word] - value) / rest,
                value / occurrences[label][word],
                texts[label][word],
            )
            for word, value in own.items()
            if word != UNKNOWN and texts[label][word] >= _TEXTS
        ]
        weighed = sorted((one for one in weighed if one.weight > 0), key=lambda one: (-one.weight, one.word))
        found[first.schema.classes[label]] = weighed[:count]
    return found


def in_words(found: Sequence[WordWeight], count: int = 5) -> str:
    """The best words of a class, such as "great 1.31, fine 1.22 times the usual"."""
    if not found:
        return "no word more than in other texts"
    return ", ".join(f"{one.word} {one.relevance:.2f}" for one in found[:count]) + " times the usual"
