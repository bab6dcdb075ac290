"""The 2-D LSTM by Triton kernels: a launch for all diagonals, one for all back, products over all cells for weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import gpu
from ..autograd import Kernels
from . import diagonal
from .spec import FLIPS, Call

WIDEST = 128  # units of a direction
ROWS = 16  # the fewest that a matrix unit takes


def why_not(call: Call) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if call.w.value_left is not None:
        return "its kernels do not feed the mask's values back"
    if call.w.left.shape[-1] > WIDEST:
        return f"its kernels are for 1 to {WIDEST} units"
    return gpu.why_not(call.tensors, call.dtype, operator=True)


def history_bytes(call: Call) -> Any:
    """The size of the gates of all cells and, in float32, of their c."""
    b, h, w, r, rows = call.p.shape
    return _gates_bytes(call.p) + b * h * w * r * rows  # c has a quarter of the gates' numbers, of 4 bytes each


def _gates_bytes(p: Tensor) -> Any:
    b, h, w, r, rows = p.shape
    return (b * h * w * r * rows * p.element_size() + 15) // 16 * 16


def forward(call: Call, keep: Tensor | bool) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    """(h,), and what a backward pass needs; see :class:`Kernels`."""
    from .triton_kernels import forward_diagonals

    call = call.contiguous()
    p, n = call.p, call.w.left.shape[-1]
    history = p.new_empty(history_bytes(call), dtype=torch.uint8) if keep is True else None if keep is False else keep
    h = p.new_empty(*p.shape[:4], n)
    if history is None:
        b, height, _, r, _ = p.shape
        gates, c = h, torch.empty(b, r, height, n, dtype=torch.float32, device=p.device)
    else:
        gates, c = _parts(history, p, n)
    _launch(forward_diagonals, (p, gates, c, h), call, KEEP=history is not None)
    return (h,), (h, history)


def backward(
    call: Call, saved: Sequence[Tensor], grads: Sequence[Tensor | None], needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients of p and the weights where needed, from that of h."""
    from .triton_kernels import backward_diagonals

    call, (h, history) = call.contiguous(), saved
    p, n = call.p, call.w.left.shape[-1]
    (b, height, _, r, _), (gates, c) = p.shape, _parts(history, p, n)
    g_h = torch.zeros_like(h) if grads[0] is None else grads[0].contiguous()
    g_p, d_c = torch.empty_like(p), torch.empty(b, r, height, n, dtype=torch.float32, device=p.device)
    _launch(backward_diagonals, (gates, c, g_h, g_p, d_c), call)
    g_left = _weight(g_p, h, 2) if needed[1] else None
    g_up = _weight(g_p, h, 1) if needed[2] and call.w.up is not None else None
    return g_p if needed[0] else None, g_left, g_up, *[None] * (len(needed) - 3)


def _parts(history: Tensor, p: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The gates and c of a history."""
    start = _gates_bytes(p)
    gates = history[: p.numel() * p.element_size()].view(p.dtype).view(p.shape)
    return gates, history[start:].view(torch.float32).view(*p.shape[:4], n)


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


def _launch(kernel: Any, tensors: tuple[Tensor, ...], call: Call, **options: bool) -> None:
    """One program for each map and direction."""
    import triton

    left, up = call.w.left, call.w.up
    (b, height, width, r, _), n = call.p.shape, left.shape[-1]
    flipped = [sum(int(flips[axis]) << direction for direction, flips in enumerate(FLIPS)) for axis in (0, 1)]
    with torch.cuda.device_of(left):
        kernel[(b * r,)](
            *(*tensors, left, left if up is None else up),
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


KERNELS = Kernels("triton", gpu.why_not, forward, backward, diagonal.results, history_bytes)
