"""Progressive attention: a small convolutional network with attention at every layer, which names a digit's colour.

Source: Seo et al., "Progressive attention networks for visual attribute prediction", BMVC 2018, and its authors'
published code: four times a 3x3 convolution, ReLU, 2x2 pooling, attention and batch normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .image_model import WITHOUT_QUERY, Attention, ImageModel, QuestionReader, Reader, spatial_gate


class Grid(NamedTuple):
    """Where the cells of a layer's map lie in the image: cell i covers [start + i * step, start + (i + 1) * step)."""

    size: int
    step: int
    start: float


def grids(image_size: int, num_layers: int) -> list[Grid]:
    """The maps behind each pooling, for an image of that side.

    A cell lies where the middle of what it sees is.

    Raises:
        ValueError: the image is too small for so many layers.

    Example:
        >>> [grid.size for grid in grids(100, 4)]
        [49, 23, 10, 4]
    """
    found, size, step, middle = [], image_size, 1, 0.5
    for _ in range(num_layers):
        size = (size - 2) // 2
        # A 3x3 convolution without padding moves the middle by a cell, the pooling by half of one.
        middle, step = middle + 1.5 * step, 2 * step
        if size < 2:
            raise ValueError(f"an image of {image_size}x{image_size} is too small for {num_layers} layers")
        found.append(Grid(size, step, middle - step / 2))
    return found


class ProgressiveAttention(ImageModel):
    """Answer a question about an object by attending to it layer by layer.

    Every layer is convolution, ReLU, pooling, the spatial gate given the question, and batch normalisation. The masks
    are sigmoids, in the last layer a softmax over the positions, whose sum of features is classified. With a gate that
    reads no question, and without one, the question is added to each convolution's output as a bias for each channel.

    Args:
        image_size: side S of the images.
        num_classes: K.
        words: the number of words that questions have.
        channels: of each layer.
        attention: the spatial gate; see :func:`spatial_gate`.
        reader, reader_size: how a question becomes a vector; see :class:`QuestionReader`.
        dropout: share of the pooled features zeroed before the last layer.
        options: further arguments of the spatial gate, such as hidden_size and block.

    Inputs:
        * **x**: (B, 3, S, S), from 0 to 1.
        * **question**: int64 (B, L).
        * **need_attention**: return the masks too.

    Outputs:
        * **logits**: (B, K).
        * **masks**, if asked for: a list of (B, 1, s, s), one a layer; :func:`grids` says where their cells lie.

    Example:
        >>> model = ProgressiveAttention(100, num_classes=5, words=10, attention="conv")
        >>> logits, masks = model(torch.rand(2, 3, 100, 100), torch.tensor([[3], [7]]), need_attention=True)
        >>> logits.shape, [tuple(mask.shape[2:]) for mask in masks]
        (torch.Size([2, 5]), [(49, 49), (23, 23), (10, 10), (4, 4)])
    """

    def __init__(
        self,
        image_size: int,
        num_classes: int,
        words: int,
        channels: Sequence[int] = (32, 32, 32, 32),
        attention: Attention = "arnn",
        reader: Reader = "bag",
        reader_size: int = 64,
        dropout: float = 0.5,
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
        self.grids = grids(image_size, len(channels))
        self.reader = QuestionReader(words, reader, reader_size)
        query = self.reader.output_size
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairwise((3, *channels)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in channels)
        self.gates = nn.ModuleList(
            spatial_gate(
                attention,
                width,
                query_size=query,
                normalize="sigmoid" if i < len(channels) - 1 else "softmax",
                **options,
            )
            for i, width in enumerate(channels)
        )
        self.biases = nn.ModuleList(
            nn.Linear(query, width, bias=False) for width in (channels if attention in WITHOUT_QUERY else ())
        )
        self.pooled_norm = nn.BatchNorm1d(channels[-1])
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels[-1], num_classes)
        for module in (*self.convolutions, self.classifier):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(self, x: Tensor, question: Tensor, need_attention: bool = False) -> Any:
        """Logits (B, K), and the masks if asked for; see the class."""
        query = self.reader(question).to(x.dtype)
        masks = []
        x = x.contiguous(memory_format=torch.channels_last)  # the format that CPU convolutions are fast in
        for i, (convolution, gate, norm) in enumerate(zip(self.convolutions, self.gates, self.norms, strict=True)):
            x = convolution(x)
            if len(self.biases):
                x = x + self.biases[i](query)[:, :, None, None]
            x, mask = gate(F.max_pool2d(torch.relu(x), 2), query)
            x = norm(x)
            masks.append(mask)
        logits = self.classifier(self.dropout(self._normed(x.mean((2, 3)))))
        return (logits, masks) if need_attention else logits

    def _normed(self, pooled: Tensor) -> Tensor:
        norm = self.pooled_norm
        # The last batch of an epoch may be a single item, which has no deviation: it takes the running one. The items
        # of several processes are normalised together, and every process has to take part.
        if norm.training and len(pooled) == 1 and not isinstance(norm, nn.SyncBatchNorm):
            return F.batch_norm(pooled, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        normed: Tensor = norm(pooled)
        return normed

    def masks_in_image(self, masks: Sequence[Tensor]) -> list[Tensor]:
        return [in_image(mask, grid, self.image_size) for mask, grid in zip(masks, self.grids, strict=True)]


def in_image(mask: Tensor, grid: Grid, image_size: int) -> Tensor:
    """A mask (B, 1, s, s) at the resolution of the image, (B, S, S), zero where the map does not reach."""
    large = mask[:, 0].repeat_interleave(grid.step, 1).repeat_interleave(grid.step, 2)
    start = round(grid.start)
    end = image_size - start - large.shape[1]
    return F.pad(large, (start, end, start, end))
