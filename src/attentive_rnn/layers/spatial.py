"""What the spatial attention layers share: from logits to a mask, and the mask on the map."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Normalisation = Literal["sigmoid", "softmax"]
NORMALISATIONS: tuple[Normalisation, ...] = ("sigmoid", "softmax")


def normalised(logits: Tensor, normalize: Normalisation) -> Tensor:
    """Maps of logits (B, K, H, W) as masks: each value in 0..1 by itself, or each map with a sum of one."""
    if normalize == "sigmoid":
        return torch.sigmoid(logits)
    return torch.softmax(logits.flatten(2), dim=-1).view(logits.shape)


def attended(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """What a spatial attention layer returns: x under its mask, in x's dtype, and the mask."""
    return x * mask.to(x.dtype), mask


def check_choice(name: str, value: object, known: tuple[object, ...]) -> None:
    """Refuse an option that is none of those there are."""
    if value not in known:
        raise ValueError(f"{name} should be one of {', '.join(map(repr, known))}, got {value!r}")


def check_size(name: str, value: int, odd: bool = False) -> None:
    """Refuse a size that is no whole number above zero, or an even one where the cell must be the centre."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
    if value <= 0:
        raise ValueError(f"{name} must be greater than zero, got {value}")
    if odd and value % 2 == 0:
        raise ValueError(f"{name} must be odd, so that the cell is the centre of its context, got {value}")


def check_maps(x: Tensor, query: Tensor | None, in_channels: int, query_size: int | None) -> None:
    """Refuse maps and queries that are not what a layer was made for, saying what would be."""
    if x.dim() != 4:
        raise ValueError(f"expected maps of shape (B, C, H, W), got {x.dim()} dimensions: {tuple(x.shape)}")
    if x.shape[1] != in_channels:
        raise RuntimeError(f"expected maps of {in_channels} channels, got {x.shape[1]} in {tuple(x.shape)}")
    if (query is None) != (query_size is None):
        made = "without a query" if query_size is None else f"with query_size={query_size}"
        raise ValueError(f"the layer was made {made}, and its call has {'none' if query is None else 'one'}")
    if query is not None and (query.dim() != 2 or query.shape[1] != query_size):
        raise RuntimeError(f"expected a query of shape (B, {query_size}), got {tuple(query.shape)}")
    if query is not None and query.shape[0] != x.shape[0]:
        raise RuntimeError(f"expected one query a map, got {query.shape[0]} for {x.shape[0]}")
