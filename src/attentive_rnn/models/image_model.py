"""What the networks for images have in common: how they are made again, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


class ImageModel(nn.Module):
    """A network called as ``model(x, question, need_attention=False)`` on images (B, 3, S, S) from 0 to 1.

    With ``need_attention`` it returns its output and a list of masks (B, 1, H, W).

    Args:
        image_size: S.
        arguments: those of the network's constructor, as plain values that JSON can hold.

    Attributes:
        image_size: S.
        config: all arguments, which make the network again.
    """

    def __init__(self, image_size: int, **arguments: Any) -> None:
        super().__init__()
        self.image_size = image_size
        self.config: dict[str, Any] = {"image_size": image_size, **arguments}

    @property
    def num_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def masks_in_image(self, masks: Sequence[Tensor]) -> list[Tensor]:
        """Masks of the network, (B, 1, h, w) each, where they lie in the image: (B, S, S) each."""
        size = (self.image_size, self.image_size)
        return [F.interpolate(mask, size)[:, 0] for mask in masks]

    def flops(self, T: int = 1, B: int = 1) -> int:
        """Multiplications and additions of convolutions and matrix products in a forward pass over B images.

        Those inside a compiled recurrence are not seen by PyTorch's counter, and not in this number.
        """
        return counted_flops(
            self, torch.zeros(B, 3, self.image_size, self.image_size), torch.ones(B, 1, dtype=torch.int64)
        )


def counted_flops(model: nn.Module, x: Tensor, *others: Tensor) -> int:
    """Multiplications and additions that PyTorch's counter sees of a forward pass."""
    parameter = next(model.parameters())
    training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x.to(parameter), *(other.to(parameter.device) for other in others))
    model.train(training)
    return counter.get_total_flops()
