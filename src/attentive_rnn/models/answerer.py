"""A network that answers questions about an image: the question directs one glimpse, and both are classified.

Source: Fukui et al., "Multimodal compact bilinear pooling for visual question answering and visual grounding", EMNLP
2016, for the softmax glimpse guided by the question; the fusion here is a plain product.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .image_model import Attention, ImageModel, QuestionReader, Reader, spatial_gate


class QuestionAnswerer(ImageModel):
    """Answer a question about an image.

    A convolutional network makes a map of features, to which two channels say where they are. The question, read word
    by word, is the query of a softmax mask over the map; with v the sum of the features under the mask, m their mean
    and q the question,

    .. math:: y = W \\, \\mathrm{ReLU}(U [A v \\odot B q; \\; C m \\odot B q]) .

    Args:
        image_size: side S of the images.
        num_classes: the number of answers K.
        words: the number of words that questions have.
        channels: of each layer; each but the first is preceded by a pooling.
        attention: the spatial gate; "none" makes v the mean.
        reader, reader_size: how a question becomes a vector; see :class:`QuestionReader`.
        dropout: share of the fused features zeroed.
        options: further arguments of the spatial gate, such as hidden_size.

    Inputs:
        * **x**: (B, 3, S, S), from 0 to 1.
        * **question**: int64 (B, L).
        * **need_attention**: return the mask too.

    Outputs:
        * **logits**: (B, K).
        * **masks**, if asked for: a list of one mask (B, 1, S / 8, S / 8) for four layers.

    Example:
        >>> model = QuestionAnswerer(64, num_classes=16, words=26, attention="conv")
        >>> model(torch.rand(2, 3, 64, 64), torch.tensor([[4, 7, 2], [5, 9, 0]])).shape
        torch.Size([2, 16])
    """

    def __init__(
        self,
        image_size: int,
        num_classes: int,
        words: int,
        channels: Sequence[int] = (32, 32, 64, 64),
        attention: Attention = "arnn",
        reader: Reader = "eleatt-gru",
        reader_size: int = 64,
        dropout: float = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(
            image_size,
            num_classes=num_classes,
            words=words,
            channels=list(channels),
            attention=attention,
            reader=reader,
            reader_size=reader_size,
            dropout=dropout,
            **options,
        )
        if image_size >> (len(channels) - 1) < 2:
            raise ValueError(f"an image of {image_size}x{image_size} is too small for {len(channels)} layers")
        self.reader = QuestionReader(words, reader, reader_size)
        layers: list[nn.Module] = []
        for i, (inputs, width) in enumerate(pairwise((3, *channels))):
            layers += [nn.MaxPool2d(2)] * (i > 0)
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        size, query = channels[-1] + 2, self.reader.output_size
        self.gate = spatial_gate(attention, size, query_size=query, normalize="softmax", **options)
        self.glimpse, self.overview = nn.Linear(size, query), nn.Linear(size, query)
        self.question = nn.Linear(query, query)
        self.classifier = nn.Sequential(
            nn.Linear(2 * query, query), nn.ReLU(), nn.Dropout(dropout), nn.Linear(query, num_classes)
        )

    def forward(self, x: Tensor, question: Tensor, need_attention: bool = False) -> Any:
        """Logits (B, K), and the mask if asked for; see the class."""
        query = self.reader(question).to(x.dtype)
        features = self.trunk(x.contiguous(memory_format=torch.channels_last))
        features = torch.cat([features, positions(features)], 1)
        y, mask = self.gate(features, query)
        glimpse = y.sum((2, 3)) / mask.sum((2, 3))
        asked = self.question(query)
        both = torch.cat([self.glimpse(glimpse) * asked, self.overview(features.mean((2, 3))) * asked], 1)
        logits = self.classifier(both)
        return (logits, [mask]) if need_attention else logits


def positions(map: Tensor) -> Tensor:
    """The row and the column of each position of a map (B, C, H, W), from -1 to 1: (B, 2, H, W)."""
    B, _, H, W = map.shape
    rows, columns = torch.linspace(-1, 1, H).to(map), torch.linspace(-1, 1, W).to(map)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij")).expand(B, 2, H, W)
