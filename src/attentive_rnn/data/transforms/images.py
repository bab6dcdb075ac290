"""Random changes of training images that leave their class as it is."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from .arguments import count
from .base import Transform


class RandomCropFlip(Transform):
    """Shift an image by up to `padding` pixels each way, black moving in, and mirror every other one.

    Source: the augmentation of CIFAR in He et al., "Deep residual learning for image recognition", CVPR 2016, section
    4.2 (padding = 4).

    Args:
        padding: largest shift in pixels.

    Raises:
        ConfigError: what is given is not an image (C, H, W).

    Example:
        >>> import numpy as np, torch
        >>> RandomCropFlip(4)(torch.rand(3, 32, 32), np.random.default_rng(0)).shape
        torch.Size([3, 32, 32])
    """

    name = "random_crop_flip"
    random = True

    def __init__(self, padding: int = 4) -> None:
        self.padding = count(self.name, "padding", padding, 0)

    def __call__(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if sequence.dim() != 3:
            raise ConfigError(f"{self.name}: is for images (C, H, W), got {tuple(sequence.shape)}")
        _, height, width = sequence.shape
        top, left = (int(v) for v in rng.integers(0, 2 * self.padding + 1, 2))
        image = F.pad(sequence, (self.padding,) * 4)[:, top : top + height, left : left + width]
        return image.flip(2) if rng.random() < 0.5 else image
