"""What turns a picture into features, and the small interface that all such networks have here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np


class Features(NamedTuple):
    """Features of B pictures: ``pooled`` (B, D) float32, and ``maps`` (B, D, H, W) float32 where there are some."""

    pooled: np.ndarray
    maps: np.ndarray | None


class Extractor(ABC):
    """A network that describes a picture by D numbers.

    Attributes:
        name: what it is, in words.
        key: a hash of everything that decides the features: the weights, the size and the scaling of the pictures.
        size: (height, width) of the pictures it takes.
        dim: D, the number of features of a picture.
        map_size: (H, W) of its maps of features, or None where it has none.
    """

    name: str
    key: str
    size: tuple[int, int]
    dim: int
    map_size: tuple[int, int] | None

    @abstractmethod
    def __call__(self, images: np.ndarray, maps: bool = False) -> Features:
        """The features of pictures (B, *size, 3) uint8 in red, green and blue; the maps only if asked for.

        Raises:
            ConfigError: maps are asked for of a network that has none.
        """
