"""Accuracy of a model that has seen only the first part of each sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..data import SequenceDataset
from ..errors import ConfigError
from ..tasks.metrics import score
from ..training.saved_model import SavedModel

SHARES = tuple(range(10, 101, 10))  # percent of the frames


@dataclass(frozen=True)
class Early:
    """The accuracy at one share.

    Args:
        share: percent of the frames of each sequence that the model has seen, from the first.
        accuracy: of its answers then.
        low, high: the 95 % interval (Wilson's).
    """

    share: int
    accuracy: float
    low: float
    high: float

    def in_words(self) -> str:
        """A line for the terminal."""
        accuracy, low, high = (100 * value for value in (self.accuracy, self.low, self.high))
        return f"first {self.share:3d} %      {accuracy:.1f} % (95 % interval {low:.1f} to {high:.1f})"


def accuracy_by_share(saved: SavedModel, dataset: SequenceDataset) -> list[Early]:
    """The accuracy on sequences that are cut after 10 to 100 % of their frames, one frame at the least.

    What is cut is prepared and classified as a sequence of its own, so that nothing to come is known, whatever the
    model and its preprocessing.

    Raises:
        ConfigError: the model gives no classes of sequences.
    """
    if saved.schema.target != "class" or saved.schema.medium != "sequence":
        raise ConfigError("--early is for classes of sequences")
    found = []
    for share in SHARES:
        value, low, high = score(saved.logits(beginnings(dataset, share)), dataset.labels).accuracy
        found.append(Early(share, value, low, high))
    return found


def beginnings(dataset: SequenceDataset, share: int) -> SequenceDataset:
    """The sequences cut after a share of their frames, in percent."""
    cut = dataset.subset(range(len(dataset)))
    ends = [max(1, math.ceil(share * length / 100)) for length in dataset.lengths.tolist()]
    cut.sequences = [sequence[:end] for sequence, end in zip(dataset.sequences, ends, strict=True)]
    seen = zip(dataset.presence, ends, strict=True)
    cut.presence = [None if presence is None else presence[:end] for presence, end in seen]
    return cut
