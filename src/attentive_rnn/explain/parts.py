"""Parts of a classifier that run by themselves: what is above the vectors of words, what is below a layer."""

from __future__ import annotations

from typing import Any

import torch

from ..layers.base import RecurrentBase
from ..models import SequenceClassifier


def without_embedding(classifier: SequenceClassifier) -> SequenceClassifier:
    """The classifier of word vectors (B, T, E) in a classifier of words; of frames of numbers itself.

    Example:
        >>> words = SequenceClassifier(1, 2, hidden_size=3, vocabulary_size=9, embedding_size=4).eval()
        >>> x = torch.tensor([[[3], [8]]])
        >>> torch.equal(without_embedding(words)(words.embedding(x[..., 0])), words(x))
        True
    """
    if classifier.embedding is None:
        return classifier
    return _part(classifier, input_size=classifier.layers.input_size, vocabulary_size=None, embedding_size=None)


def first_layers(classifier: SequenceClassifier, count: int) -> RecurrentBase:
    """The lowest recurrent layers, whose outputs (T, B, N) the next one reads.

    Example:
        >>> model = SequenceClassifier(4, 2, hidden_size=3, num_layers=2).eval()
        >>> output, _ = first_layers(model, 1)(torch.randn(7, 5, 4))
        >>> output.shape
        torch.Size([7, 5, 3])
    """
    return _part(classifier, num_layers=count, gate=list(classifier.layers.gates[:count])).layers


def _part(classifier: SequenceClassifier, **changes: Any) -> SequenceClassifier:
    with torch.random.fork_rng(devices=[]):  # its first weights, which are replaced, take none of the caller's numbers
        part = SequenceClassifier(**classifier.config | changes)
    weights, like = classifier.state_dict(), next(classifier.parameters())
    part.to(like.device, like.dtype).load_state_dict({name: weights[name] for name in part.state_dict()})
    return part.eval()
