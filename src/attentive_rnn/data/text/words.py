"""Texts as sequences of words, each the index of an entry of a vocabulary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..dataset import SequenceDataset

UNKNOWN = "<unknown>"  # entry 0: a word that is not in the vocabulary
_WORD = re.compile(r"\w+(?:'\w+)?|[!?]")


def words(text: str) -> list[str]:
    """The words of a text in lower case, and its exclamation and question marks; line breaks of HTML are none.

    Example:
        >>> words("It's GREAT!<br /><br />See it.")
        ["it's", 'great', '!', 'see', 'it']
    """
    return _WORD.findall(re.sub(r"<br\s*/?>", " ", text).lower())


def build_vocabulary(texts: Iterable[Sequence[str]], size: int | None = None) -> tuple[str, ...]:
    """The most frequent words, after an entry for all others; of equally frequent ones the first in the alphabet.

    Args:
        texts: the words of each text.
        size: entries at most, the one for unknown words included; None: every word gets one.

    Example:
        >>> build_vocabulary([["b", "a", "b"], ["c", "a", "b"]], size=3)
        ('<unknown>', 'b', 'a')
    """
    counts = Counter(word for text in texts for word in text)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return (UNKNOWN, *ranked[: None if size is None else size - 1])


def encode(texts: Iterable[Sequence[str]], vocabulary: Sequence[str]) -> list[Tensor]:
    """A sequence (T, 1) float32 of indices for each text; a text without words is one unknown word.

    Example:
        >>> encode([["a", "z"], []], ("<unknown>", "a"))[0].tolist()
        [[1.0], [0.0]]
    """
    index = {word: float(i) for i, word in enumerate(vocabulary)}
    # float32, as all sequences are: it holds whole numbers to 16 million.
    return [torch.tensor([index.get(word, 0.0) for word in text] or [0.0])[:, None] for text in texts]


def decode(sequence: Tensor, vocabulary: Sequence[str]) -> list[str]:
    """The words of a sequence of indices.

    Example:
        >>> decode(torch.tensor([[1.0], [0.0]]), ("<unknown>", "a"))
        ['a', '<unknown>']
    """
    return [vocabulary[int(i)] for i in sequence.flatten().tolist()]


def recode(dataset: SequenceDataset, vocabulary: Sequence[str]) -> SequenceDataset:
    """The same texts as indices of another vocabulary, such as that of a trained model."""
    texts = [decode(sequence, dataset.schema.vocabulary) for sequence in dataset.sequences]
    schema = replace(dataset.schema, vocabulary=tuple(vocabulary))
    return SequenceDataset(
        encode(texts, vocabulary), dataset.labels, dataset.metas, schema, dataset.name, dataset.notes
    )
