"""Texts of a data set in a report: their words, how many are unknown, and an excerpt for each class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import counted
from ..dataset import SequenceDataset
from ..text.words import UNKNOWN, decode

_FREQUENT = 12  # words that are listed
EXCERPT = 10  # words of a text that are shown


@dataclass(frozen=True)
class TextSummary:
    """What is in texts.

    Args:
        entries: of the vocabulary, with the one for unknown words.
        frequent: the most frequent known words and how often they occur.
        unknown: the share of words that are not in the vocabulary, for each part.
        wordless: texts without a word.
        excerpts: the beginning of a text of each class; of texts without classes of the first one, under "".
    """

    entries: int
    frequent: tuple[tuple[str, int], ...]
    unknown: dict[str, float]
    wordless: int
    excerpts: dict[str, str]

    def lines(self) -> Iterator[str]:
        """The lines of the report, but for the excerpts."""
        yield f"vocabulary  {counted(self.entries, 'entry', 'entries')}, one of them for unknown words"
        yield "frequent    " + (", ".join(f"{word} {count}" for word, count in self.frequent) or "none")
        shares = ", ".join(f"{100 * share:.1f} % of {part}" for part, share in self.unknown.items())
        yield f"unknown     {shares}" + ("; the vocabulary is of all texts here" if len(self.unknown) == 1 else "")
        yield f"defects     {counted(self.wordless, 'text')} without a word"


def summarise_texts(parts: Mapping[str, SequenceDataset]) -> TextSummary | None:
    """The summary of the parts of a data set; None where they hold no words.

    Example:
        >>> import torch
        >>> from attentive_rnn.data import Schema
        >>> schema = Schema(("bad", "good"), (1,), vocabulary=("<unknown>", "fine", "dull"))
        >>> data = SequenceDataset([torch.tensor([[1.0], [1.0], [0.0]])], [1], [{}], schema)
        >>> found = summarise_texts({"train": data})
        >>> found.frequent, found.excerpts
        ((('fine', 2),), {'good': 'fine fine <unknown>'})
    """
    schema = next(iter(parts.values())).schema
    vocabulary = schema.vocabulary
    if not vocabulary:
        return None
    counts = np.zeros(len(vocabulary), dtype=np.int64)
    unknown: dict[str, float] = {}
    excerpts: dict[str, str] = {}
    wordless = 0
    for name, part in parts.items():
        own = np.zeros_like(counts)
        for sequence, label in zip(part.sequences, part.labels.tolist(), strict=True):
            entries = sequence.flatten().numpy().astype(np.int64)
            own += np.bincount(entries, minlength=len(own))
            # A text without words is stored as one unknown word.
            wordless += len(entries) == 1 and entries[0] == 0 and vocabulary[0] == UNKNOWN
            of = schema.classes[int(label)] if schema.classes and label >= 0 else ""
            if of not in excerpts and (of or not schema.classes):
                more = " ..." if len(entries) > EXCERPT else ""
                excerpts[of] = " ".join(decode(sequence[:EXCERPT], vocabulary)) + more
        unknown[name] = float(own[0] / max(own.sum(), 1))
        counts += own
    order = [i for i in np.argsort(-counts, kind="stable").tolist() if i and counts[i]][:_FREQUENT]
    frequent = tuple((vocabulary[i], int(counts[i])) for i in order)
    return TextSummary(len(vocabulary), frequent, unknown, int(wordless), excerpts)
