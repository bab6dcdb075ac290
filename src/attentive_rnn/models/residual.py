"""A residual network for small images, with spatial attention in every block.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016 (the blocks, and section 4.2 for CIFAR);
Woo et al., "CBAM: convolutional block attention module", ECCV 2018 (the place of the attention, and the channel gate).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .image_model import Attention, ImageModel, spatial_gate


class ChannelGate(nn.Module):
    """CBAM's weights of the channels: y = x * sigmoid(MLP(mean over positions) + MLP(maximum over positions)).

    Args:
        channels: C.
        reduction: the hidden layer of the MLP has C / reduction neurons, at least one.

    Example:
        >>> ChannelGate(32)(torch.randn(2, 32, 8, 8)).shape
        torch.Size([2, 32, 8, 8])
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.mlp = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) with weighted channels."""
        weights = torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))
        return x * weights[:, :, None, None]


class Block(nn.Module):
    """Two 3x3 convolutions whose output, weighted by the attention, is added to the input."""

    def __init__(self, inputs: int, channels: int, stride: int, channel_gate: bool, gate: nn.Module) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.channel_gate = ChannelGate(channels) if channel_gate else nn.Identity()
        self.gate = gate
        self.stride = stride
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, mask = self.gate(self.channel_gate(self.branch(x)), None)
        # Rows and columns are left out here and not by the 1x1 convolution: with a stride and some numbers of channels,
        # such as 6, the backward pass of torch 2.13 writes beyond its memory on a CPU.
        kept = x[:, :, :: self.stride, :: self.stride]
        return torch.relu(y + self.shortcut(kept)), mask


class AttentiveResNet(ImageModel):
    """Classify images with a residual network whose blocks attend to places.

    The first convolution keeps the size, as is usual for images of 32x32; each stage after the first halves it. The
    attention weighs a block's branch before the addition.

    Args:
        image_size: side S of the images.
        num_classes: K.
        blocks: residual blocks in each stage; (2, 2, 2, 2) with channels from 64 to 512 is ResNet-18.
        channels: of each stage.
        attention: the spatial gate; see :func:`spatial_gate`.
        channel_gate: CBAM's channel gate before the spatial one.
        options: further arguments of the spatial gate, such as hidden_size and block.

    Inputs:
        * **x**: (B, 3, S, S), from 0 to 1.
        * **question**: not used; images of this network carry none.
        * **need_attention**: return the masks too.

    Outputs:
        * **logits**: (B, K).
        * **masks**, if asked for: a list with (B, 1, H_b, W_b) for each block b.

    Example:
        >>> model = AttentiveResNet(32, num_classes=10, blocks=(1, 1, 1), channels=(16, 32, 64), attention="none")
        >>> model(torch.randn(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        image_size: int,
        num_classes: int,
        blocks: Sequence[int] = (1, 1, 1),
        channels: Sequence[int] = (16, 32, 64),
        attention: Attention = "arnn",
        channel_gate: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            image_size,
            num_classes=num_classes,
            blocks=list(blocks),
            channels=list(channels),
            attention=attention,
            channel_gate=channel_gate,
            **options,
        )
        if len(blocks) != len(channels) or not blocks or min(*blocks, *channels) < 1:
            raise ValueError(f"blocks and channels should be positive and of one length, got {blocks} and {channels}")
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels[0], 3, 1, 1, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU(inplace=True)
        )
        made, inputs = [], channels[0]
        for stage, (count, width) in enumerate(zip(blocks, channels, strict=True)):
            for i in range(count):
                stride = 2 if stage > 0 and i == 0 else 1
                made.append(Block(inputs, width, stride, channel_gate, spatial_gate(attention, width, **options)))
                inputs = width
        self.blocks = nn.ModuleList(made)
        self.classifier = nn.Linear(inputs, num_classes)
        for module in self.modules():
            if isinstance(module, Block):
                for conv in (m for m in (*module.branch, *module.shortcut) if isinstance(m, nn.Conv2d)):
                    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, question: Tensor | None = None, need_attention: bool = False) -> Any:
        """Logits (B, K), and the masks if asked for; see the class."""
        # Pixels centred and of about unit deviation; the memory format is the one that CPU convolutions are fast in.
        x = self.stem(((x - 0.5) / 0.25).contiguous(memory_format=torch.channels_last))
        masks = []
        for block in self.blocks:
            x, mask = block(x)
            masks.append(mask)
        logits = self.classifier(x.mean((2, 3)))
        return (logits, masks) if need_attention else logits
