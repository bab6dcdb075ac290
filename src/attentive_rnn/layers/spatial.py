"""Spatial attention without a recurrence, which :class:`AttentionRNN2d` is compared with, and the steps they share:
from logits to a mask, and from a map to the map under its mask.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from .options import check_choice

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


class CBAMSpatialGate(nn.Module):
    """The spatial gate of CBAM: a mask from the largest and the mean channel around each position.

    .. math:: A = \\sigma(\\mathrm{BN}(\\mathrm{Conv}_{k \\times k}([\\max_c X; \\mathrm{mean}_c X])))

    It starts at 1/2 everywhere, for the batch normalisation's scale starts at zero. It takes no query.

    Args:
        kernel_size: k, odd.
        device, dtype: as in torch.nn.

    Inputs:
        x (B, C, H, W); a query, if given, is not read.

    Outputs:
        y (B, C, H, W) and the mask (B, 1, H, W).

    Source: Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018, and its authors' code.

    Example:
        >>> import torch
        >>> from attentive_rnn.layers import CBAMSpatialGate
        >>> y, mask = CBAMSpatialGate()(torch.randn(2, 8, 7, 5))
        >>> mask.shape, bool((mask == 0.5).all())
        (torch.Size([2, 1, 7, 5]), True)
    """

    def __init__(self, kernel_size: int = 7, *, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        check_size("kernel_size", kernel_size, odd=True)
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False, **made)
        self.norm = nn.BatchNorm2d(1, momentum=0.01, **made)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor, query: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The map under its mask, and the mask; see the class."""
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return attended(x, torch.sigmoid(self.norm(self.conv(pooled))))


class LocalAttention2d(nn.Module):
    """The local attention of progressive attention networks: each value by itself from its position's surroundings.

    .. math:: A = \\sigma(w \\, \\mathrm{relu}(\\mathrm{Conv}_{k \\times k}(X) + W_q q) + b), \\qquad Y = A \\odot X

    Args:
        in_channels: C.
        hidden_size: channels of the convolution.
        context: k, odd; 3 is the paper's attention with local context, 1 that without.
        query_size: E, the length of a query vector; None: there is none.
        normalize: "sigmoid", or "softmax" over all positions.
        device, dtype: as in torch.nn.

    Inputs:
        x (B, C, H, W); query (B, E) where query_size is given. A one-hot query makes W_q the paper's embedding.

    Outputs:
        y (B, C, H, W) and the mask (B, 1, H, W).

    Source: Seo et al., "Progressive Attention Networks for Visual Attribute Prediction", BMVC 2018, and its authors'
    code.

    Example:
        >>> import torch
        >>> from attentive_rnn.layers import LocalAttention2d
        >>> y, mask = LocalAttention2d(8, query_size=10)(torch.randn(2, 8, 7, 5), torch.eye(10)[[3, 7]])
        >>> mask.shape
        torch.Size([2, 1, 7, 5])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_size: int = 32,
        context: int = 3,
        query_size: int | None = None,
        normalize: Normalisation = "sigmoid",
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_size("in_channels", in_channels)
        check_size("hidden_size", hidden_size)
        check_size("context", context, odd=True)
        check_choice("normalize", normalize, NORMALISATIONS)
        if query_size is not None:
            check_size("query_size", query_size)
        self.in_channels, self.query_size, self.normalize = in_channels, query_size, normalize
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.local = nn.Conv2d(in_channels, hidden_size, context, padding=context // 2, **made)
        self.from_query = nn.Linear(query_size, hidden_size, bias=False, **made) if query_size else None
        self.read = nn.Conv2d(hidden_size, 1, 1, **made)

    def forward(self, x: Tensor, query: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The map under its mask, and the mask; see the class."""
        check_maps(x, query, self.in_channels, self.query_size)
        s = self.local(x)
        if self.from_query is not None:
            s = s + self.from_query(query)[:, :, None, None]
        return attended(x, normalised(self.read(torch.relu(s)), self.normalize))


class ConvMask2d(nn.Module):
    """A mask by one convolution: each value a linear function of its position's surroundings.

    .. math:: A = \\sigma(\\mathrm{Conv}_{k \\times k}(X)), \\qquad Y = A \\odot X

    Args:
        in_channels: C.
        kernel_size: k, odd.
        normalize: "sigmoid", or "softmax" over all positions.
        device, dtype: as in torch.nn.

    Inputs:
        x (B, C, H, W); a query, if given, is not read.

    Outputs:
        y (B, C, H, W) and the mask (B, 1, H, W).

    Example:
        >>> import torch
        >>> from attentive_rnn.layers import ConvMask2d
        >>> y, mask = ConvMask2d(8, normalize="softmax")(torch.randn(2, 8, 7, 5))
        >>> mask.sum((2, 3)).flatten().round(decimals=3).tolist()
        [1.0, 1.0]
    """

    def __init__(
        self,
        in_channels: int,
        kernel_size: int = 1,
        normalize: Normalisation = "sigmoid",
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_size("in_channels", in_channels)
        check_size("kernel_size", kernel_size, odd=True)
        check_choice("normalize", normalize, NORMALISATIONS)
        self.normalize = normalize
        self.conv = nn.Conv2d(in_channels, 1, kernel_size, padding=kernel_size // 2, device=device, dtype=dtype)

    def forward(self, x: Tensor, query: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The map under its mask, and the mask; see the class."""
        return attended(x, normalised(self.conv(x), self.normalize))


class NoAttention2d(nn.Module):
    """No attention at the place of one: the map as it is, and a mask of ones.

    Example:
        >>> import torch
        >>> from attentive_rnn.layers import NoAttention2d
        >>> x = torch.randn(2, 8, 7, 5)
        >>> y, mask = NoAttention2d()(x)
        >>> y is x, mask.shape
        (True, torch.Size([2, 1, 7, 5]))
    """

    def forward(self, x: Tensor, query: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The map (B, C, H, W) and ones (B, 1, H, W); a query, if given, is not read."""
        return x, torch.ones_like(x[:, :1])
