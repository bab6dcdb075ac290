"""Whether the parts of a call fit each other."""

from __future__ import annotations

import torch
from torch import Tensor

from .spec import FLIPS, Weights


def check(p: Tensor, w: Weights) -> None:
    """Refuse a call whose parts do not fit each other, naming the part."""
    if p.dim() != 5:
        raise RuntimeError(f"p must have 5 dimensions (B, H, W, R, 4N), got {p.dim()}")
    _, height, _, directions, rows = p.shape
    if directions not in (1, 2, 4):
        raise RuntimeError(f"p (B, H, W, R, 4N) must have 1, 2 or {len(FLIPS)} directions R, got {tuple(p.shape)}")
    n = w.left.shape[-1]
    expected = {
        "left": (directions, 4 * n, n),
        "up": (directions, 4 * n, n),
        "value_left": (directions, 4 * n),
        "value_up": (directions, 4 * n),
        "read": (directions, n),
        "read_bias": (directions,),
    }
    for name, shape in expected.items():
        tensor = getattr(w, name)
        if tensor is not None and tuple(tensor.shape) != shape:
            raise RuntimeError(f"weight {name} must be {shape} for {directions} directions, got {tuple(tensor.shape)}")
    if rows != 4 * n:
        raise RuntimeError(f"p must have 4N = {4 * n} pre-activations a cell for weights of N = {n}, got {rows}")
    if torch.compiler.is_compiling():
        return  # the map's size may be a symbol
    if p.numel() == 0:
        raise RuntimeError(f"expected at least one map and one cell, got p (B, H, W, R, 4N) = {tuple(p.shape)}")
    if w.up is None and height > 1:
        raise RuntimeError(f"a map of {height} rows needs the weight up; only a map of one row has nothing above")
    fed_back = [name for name in ("value_left", "read", "read_bias") if getattr(w, name) is not None]
    if len(fed_back) not in (0, 3) or (w.value_up is None) != (w.up is None or not fed_back):
        raise RuntimeError("values are fed back with value_left, read and read_bias, and with value_up where up is")
