"""The 2-D LSTM by Triton kernels: a launch for all diagonals, one for all back, products over all cells for weights."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from .. import gpu
from . import fused, triton_calls
from .spec import Weights

WIDEST = 128  # units of a direction


def why_not(p: Tensor, w: Weights) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if w.value_left is not None:
        return "its kernels do not feed the mask's values back"
    if w.left.shape[-1] > WIDEST:
        return f"its kernels are for 1 to {WIDEST} units"
    return gpu.why_not((p, w.left, w.up), p.dtype, operator=True)


forward = partial(fused.forward, triton_calls.ENGINE)
