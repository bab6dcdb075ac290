"""Ranges of the features of a data set, and the warning that other data lie far outside of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import ConfigError, DataWarning
from .dataset import SequenceDataset
from .schema import Schema
from .skeletons.layouts import get_layout
from .stored.sample import evenly, step

LARGEST = 4096  # features; maps of features have more, and no unit
_FAR = 2.0  # half of the values of a feature are beyond this many times the high end of training
_SMALL = 3.0  # the high end of most features is this many times below the usual value of training
_TINY = 40.0  # the same, of a single feature
# What another unit multiplies values by.
_UNITS = (
    (1000.0, "millimetres for metres"),
    (100.0, "centimetres for metres"),
    (180 / math.pi, "degrees for radians"),
    (9.80665, "metres per second squared for g"),
)


@dataclass(frozen=True)
class Ranges:
    """The size of the values of each feature, of those that are neither 0 nor missing.

    Args:
        usual: the median of the absolute values, (D,); 0 for a feature without values.
        high: their 99th percentile, (D,).

    Example:
        >>> import torch
        >>> data = SequenceDataset([torch.tensor([[1.0], [0.0], [-3.0]])], [-1], [{}], Schema((), (1,)))
        >>> Ranges.of(data.schema, data.sequences).usual
        (2.0,)
    """

    usual: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, schema: Schema, sequences: Sequence[Tensor]) -> Ranges | None:
        """The ranges of sequences (T, *schema.shape); None where values have no unit: words, images and maps."""
        if schema.medium != "sequence" or schema.vocabulary or schema.size > LARGEST or not sequences:
            return None
        taken = evenly(sequences, step(sequences, schema.size))
        values = np.abs(taken.flatten(1).double().numpy())
        usual, high = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        for d, column in enumerate(values.T):
            there = column[np.isfinite(column) & (column > 0)]
            if len(there):
                usual[d], high[d] = np.quantile(there, (0.5, 0.99))
        return cls(_rounded(usual), _rounded(high))

    def to_dict(self) -> dict[str, list[float]]:
        """The ranges as plain values that JSON can hold."""
        return {"usual": list(self.usual), "high": list(self.high)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], size: int) -> Ranges:
        """The ranges that :meth:`to_dict` wrote, of `size` features.

        Raises:
            ConfigError: something else.
        """
        lists = [values.get(key) if isinstance(values, Mapping) else None for key in ("usual", "high")]
        for one in lists:
            if not isinstance(one, list) or len(one) != size or not all(map(_is_range, one)):
                raise ConfigError(f"ranges must have usual and high, {size} numbers each, 0 or more")
        if any(low > 0 and high < low for low, high in zip(*lists, strict=True)):
            raise ConfigError("ranges: usual must not be above high")
        return cls(*(tuple(float(v) for v in one) for one in lists))  # type: ignore[union-attr]

    def doubt(self, other: Ranges, schema: Schema) -> str | None:
        """What is far outside these ranges in those of other data, in words; None where nothing is."""
        usual, high, here, top = map(np.asarray, (self.usual, self.high, other.usual, other.high))
        known = (usual > 0) & (here > 0)
        if not known.any():
            return None
        above = np.where(known, here / np.where(known, high, 1), 0)
        below = np.where(known, usual / np.where(known, top, 1), 0)
        small = (below[known] > _SMALL).mean() > 0.5
        if not (above > _FAR).any() and not small and not (below > _TINY).any():
            return None
        is_large = bool((above > _FAR).any())
        d = int((above if is_large else below).argmax())
        factor = here[d] / usual[d]
        size = f"{factor:.3g} times" if factor >= 1 else f"1/{1 / factor:.3g} of"
        unit = _unit(float(np.median((here[known] / usual[known])[(above if is_large else below)[known] > 1])))
        name = _feature(schema, d)
        return (
            f"the values of {name} are {size} those that the model was trained with "
            f"(usually {here[d]:.3g}, there {usual[d]:.3g}){unit}"
        )


def _is_range(value: Any) -> bool:
    return isinstance(value, int | float) and (value == 0 or 1e-60 < value < 1e60)


def check_ranges(seen: Ranges | None, schema: Schema, sequences: Sequence[Tensor], where: str) -> None:
    """Warn where sequences lie far outside the ranges that a model was trained with, if these are known."""
    found = None if seen is None else Ranges.of(schema, sequences)
    doubt = None if seen is None or found is None else seen.doubt(found, schema)
    if doubt is not None:
        warnings.warn(f"{where}: {doubt}", DataWarning, stacklevel=2)


def of_dataset(dataset: object) -> Ranges | None:
    """The ranges of a data set of sequences; None of any other."""
    return Ranges.of(dataset.schema, dataset.sequences) if isinstance(dataset, SequenceDataset) else None


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)


def _unit(factor: float) -> str:
    for times, name in _UNITS:
        if abs(math.log(max(factor, 1 / factor) / times)) < math.log(1.35):
            first, _, second = name.partition(" for ")
            return f"; is this {name}?" if factor > 1 else f"; is this {second} for {first}?"
    return "; is this another unit?"


def _feature(schema: Schema, d: int) -> str:
    """The name of a feature, for a message."""
    if schema.features:
        return schema.features[d]
    if schema.layout is not None:
        _, joints, values = schema.shape
        return f"the joint {get_layout(schema.layout).joints[d // values % joints]!r}"
    return f"feature {d + 1}"
