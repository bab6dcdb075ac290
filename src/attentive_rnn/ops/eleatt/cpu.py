"""EleAtt-RNN by the compiled CPU kernels (native/): all steps of a batch in one call, forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .. import native
from . import fused, kernels, reference
from .spec import Result, Spec, State, Weights


def why_not(
    spec: Spec,
    x: Tensor,
    state: State,
    w: Weights,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    need_attention: bool,
) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if zoneout is not None and zoneout.requires_grad:
        return "it has no gradient for zoneout"
    if lengths is not None and lengths.device.type != "cpu":
        return f"lengths are on {lengths.device}"
    if x.shape[2] == 0 or w.hh.shape[1] == 0:
        return "a layer without inputs or units has nothing to compute"
    return native.why_not((x, *state, *w, zoneout), x.dtype)


def forward(
    spec: Spec,
    x: Tensor,
    state: State,
    w: Weights,
    lengths: Tensor | None = None,
    reverse: bool = False,
    zoneout: Tensor | None = None,
    need_attention: bool = False,
    oracle: Callable[..., Result] = reference.forward,
) -> Result:
    """What `oracle`, the recurrence's reference, computes."""
    dtype = x.dtype
    if dtype is torch.bfloat16 or dtype is torch.float16:
        x, zoneout = x.float(), None if zoneout is None else zoneout.float()
        state = tuple(s.float() for s in state)
        w = Weights(*(None if t is None else t.float() for t in w))  # type: ignore[arg-type]
        result = forward(spec, x, state, w, lengths, reverse, zoneout, need_attention, oracle)
        attention = None if result.attention is None else result.attention.to(dtype)
        return Result(result.output.to(dtype), tuple(s.to(dtype) for s in result.state), attention)
    return fused.forward(kernels.ENGINE, oracle, spec, x, state, w, lengths, reverse, zoneout, need_attention)
