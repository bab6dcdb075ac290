"""The spatial attentions by name, so that a network takes any of them at the same place."""

from __future__ import annotations

from typing import Literal

from torch import nn

from ..layers import AttentionRNN2d, CBAMSpatialGate, ConvMask2d, LocalAttention2d, NoAttention2d

Attention = Literal["arnn", "pan-context", "pan", "cbam", "conv", "none"]
WITHOUT_QUERY = ("cbam", "conv", "none")


def spatial_gate(
    name: Attention,
    channels: int,
    *,
    hidden_size: int = 32,
    block: int = 1,
    query_size: int | None = None,
    normalize: Literal["sigmoid", "softmax"] = "sigmoid",
) -> nn.Module:
    """A module called as ``gate(x, query) -> (y, mask)``.

    Args:
        name: "arnn", :class:`AttentionRNN2d`; "pan-context" and "pan", :class:`LocalAttention2d` with a context of 3x3
            and of 1x1; "cbam", :class:`CBAMSpatialGate`; "conv", :class:`ConvMask2d`; "none". The last three read no
            query, and "cbam" is always a sigmoid.
        channels: C of the maps.
        hidden_size: neurons, for "arnn" and the local attentions.
        block: for "arnn", one value for so many rows and columns.
        query_size: length of the query; None: there is none.
        normalize: "sigmoid" or "softmax".

    Raises:
        ValueError: an unknown name, or arguments that the gate does not take.

    Example:
        >>> import torch
        >>> y, mask = spatial_gate("pan", 8, query_size=10)(torch.randn(2, 8, 7, 5), torch.randn(2, 10))
        >>> y.shape, mask.shape
        (torch.Size([2, 8, 7, 5]), torch.Size([2, 1, 7, 5]))
    """
    if name == "arnn":
        return AttentionRNN2d(channels, hidden_size, block=block, query_size=query_size, normalize=normalize)
    if name in ("pan-context", "pan"):
        context = 3 if name == "pan-context" else 1
        return LocalAttention2d(channels, hidden_size, context, query_size=query_size, normalize=normalize)
    if name == "cbam":
        return CBAMSpatialGate()
    if name == "conv":
        return ConvMask2d(channels, normalize=normalize)
    if name == "none":
        return NoAttention2d()
    raise ValueError(f"attention should be arnn, pan-context, pan, cbam, conv or none, got {name!r}")
