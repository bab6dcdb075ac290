"""EleAtt-RNN by Triton kernels: one launch for all steps, one for all steps back, products over whole sequences around.

For layers whose matrices fit on the chip; wider ones are left to the next backend, whose products are the library's.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .. import gpu
from . import fused, reference, triton_calls
from .spec import Result, Spec, State, Weights

WIDEST = 128  # inputs or units of a layer whose products the kernels make


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
    refusal = gpu.why_not((x, *state, *w, zoneout), x.dtype, operator=True)
    if refusal is not None:
        return refusal
    d, n = x.shape[2], w.hh.shape[1]
    if not (0 < n <= WIDEST and x.shape[1] > 0 and (w.ia is None or 0 < d <= WIDEST)):
        return f"its kernels are for 1 to {WIDEST} units and, with a gate, as many inputs"
    return None


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
    return fused.forward(triton_calls.ENGINE, oracle, spec, x, state, w, lengths, reverse, zoneout, need_attention)
