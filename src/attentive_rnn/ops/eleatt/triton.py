"""EleAtt-RNN by Triton kernels: one launch for all steps, one for all steps back, products over whole sequences around.

For layers whose matrices fit on the chip; wider ones are left to the next backend, whose products are the library's.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import gpu
from . import sequence
from .sequence import Deltas, Saved
from .spec import Result, Spec, State, Weights

WIDEST = 128  # inputs or units of a layer whose products the kernels make
ROWS = 16  # the fewest that a matrix unit takes


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
    refusal = gpu.why_not((x, *state, *w, zoneout), x.dtype)
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
) -> Result:
    """What `reference.forward` computes."""
    scan = sequence.Scan(_scan, _scan_back)
    return sequence.run(scan, spec, x, state, w, lengths, reverse, zoneout, need_attention)


def _scan(
    spec: Spec,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    x: Tensor,
    state: list[Tensor],
    w: Weights,
) -> tuple[tuple[Tensor, ...], Saved]:
    from .triton_forward import forward_steps

    (steps, rows, _), n = x.shape, w.hh.shape[1]
    attention = attended = None
    if w.ia is None:
        gates, attended = F.linear(x, w.ih, w.b_ih), x
    else:
        attention, attended = F.linear(x, w.ia, w.b_a), torch.zeros_like(x, memory_format=torch.contiguous_format)
        gates = x.new_zeros(steps, rows, spec.blocks * n)
    output, h_old = (x.new_zeros(steps, rows, n) for _ in range(2))
    extra = x.new_zeros(steps, rows, 0 if spec.cell.startswith("rnn") else n)
    state = [s.contiguous() for s in state]
    if attention is not None and lengths is not None:
        past = torch.arange(steps).unsqueeze(1) >= lengths
        attention.masked_fill_(past.unsqueeze(-1).to(x.device), 0)
    tensors = (x.contiguous(), gates, attention, attended, extra, h_old, output, *_two(state))
    weights = (w.ih, w.hh, w.b_ih, w.b_hh, w.ha)
    _launch(forward_steps, tensors, weights, spec, lengths, reverse, zoneout, x, n, {"BIAS": w.b_ih is not None})
    return (output, *state), Saved(h_old, gates, extra, attention, attended)


def _scan_back(
    spec: Spec,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    x: Tensor,
    w: Weights,
    saved: Saved,
    grads: tuple[Tensor | None, ...],
    need_x: bool,
) -> Deltas:
    from .triton_backward import backward_steps

    rows, n = x.shape[1], w.hh.shape[1]
    g_output, g_last = grads[0], grads[1 : 1 + spec.states]
    g_attention = grads[1 + spec.states] if len(grads) > 1 + spec.states else None
    deltas = torch.zeros_like(saved.gates)
    candidate = torch.zeros_like(saved.extra) if spec.cell == "gru_reset_after" else None
    gate, d_x = (torch.zeros_like(saved.attended) for _ in range(2)) if w.ia is not None else (None, None)
    state = [x.new_zeros(rows, n) if g is None else g.clone(memory_format=torch.contiguous_format) for g in g_last]
    tensors = (x.contiguous(), saved.gates, saved.attention, saved.extra, saved.h, g_output, g_attention)
    made = (deltas, candidate, gate, d_x, *_two(state))
    has = {"G_OUTPUT": g_output is not None, "G_ATTENTION": g_attention is not None}
    _launch(backward_steps, (*tensors, *made), (w.ih, w.hh, w.ha), spec, lengths, reverse, zoneout, x, n, has)
    return Deltas(deltas, candidate, gate, d_x, state)


def _two(state: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    return state[0], state[1] if len(state) > 1 else None


def _launch(
    kernel: Any,
    tensors: tuple[Tensor | None, ...],
    weights: tuple[Tensor | None, ...],
    spec: Spec,
    lengths: Tensor | None,
    reverse: bool,
    zoneout: Tensor | None,
    x: Tensor,
    n: int,
    options: dict[str, bool],
) -> None:
    """One program for each tile of rows; what a call leaves out is stood in for by x, which is then not read."""
    import triton
    import triton.language as tl

    steps, rows, d = x.shape
    block_n, block_d = (max(16, triton.next_power_of_2(size)) for size in (n, d if spec.gate else 1))
    bf16 = x.dtype is torch.bfloat16  # the interpreter's products are NumPy's, which has no such type
    operand = {torch.float32: tl.float32, torch.float16: tl.float16, torch.bfloat16: tl.bfloat16}[x.dtype]
    given = (*tensors, *weights, None if lengths is None else lengths.to(x.device), zoneout)
    kernel[(triton.cdiv(rows, ROWS),)](
        *(x if tensor is None else tensor.contiguous() for tensor in given),
        *(steps, rows, d, n, float(spec.gate_scale)),
        CELL=spec.cell,
        GATE=spec.gate or "none",
        REVERSE=reverse,
        RAGGED=lengths is not None,
        ZONEOUT=zoneout is not None,
        **options,
        PRECISION=gpu.precision(),
        OPERAND=tl.float32 if bf16 and gpu.interpreted() else operand,
        ROWS=ROWS,
        BLOCK_D=block_d,
        BLOCK_N=block_n,
        num_warps=8 if max(block_n, block_d) >= WIDEST else 4,
        num_stages=1,
    )
