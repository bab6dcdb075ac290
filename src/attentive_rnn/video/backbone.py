"""A user's own network as an extractor: an ONNX file, or a program of PyTorch's that the user vouches for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.io.files import existing, read_bytes
from ..errors import ConfigError, DataError, MissingExtraError
from .extractor import Extractor, Features

_SCRIPT, _EXPORTED = "TorchScript", "an exported program of PyTorch's"
PROGRAMS = {".pt2": _EXPORTED, ".pt": _SCRIPT, ".pth": _SCRIPT, ".ts": _SCRIPT}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of values from 0 to 1


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


def _onnx(path: Path) -> Callable[[np.ndarray], Any]:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(".onnx networks need ONNX Runtime: pip install 'attentive-rnn[backbone]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base but this one
        raise DataError(f"{path}: ONNX Runtime cannot read it: {' '.join(str(error).split())[:300]}") from error
    if len(session.get_inputs()) != 1:
        raise ConfigError(f"{path}: has {len(session.get_inputs())} inputs; a backbone has one, the pictures")
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def _program(path: Path, kind: str) -> Callable[[np.ndarray], Any]:
    load = _load_exported if kind == ".pt2" else _load_script
    try:
        module = load(path)
    except Exception as error:  # whatever the loaders raise on a damaged file
        raise DataError(f"{path}: is not {PROGRAMS[kind]}: {' '.join(str(error).split())[:300]}") from error

    def run(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            output = module(torch.from_numpy(x))
        first = output[0] if isinstance(output, tuple | list) else output
        return first.float().numpy()

    return run


def _load_exported(path: Path) -> Any:
    return torch.export.load(path).module()


def _load_script(path: Path) -> Any:
    return torch.jit.load(path, map_location="cpu").eval()
