"""Source: a data set, or a format of data sets, that can be loaded by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .dataset import LabelledDataset, Splits


@dataclass(frozen=True)
class Source:
    """A data set, or a format of data sets, that can be loaded by name.

    Args:
        name: what a recipe calls it.
        title: what it is, in one line.
        load: ``load(path, **options)`` gives the training and test parts of its protocol; a source
            without a protocol takes ``test_fraction`` and ``seed``, and obeys a split that the data name.
        read: ``read(path, **options)`` gives every item, labelled or not, without a protocol.
        recognise: whether a path that exists holds this format; decided from names, without reading it.
        embedded: whether the data come with the package or are generated, so that ``load`` takes no path.
        preprocessing: configs of the deterministic transforms that its recipes apply to training and test data
            alike; ``load`` and ``read`` apply nothing.
        augmentation: configs of the random transforms of its recipes' augmented training.
        may_lack: options that name what an input of a trained model need not have, such as its labels.
        check_options: options with which ``check`` loads, so that a defect is reported rather than refused.
    """

    name: str
    title: str
    load: Callable[..., Splits]
    read: Callable[..., LabelledDataset]
    recognise: Callable[[Path], bool] = lambda path: False
    embedded: bool = False
    preprocessing: tuple[Mapping[str, Any], ...] = ()
    augmentation: tuple[Mapping[str, Any], ...] = ()
    may_lack: tuple[str, ...] = ()
    check_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def draws_test_part(self) -> bool:
        """Whether ``load`` takes a ``test_fraction``, since the format has no protocol of its own."""
        return "test_fraction" in inspect.signature(self.load).parameters
