"""The recurrence by the compiled CPU kernels (native/): all steps of a batch in one call, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .. import native
from ..autograd import Kernels
from ..native import RecurrenceGradients, RecurrenceInputs, RecurrenceResults, address
from . import reference
from .spec import CELLS, GATES, Call

_CELL = {cell: code for code, cell in enumerate(("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after"))}
_GATE = {None: 0, "sigmoid": 1, "softmax": 2, "hard": 3}
assert set(_GATE) == set(GATES)
assert set(_CELL) == set(CELLS)


def why_not(call: Call) -> str | None:
    """What keeps the kernels from a call, if anything."""
    refusal = call.why_not_by_hand()
    if refusal is not None:
        return refusal
    if call.lengths is not None and call.lengths.device.type != "cpu":
        return f"lengths are on {call.lengths.device}"
    if call.x.shape[2] == 0 or call.w.hh.shape[1] == 0:
        return "a layer without inputs or units has nothing to compute"
    return native.why_not((*call.inputs, call.zoneout), call.x.dtype)


def history_bytes(call: Call) -> Any:
    """The size of what a backward pass needs of a forward pass: a fixed number of bytes a step and row, and a rest.

    The call's tensors may be stand-ins whose numbers of steps and rows are symbols.
    """
    spec, (t, b, d), n = call.spec, call.x.shape, call.w.hh.shape[1]

    def size(steps: int, rows: int) -> int:
        lags, first = (0, 0) if spec.lags is None else (spec.lags.number, spec.lags.first)
        sizes = (steps, rows, int(d), int(n), lags, first, spec.gate_rank or 0)
        codes, is_double = (_CELL[spec.cell], _GATE[spec.gate], 1.0), call.dtype is torch.float64
        inputs = RecurrenceInputs(*codes, *sizes, is_double, 0, 1, short_history=call.keep == "bf16")
        return int(native.kernels.history_bytes(*inputs))

    if isinstance(t, int) and isinstance(b, int):
        return size(t, b)
    one, two = size(1, 1), size(2, 1)
    return t * b * (two - one) + 2 * one - two


def forward(
    call: Call, keep: Tensor | bool, *, short_products: bool = False
) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    """The results (output, h[, c][, window][, attention]), and what a backward pass needs; see :class:`Kernels`.

    With `short_products` the factors of products are rounded to bfloat16; they are summed in float32, as the state is
    kept in.
    """
    call = call.contiguous()
    spec, x, (t, b, d) = call.spec, call.x, call.x.shape
    history = native.buffer(history_bytes(call)) if keep is True else None if keep is False else keep
    output = native.empty((t, b, call.w.hh.shape[1]), x.dtype)
    last = tuple(torch.empty(s.shape, dtype=x.dtype) for s in call.state)
    attention = native.empty((t, b, d), x.dtype) if call.need_attention else None
    h, c, window = map(address, spec.h_c_window(last))
    made = RecurrenceResults(output.data_ptr(), h, c, window, address(attention), address(history))
    native.kernels.forward(*inputs_of(call, short_products), *made)
    kept: Tensor | None = output
    if keep is True and call.keep == "bf16":
        kept = output.bfloat16()
    elif keep is True and not short_products:  # of a call that was one in bfloat16 the caller gets a copy
        kept = native.own(output)  # for the caller's may be changed before backward
    return ((output, *last) if attention is None else (output, *last, attention)), (kept, history)


def copied(call: Call) -> Call:
    """The call with tensors of its own."""
    return Call.of(call.options, [native.own(t) for t in call.tensors])


def backward(
    call: Call,
    saved: tuple[Tensor, Tensor],
    grads: Sequence[Tensor | None],
    needed: Sequence[bool],
    *,
    short_products: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of x, the states and the weights where needed, from those of the results of :func:`forward`."""
    call = call.contiguous()
    spec, (output, history) = call.spec, saved
    g_output = grads[0]
    if g_output is not None and g_output.stride(-1) != 1:
        g_output = g_output.contiguous()
    g_last = [None if g is None else g.contiguous() for g in grads[1 : 1 + spec.states]]
    g_attention = grads[-1].contiguous() if call.need_attention and grads[-1] is not None else None
    found = [
        native.empty(t.shape, t.dtype) if need and t is not None else None
        for t, need in zip(call.inputs, needed, strict=True)
    ]
    g_h_last, g_c_last, g_window_last = map(address, spec.h_c_window(g_last))
    g_h, g_c, g_window = map(address, spec.h_c_window(found[1 : 1 + spec.states]))
    gradients = RecurrenceGradients(
        address(g_output),
        0 if g_output is None else g_output.stride(0),
        0 if g_output is None else g_output.stride(1),
        *(g_h_last, g_c_last, g_window_last, address(g_attention)),
        *(address(found[0]), g_h, g_c, g_window),
        *map(address, found[1 + spec.states :]),
    )
    kept = RecurrenceResults(output=output.data_ptr(), history=history.data_ptr())
    native.kernels.backward(*inputs_of(call, short_products), *kept, *gradients)
    return tuple(found)


def inputs_of(call: Call, short_products: bool = False) -> RecurrenceInputs:
    """A contiguous call as the kernels read it, with short products where they are faster."""
    spec, x, state, w, lengths, reverse, zoneout, *_ = call
    steps, rows, inputs = x.shape
    lags, first_lag = (0, 0) if spec.lags is None else (spec.lags.number, spec.lags.first)
    tensors = (*spec.h_c_window(state), *w, lengths, zoneout)
    h, c, window, ih, hh, b_ih, b_hh, ia, ha, ua, b_a, lag, ends, keep = [
        None if t is None else t.data_ptr() for t in tensors
    ]
    return RecurrenceInputs(
        cell=_CELL[spec.cell],
        gate=_GATE[spec.gate],
        gate_scale=float(spec.gate_scale),
        steps=steps,
        rows=rows,
        inputs=inputs,
        units=w.hh.shape[1],
        lags=lags,
        first_lag=first_lag,
        gate_rank=spec.gate_rank or 0,
        is_double=x.dtype is torch.float64,
        reverse=reverse,
        threads=torch.get_num_threads(),
        x=x.data_ptr(),
        x_step=x.stride(0),
        x_row=x.stride(1),
        h=h,
        c=c,
        window=window,
        ih=ih,
        hh=hh,
        b_ih=b_ih,
        b_hh=b_hh,
        ia=ia,
        ha=ha,
        ua=ua,
        b_a=b_a,
        lag=lag,
        lengths=ends,
        zoneout=keep,
        short_products=short_products and native.short_products(),  # a graph may have been recorded elsewhere
        short_history=call.keep == "bf16",
    )


def for_bfloat16() -> Kernels | None:
    """The kernels with short products, where they are faster."""
    return SHORT if native.short_products() else None


KERNELS = Kernels(
    "cpu", native.why_not, forward, backward, reference.results, history_bytes, False, copied, for_bfloat16
)
SHORT = KERNELS._replace(
    name="cpu, short products",
    copied=lambda call: call,  # made of bfloat16, its tensors are nobody else's
    forward=partial(forward, short_products=True),
    backward=partial(backward, short_products=True),
)
