"""A network that edits images: what a question names is changed, and a mask says where the image is replaced.

Source: Zhao et al., "Modular generative adversarial networks", ECCV 2018, for the output as a blend by a predicted
mask; the network around it is a small encoder and decoder, trained on pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .image_model import Attention, ImageModel, QuestionReader, Reader, spatial_gate


class ImageEditor(ImageModel):
    """Make the image that a question asks for.

    .. math:: y = a \\odot e + (1 - a) \\odot x

    An encoder and decoder that know the question make features of the image's size; from these come the mask a, by the
    spatial gate, and the edited image e. Without attention a is one everywhere: the whole image is drawn anew.

    Args:
        image_size: side S of the images.
        words: the number of words that questions have.
        channels: of the features at the image's size, and of each map after that, which halves the side.
        attention: the spatial gate; see :func:`spatial_gate`.
        reader, reader_size: how a question becomes a vector; see :class:`QuestionReader`.
        options: further arguments of the spatial gate, such as hidden_size and block.

    Inputs:
        * **x**: (B, 3, S, S), from 0 to 1.
        * **question**: int64 (B, L).
        * **need_attention**: return the mask too.

    Outputs:
        * **y**: (B, 3, S, S), from 0 to 1.
        * **masks**, if asked for: a list of one mask (B, 1, S, S).

    Example:
        >>> model = ImageEditor(48, words=15, attention="conv")
        >>> model(torch.rand(2, 3, 48, 48), torch.tensor([[3, 11], [9, 14]])).shape
        torch.Size([2, 3, 48, 48])
    """

    def __init__(
        self,
        image_size: int,
        words: int,
        channels: Sequence[int] = (16, 32, 32, 32),
        attention: Attention = "arnn",
        reader: Reader = "bag",
        reader_size: int = 64,
        **options: Any,
    ) -> None:
        super().__init__(
            image_size,
            words=words,
            channels=list(channels),
            attention=attention,
            reader=reader,
            reader_size=reader_size,
            **options,
        )
        self.reader = QuestionReader(words, reader, reader_size)
        query = self.reader.output_size
        self.outer = _convolution(3, channels[0])
        self.down = nn.ModuleList(_convolution(a, b, stride=2) for a, b in pairwise(channels))
        self.asked = nn.Linear(query, channels[-1])
        self.inner = _convolution(channels[-1], channels[-1])
        self.up = nn.ModuleList(_convolution(b + a, a) for a, b in pairwise(channels))
        self.gate = spatial_gate(attention, channels[0], query_size=query, **options)
        self.edited = nn.Conv2d(channels[0], 3, 3, padding=1)

    def forward(self, x: Tensor, question: Tensor, need_attention: bool = False) -> Any:
        """The changed image (B, 3, H, W), and the mask if asked for; see the class."""
        query = self.reader(question).to(x.dtype)
        maps = [self.outer(x.contiguous(memory_format=torch.channels_last))]
        for down in self.down:
            maps.append(down(maps[-1]))
        features = self.inner(torch.relu(maps.pop() + self.asked(query)[:, :, None, None]))
        for up, finer in zip(reversed(self.up), reversed(maps), strict=True):
            features = up(torch.cat([F.interpolate(features, finer.shape[2:]), finer], 1))
        _, mask = self.gate(features, query)
        edited = torch.sigmoid(self.edited(features))
        y = mask * edited + (1 - mask) * x
        return (y, [mask]) if need_attention else y


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
