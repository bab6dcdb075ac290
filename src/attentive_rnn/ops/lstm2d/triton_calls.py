"""Launches of the Triton kernels of the 2-D LSTM on tensors, and the products over all cells for the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import gpu
from ..engine import Engine
from .spec import FLIPS

ROWS = 16  # the fewest that a matrix unit takes


def history_bytes(p: Tensor) -> Any:
    """The size of the gates of all cells and, in float32, of their c."""
    b, h, w, r, rows = p.shape
    return _gates_bytes(p) + b * h * w * r * rows  # c has a quarter of the gates' numbers, of 4 bytes each


def _gates_bytes(p: Tensor) -> Any:
    b, h, w, r, rows = p.shape
    return (b * h * w * r * rows * p.element_size() + 15) // 16 * 16


def run(history: Tensor | None, p: Tensor, left: Tensor, up: Tensor | None) -> Tensor:
    """h; `history` is filled with what a backward pass needs."""
    from .triton_scan import forward_diagonals

    (b, height, _, r, _), n = p.shape, left.shape[-1]
    h = p.new_empty(*p.shape[:4], n)
    if history is None:
        gates, c = h, torch.empty(b, r, height, n, dtype=torch.float32, device=p.device)
    else:
        gates, c = _parts(history, p, n)
    _launch(forward_diagonals, (p, gates, c, h), p.shape, left, up, KEEP=history is not None)
    return h


def run_back(
    history: Tensor, h: Tensor, g_h: Tensor, p: Tensor, left: Tensor, up: Tensor | None, needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients of p, left and up where needed, from that of h and what `run` left."""
    from .triton_scan import backward_diagonals

    (b, height, _, r, _), n = p.shape, left.shape[-1]
    gates, c = _parts(history, p, n)
    g_p, d_c = torch.empty_like(p), torch.empty(b, r, height, n, dtype=torch.float32, device=p.device)
    _launch(backward_diagonals, (gates, c, g_h, g_p, d_c), p.shape, left, up)
    need_p, need_left, need_up = needed
    return (
        g_p if need_p else None,
        _weight(g_p, h, 2) if need_left else None,
        _weight(g_p, h, 1) if need_up and up is not None else None,
    )


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


def _launch(
    kernel: Any, tensors: tuple[Tensor, ...], shape: torch.Size, left: Tensor, up: Tensor | None, **options: bool
) -> None:
    """One program for each map and direction."""
    import triton

    (b, height, width, r, _), n = shape, left.shape[-1]
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


ENGINE = Engine("triton", gpu.why_not, history_bytes, gpu.beside, run, run_back)
