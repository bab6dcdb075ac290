"""The 2-D LSTM by Triton kernels: a launch for all diagonals, one for all back, products over all cells for weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import gpu, native
from . import diagonal
from .spec import FLIPS, Weights

WIDEST = 128  # units of a direction
ROWS = 16  # the fewest that a matrix unit takes


def why_not(p: Tensor, w: Weights) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if w.value_left is not None:
        return "its kernels do not feed the mask's values back"
    if w.left.shape[-1] > WIDEST:
        return f"its kernels are for 1 to {WIDEST} units"
    return gpu.why_not((p, w.left, w.up), p.dtype)


def forward(p: Tensor, w: Weights) -> Tensor:
    """What `reference.forward` computes."""
    h: Tensor = _Recurrence.apply(p, w.left, w.up)
    return h


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, p: Tensor, left: Tensor, up: Tensor | None) -> Tensor:
        from .triton_scan import forward_diagonals

        (b, height, _, r, _), n = p.shape, left.shape[-1]
        keep = any(ctx.needs_input_grad)
        h = p.new_empty(*p.shape[:4], n)
        gates = torch.empty_like(p, memory_format=torch.contiguous_format) if keep else h
        c = torch.empty(h.shape if keep else (b, r, height, n), dtype=torch.float32, device=p.device)
        _launch(forward_diagonals, (p.contiguous(), gates, c, h), p.shape, left, up, KEEP=keep)
        if keep:
            ctx.save_for_backward(gates, c, h, p, left, up)
        return h

    @staticmethod
    def backward(ctx: Any, g_h: Tensor) -> tuple[Tensor | None, ...]:
        from .triton_scan import backward_diagonals

        gates, c, h, p, left, up = ctx.saved_tensors
        if torch.is_grad_enabled() or native.batched((g_h,)) or native.why_not_transformed() is not None:
            return diagonal.gradients((p, left, up), g_h, ctx.needs_input_grad)
        (b, height, _, r, _), n = p.shape, left.shape[-1]
        g_p = torch.empty_like(gates)
        d_c = torch.empty((b, r, height, n), dtype=torch.float32, device=p.device)
        _launch(backward_diagonals, (gates, c, g_h.contiguous(), g_p, d_c), p.shape, left, up)
        need_p, need_left, need_up = ctx.needs_input_grad
        return (
            g_p if need_p else None,
            _weight(g_p, h, 2) if need_left else None,
            _weight(g_p, h, 1) if need_up else None,
        )


def _weight(g_p: Tensor, h: Tensor, axis: int) -> Tensor:
    """The gradient (R, 4N, N) of the weight through which h reaches the next cell along an axis of the maps."""
    found = []
    for r in range(h.shape[3]):
        from_cell, to_cell = h.select(3, r), g_p.select(3, r)
        cells = h.shape[axis] - 1
        start = int(FLIPS[r][axis - 1])  # of the cells that h comes from
        from_cell, to_cell = from_cell.narrow(axis, start, cells), to_cell.narrow(axis, 1 - start, cells)
        found.append(to_cell.flatten(0, 2).t() @ from_cell.flatten(0, 2))
    return torch.stack(found)


def _launch(
    kernel: Any, tensors: tuple[Tensor, ...], shape: torch.Size, left: Tensor, up: Tensor | None, **options: bool
) -> None:
    """One program for each map and direction."""
    import triton

    (b, height, width, r, _), n = shape, left.shape[-1]
    flipped = [sum(int(flips[axis]) << direction for direction, flips in enumerate(FLIPS)) for axis in (0, 1)]
    with torch.cuda.device_of(left):
        kernel[(b * r,)](
            *(*tensors, left.contiguous(), (left if up is None else up).contiguous()),
            *(height, width, r, n),
            UP=up is not None,
            **options,
            ROWS_FLIPPED=flipped[0],
            COLUMNS_FLIPPED=flipped[1],
            PRECISION=gpu.precision(),
            OPERAND=gpu.operand(left.dtype),
            ROWS=ROWS,
            BLOCK_N=max(16, triton.next_power_of_2(n)),
            num_warps=4 if n <= 64 else 8,
            num_stages=1,
        )
