"""EleAtt-RNN by the compiled CPU kernels (native/): all steps of a batch in one call, forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .. import native
from . import fused, kernels, reference
from .spec import Call, Result


def why_not(call: Call) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if call.zoneout is not None and call.zoneout.requires_grad:
        return "it has no gradient for zoneout"
    if call.lengths is not None and call.lengths.device.type != "cpu":
        return f"lengths are on {call.lengths.device}"
    if call.x.shape[2] == 0 or call.w.hh.shape[1] == 0:
        return "a layer without inputs or units has nothing to compute"
    return native.why_not((*call.inputs, call.zoneout), call.x.dtype)


def forward(call: Call, oracle: Callable[[Call], Result] = reference.forward) -> Result:
    """What `oracle`, the recurrence's reference, computes."""
    dtype = call.x.dtype
    if dtype is torch.bfloat16 or dtype is torch.float16:
        result = forward(call.to(torch.float32), oracle)
        attention = None if result.attention is None else result.attention.to(dtype)
        return Result(result.output.to(dtype), tuple(s.to(dtype) for s in result.state), attention)
    return fused.forward(kernels.ENGINE, oracle, call)
