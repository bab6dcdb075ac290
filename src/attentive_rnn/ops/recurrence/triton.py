"""The recurrence by Triton kernels: a launch for all steps and one for all steps back, products over sequences around.

For layers whose matrices fit on the chip; wider ones are left to the next backend, whose products are the library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import gpu
from ..autograd import Kernels
from . import reference
from .hoisted import Deltas, Saved, gradients
from .spec import Call, Spec

WIDEST = 128  # inputs or units of a layer whose products the kernels make
ROWS = 16  # the fewest that a matrix unit takes
LARGE = 128  # inputs or units from which a program has 8 warps


def why_not(call: Call) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if call.w.ua is not None:
        return "its kernels have no low-rank gate"
    refusal = call.why_not_by_hand() or gpu.why_not((*call.inputs, call.zoneout), call.x.dtype, operator=True)
    if refusal is not None:
        return refusal
    d, n = call.x.shape[2], call.w.hh.shape[1]
    if not (0 < n <= WIDEST and (call.w.ha is None or 0 < d <= WIDEST)):
        return f"its kernels are for 1 to {WIDEST} units and, with a gate, as many inputs"
    return None


def history_bytes(call: Call) -> Any:
    """The size of what a backward pass needs of a forward pass; the call's numbers of steps and rows may be symbols."""
    (t, b, d), n = call.x.shape, call.w.hh.shape[1]
    return sum(_aligned(t * b * width) for width in _widths(call.spec, int(d), int(n))) * call.dtype.itemsize


def forward(call: Call, keep: Tensor | bool) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    """The results (output, h[, c][, window][, attention]), and what a backward pass needs; see :class:`Kernels`."""
    from .triton_kernels import forward_steps

    call, past = _cleared(call.contiguous())
    spec, x, w = call.spec, call.x, call.w
    t, b, n = *x.shape[:2], w.hh.shape[1]
    history = keep if isinstance(keep, Tensor) else x.new_empty(history_bytes(call), dtype=torch.uint8)
    output = x.new_empty(t, b, n)
    if past is not None:  # steps past a row's length take part in the products over all steps
        history.zero_()
        output.zero_()
    saved = _saved(history, spec, x, n)
    if saved.attention is None:
        _linear(x, w.ih, w.b_ih, saved.gates)
    else:
        if w.ia is None:
            saved.attention.copy_(reference.projected(w, x))
        else:
            _linear(x, w.ia, w.b_a, saved.attention)
        if past is not None:
            saved.attention.masked_fill_(past, 0)
    h, c, window = spec.h_c_window(call.state)
    last: list[Any] = [None if s is None else s.clone() for s in (h, c)]
    last.append(None if window is None else torch.empty_like(window))
    given = (x, saved.gates, saved.attention, saved.attended, saved.extra, saved.from_lags, saved.h, output)
    weights = (w.ih, w.hh, w.b_ih, w.b_hh, w.ha, w.lag)
    has = {"BIAS": w.b_ih is not None}
    _launch(forward_steps, (*given, *last[:2], window, last[2], *weights), call, has)
    results: tuple[Tensor, ...] = (output, *(s for s in last if s is not None))
    if call.need_attention and saved.attention is not None:
        results = (*results, saved.attention.clone())
    return results, (output, history)


def backward(
    call: Call, kept: Sequence[Tensor], grads: Sequence[Tensor | None], needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients of x, the states and the weights where needed, from those of the results of :func:`forward`."""
    from .triton_kernels import backward_steps

    (output, history), (call, past) = kept, _cleared(call.contiguous())
    spec, x, w = call.spec, call.x, call.w
    n = w.hh.shape[1]
    saved = _saved(history, spec, x, n)
    new = torch.empty_like if past is None else torch.zeros_like
    g_output, g_attention = grads[0], grads[-1] if call.need_attention else None
    g_h, g_c, g_window = spec.h_c_window(grads[1 : 1 + spec.states])
    h, c, window = spec.h_c_window(call.state)
    first: list[Any] = [
        None if s is None else torch.zeros_like(s) if g is None else g.clone(memory_format=torch.contiguous_format)
        for s, g in ((h, g_h), (c, g_c))
    ]
    first.append(None if window is None else torch.empty_like(window))
    deltas = new(saved.gates)
    candidate = new(saved.extra) if spec.cell == "gru_reset_after" else None
    gate, d_x = (new(saved.attended) for _ in range(2)) if w.ha is not None else (None, None)
    d_lags = new(saved.h) if spec.cell == "lstm" and spec.lags is not None else None
    given = (x, saved.gates, saved.attention, saved.extra, saved.from_lags, saved.h, g_output, g_attention, g_window)
    made = (deltas, candidate, gate, d_x, d_lags, first[2], *first[:2])
    flags = {"G_OUTPUT": g_output, "G_ATTENTION": g_attention, "G_WINDOW": g_window}
    has = {name: tensor is not None for name, tensor in flags.items()}
    _launch(backward_steps, (*given, *made, w.ih, w.hh, w.ha, w.lag), call, has)
    d_lag = None
    if w.lag is not None:
        d_inside = deltas[..., -n:] if d_lags is None else d_lags
        d_lag = _lag_products(call, d_inside, output).to(x.dtype)
    state = [s for s in first if s is not None]
    return gradients(call, saved, Deltas(deltas, candidate, gate, d_x, state, d_lag), needed)


def _widths(spec: Spec, d: int, n: int) -> tuple[int, ...]:
    """How many numbers a step and row has in each part of `Saved`."""
    a = 0 if spec.gate is None else d
    extra = 0 if spec.cell.startswith("rnn") else n
    return n, spec.blocks * n, extra, a, a, n if spec.cell == "lstm" and spec.lags is not None else 0


def _aligned(count: Any) -> Any:
    """For addresses that are multiples of 16 bytes Triton has code of its own, which sizes should not choose."""
    return (count + 15) // 16 * 16


def _saved(history: Tensor, spec: Spec, x: Tensor, n: int) -> Saved:
    """The parts of a history. Without a gate x~ is x."""
    t, b, d = x.shape
    numbers, at, parts = history.view(x.dtype), 0, []
    for width in _widths(spec, d, n):
        parts.append(numbers[at : at + t * b * width].view(t, b, width))
        at += _aligned(t * b * width)
    h, gates, extra, attention, attended, from_lags = parts
    if spec.gate is None:
        return Saved(h, gates, extra, None, x, from_lags)
    return Saved(h, gates, extra, attention, attended, from_lags)


def _cleared(call: Call) -> tuple[Call, Tensor | None]:
    """The call with zeros in x past each row's length, and which steps (T, B, 1) those are."""
    x, lengths = call.x, call.lengths
    if lengths is None:
        return call._replace(x=x.contiguous()), None
    lengths = lengths.to(x.device)
    past = (torch.arange(x.shape[0], device=x.device).unsqueeze(1) >= lengths).unsqueeze(-1)
    return call._replace(x=x.masked_fill(past, 0), lengths=lengths), past


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> None:
    x, out = x.flatten(0, 1), out.flatten(0, 1)
    if bias is None:
        torch.mm(x, weight.t(), out=out)
    else:
        torch.addmm(bias, x, weight.t(), out=out)


def _lag_products(call: Call, d_inside: Tensor, output: Tensor) -> Tensor:
    """The gradient of the lags' weights (K): sums over steps, rows and units, in float32 and always in one order."""
    import triton

    from .triton_lags import lag_products

    lags, lengths, (t, b, n) = call.spec.lags, call.lengths, output.shape
    assert lags is not None
    products = torch.empty(t, lags.number, dtype=torch.float32, device=output.device)
    with torch.cuda.device_of(output):
        lag_products[products.shape](
            *(d_inside, output, call.state[-1], output if lengths is None else lengths, products),
            *(t, b, n, d_inside.stride(1)),
            FIRST=lags.first,
            WINDOW=lags.window,
            REVERSE=call.reverse,
            RAGGED=lengths is not None,
            ROWS=ROWS,
            BLOCK_N=max(16, triton.next_power_of_2(n)),
        )
    return products.sum(0)


def _launch(kernel: Any, tensors: tuple[Tensor | None, ...], call: Call, options: dict[str, bool]) -> None:
    """One program for each tile of rows; what a call leaves out is stood in for by x, which is then not read."""
    import triton

    spec, x, _, w, lengths, reverse, zoneout, *_ = call
    (steps, rows, d), n = x.shape, w.hh.shape[1]
    block_n, block_d = (max(16, triton.next_power_of_2(size)) for size in (n, d if spec.gate else 1))
    order = None if lengths is None else lengths.argsort(descending=True)
    with torch.cuda.device_of(x):
        kernel[(triton.cdiv(rows, ROWS),)](
            *(x if tensor is None else tensor.contiguous() for tensor in (*tensors, lengths, order, zoneout)),
            *(steps, rows, d, n, float(spec.gate_scale)),
            CELL=spec.cell,
            GATE=spec.gate or "none",
            REVERSE=reverse,
            RAGGED=lengths is not None,
            ZONEOUT=zoneout is not None,
            LAGS=0 if spec.lags is None else spec.lags.number,
            FIRST=1 if spec.lags is None else spec.lags.first,
            WINDOW=0 if spec.lags is None else spec.lags.window,
            **options,
            PRECISION=gpu.precision(),
            OPERAND=gpu.operand(x.dtype),
            ROWS=ROWS,
            BLOCK_D=block_d,
            BLOCK_N=block_n,
            num_warps=8 if max(block_n, block_d) >= LARGE else 4,
            num_stages=1,
        )


KERNELS = Kernels("triton", gpu.why_not, forward, backward, reference.results, history_bytes)
