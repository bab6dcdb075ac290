"""A classifier of films, from maps of features of their frames: a glimpse of each frame through a spatial mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..layers import AttentiveConvGRU
from .image_model import Attention, counted_flops, spatial_gate


class MapClassifier(nn.Module):
    """Classify films of maps of features, as a network for images makes them of the frames.

    With X_t the maps of frame t and A_t its mask, a softmax over the positions,

    .. math:: v_t = \\sum_{ij} A_{t,ij} \\, \\mathrm{ReLU}(U X_{t,ij}), \\qquad
        y = W \\, \\frac{1}{T} \\sum_t v_t .

    Masks that are no softmax are divided by their sum. With `recurrent`, v_t is the mean over the positions of the h_t
    of an :class:`AttentiveConvGRU` over the projected maps.

    Args:
        channels: C of the maps.
        num_classes: K.
        width: numbers that each position's C become.
        attention: the spatial gate; "none" makes v_t the mean.
        dropout: share of the mean of the v_t zeroed.
        recurrent: N of the ConvGRU; 0: there is none.
        lags: K, the past states that the ConvGRU attends to.
        options: further arguments of the spatial gate, such as hidden_size.

    Inputs:
        * **x**: (B, T, C, H, W), in any H and W.
        * **lengths**: int64 (B,), the frames of each film; what follows them is not looked at. Of a film without frames
          the logits are the linear layer's bias.
        * **need_attention**: return the masks too.

    Outputs:
        * **logits**: (B, K).
        * **masks**, if asked for: (B, T, 1, H, W), zero past a film's end.

    Example:
        >>> model = MapClassifier(12, num_classes=3, width=8, attention="conv")
        >>> model(torch.randn(2, 5, 12, 7, 7), torch.tensor([5, 3])).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        width: int = 64,
        attention: Attention = "arnn",
        dropout: float = 0.5,
        recurrent: int = 0,
        lags: int = 0,
        **options: Any,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "channels": channels,
            "num_classes": num_classes,
            "width": width,
            "attention": attention,
            "dropout": dropout,
            "recurrent": recurrent,
            "lags": lags,
            **options,
        }
        self.project = nn.Conv2d(channels, width, 1)
        gate = spatial_gate(attention, width, normalize="softmax", **options)
        self.gate = AttentiveConvGRU(width, recurrent, spatial=gate, lags=lags) if recurrent else gate
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(recurrent or width, num_classes)

    def forward(self, x: Tensor, lengths: Tensor, need_attention: bool = False) -> Any:
        """Logits (B, K), and the masks if asked for; see the class."""
        lengths = lengths.clone()  # see own_lengths
        there = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        frames = torch.relu(self.project(x[there]))
        if isinstance(self.gate, AttentiveConvGRU):
            output, _, (mask, _) = self.gate(_placed(frames, there).transpose(0, 1), None, lengths, need_attention=True)
            glimpses, mask = output.transpose(0, 1)[there].mean((2, 3)), mask.transpose(0, 1)[there]
        else:
            y, mask = self.gate(frames)
            glimpses = y.sum((2, 3)) / mask.sum((2, 3))
        total = _placed(glimpses, there).sum(1)
        logits = self.classifier(self.dropout(total / lengths[:, None].clamp(min=1)))
        return (logits, _placed(mask, there)) if need_attention else logits

    @property
    def num_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def flops(self, T: int = 1, B: int = 1, size: tuple[int, int] = (7, 7)) -> int:
        """Multiplications and additions for B films of T frames with maps of that size; see :class:`ImageModel`."""
        return counted_flops(self, torch.zeros(B, T, self.config["channels"], *size), torch.full((B,), T))


def _placed(values: Tensor, there: Tensor) -> Tensor:
    """Values of the frames that are there at their places in (B, T, ...), zeros elsewhere."""
    return values.new_zeros(*there.shape, *values.shape[1:]).index_put((there,), values)
