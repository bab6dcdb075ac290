"""EleAtt-RNN by Triton kernels: one launch for all steps, one for all steps back, products over whole sequences around.

For layers whose matrices fit on the chip; wider ones are left to the next backend, whose products are the library's.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import gpu
from . import fused, reference, triton_calls
from .spec import Call, Result

WIDEST = 128  # inputs or units of a layer whose products the kernels make


def why_not(call: Call) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if call.zoneout is not None and call.zoneout.requires_grad:
        return "it has no gradient for zoneout"
    refusal = gpu.why_not((*call.inputs, call.zoneout), call.x.dtype, operator=True)
    if refusal is not None:
        return refusal
    (_, b, d), n = call.x.shape, call.w.hh.shape[1]
    if not (0 < n <= WIDEST and b > 0 and (call.w.ia is None or 0 < d <= WIDEST)):
        return f"its kernels are for 1 to {WIDEST} units and, with a gate, as many inputs"
    return None


def forward(call: Call, oracle: Callable[[Call], Result] = reference.forward) -> Result:
    """What `oracle`, the recurrence's reference, computes."""
    return fused.forward(triton_calls.ENGINE, oracle, call)
