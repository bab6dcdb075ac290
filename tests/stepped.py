"""Steps of a layer over a few frames, compared with one pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from helpers import as_tuple, assert_near

X = torch.linspace(-2, 2, 6 * 3 * 4).sin().view(6, 3, 4)


def walk(module: nn.Module, frames: Tensor, state: Any = None) -> tuple[Tensor, Any]:
    """The outputs of all steps over `frames`, and the last state."""
    outputs = []
    with torch.no_grad():
        for frame in frames:
            output, state = module.step(frame, state)
            outputs.append(output)
    return torch.stack(outputs), state


def same(layer: nn.Module, frames: Tensor, tolerance: float = 1e-6) -> None:
    """Steps give what a pass gives."""
    output, last = walk(layer, frames)
    with torch.no_grad():
        expected, expected_last = layer(frames)
    assert_near(output, expected, tolerance)
    for ours, theirs in zip(as_tuple(last), as_tuple(expected_last), strict=True):
        assert ours.shape == theirs.shape
        assert_near(ours, theirs, tolerance)
