"""The 2-D LSTM by the compiled CPU kernels (native/lstm2d.h): all maps and directions in one call, and its backward."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import native
from . import fused, kernels
from .spec import Weights


def why_not(p: Tensor, w: Weights) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if w.value_left is not None:
        return "its kernels do not feed the mask's values back"
    return native.why_not((p, w.left, w.up), p.dtype)


def forward(p: Tensor, w: Weights) -> Tensor:
    """What `reference.forward` computes."""
    if p.dtype is torch.bfloat16 or p.dtype is torch.float16:
        single = Weights(w.left.float(), None if w.up is None else w.up.float())
        return forward(p.float(), single).to(p.dtype)
    return fused.forward(kernels.ENGINE, p, w)
