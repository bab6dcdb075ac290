"""The forms in which torch.nn's layers take states and give sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from ..ops.recurrence import Spec, State


def _given(hx: Any, spec: Spec, like: Tensor, shapes: list[tuple[int, ...]]) -> list[Tensor] | None:
    """`hx` as a list of tensors, one a state; None where it is none. Without the window's, that is zero."""
    required, given = spec.cell_states, [hx] if isinstance(hx, Tensor) else hx
    if (isinstance(hx, Tensor) and required > 1) or not isinstance(given, Sequence):
        return None
    if len(given) not in (required, len(shapes)) or not all(isinstance(s, Tensor) for s in given):
        return None
    if isinstance(hx, Sequence) and len(shapes) == 1:  # torch.nn's RNN and GRU take h itself
        return None
    return [*given, *(like.new_zeros(shape) for shape in shapes[len(given) :])]


def _expected(spec: Spec, mode: str, names: tuple[str, ...], got: Any) -> str:
    kind = type(got).__name__
    if spec.lags is not None:
        states = ", ".join(names)
        return f"{mode}: Expected hx to be the tensors ({states}, window) or without the window, got {kind}"
    pair = f"{mode}: Expected hx to be a pair of tensors ({', '.join(names)})"
    return pair if spec.states == 2 else f"{mode}: Expected hx to be a tensor, got {kind}"


def given_state(hx: Any, spec: Spec, shapes: list[tuple[int, ...]], mode: str, batched: bool, like: Tensor) -> State:
    """A layer's state as the caller gave it, as tensors of `shapes`, each (layers * directions, B, ...).

    Raises:
        RuntimeError: it is not what torch.nn's layer called `mode` takes for input with or without a batch.
    """
    names = ("h_0", "c_0")[: spec.cell_states]
    plain = [shape if batched else shape[:1] + shape[2:] for shape in shapes]
    state = _given(hx, spec, like, plain)
    if state is None:
        raise RuntimeError(_expected(spec, mode, names, hx))
    which = "batched 3-D" if batched else "unbatched 2-D"
    if any(s.dim() != len(shape) for s, shape in zip(state, plain, strict=True)):
        several, dims = len(state) > 1, len(plain[0])
        got = ", ".join(f"{s.dim()}-D" for s in state[: spec.cell_states])
        if spec.lags is not None:
            wanted, given = ", ".join(f"{len(p)}-D" for p in plain), ", ".join(f"{s.dim()}-D" for s in state)
            raise RuntimeError(f"For {which} input, the states should be ({wanted}) but got ({given}) tensors")
        noun, subject = ("tensors", "hx and cx") if several else ("tensor", "hx")
        raise RuntimeError(
            f"For {which} input, {subject} should also be {dims}-D but got {f'({got})' if several else got} {noun}"
        )
    state = state if batched else [s.unsqueeze(1) for s in state]
    for i, (s, shape) in enumerate(zip(state, shapes, strict=True)):
        if tuple(s.shape) != shape:
            name = f"hidden[{i}]" if len(state) > 1 else "hidden"
            raise RuntimeError(f"Expected {name} size {shape}, got {list(s.shape)}")
    return tuple(state)


def given_cell_state(hx: Any, spec: Spec, x: Tensor, hidden_size: int, mode: str) -> State:
    """A cell's state as the caller gave it, as tensors (B, ...) for an input x (B, D).

    Raises:
        ValueError, RuntimeError: it is not what torch.nn's cell called `mode` takes.
    """
    shapes, rows = spec.state_shapes(hidden_size), x.shape[0]
    several = spec.states > 1
    state = _given(hx, spec, x, [(rows, *shape) for shape in shapes])
    if state is None:
        raise RuntimeError(_expected(spec, f"{mode}Cell", ("h", "c")[: spec.cell_states], hx))
    for i, (s, shape) in enumerate(zip(state, shapes, strict=True)):
        if s.dim() not in (len(shape), len(shape) + 1):
            name = f"hx[{i}]" if several else "hidden"
            dims = f"{len(shape)}D or {len(shape) + 1}D"
            raise ValueError(f"{mode}Cell: Expected {name} to be {dims}, got {s.dim()}D instead")
    state = [s if s.dim() > len(shape) else s.unsqueeze(0) for s, shape in zip(state, shapes, strict=True)]
    for i, (s, shape) in enumerate(zip(state, shapes, strict=True)):
        if s.shape[0] != rows:
            raise RuntimeError(f"Input batch size {rows} doesn't match hidden{i} batch size {s.shape[0]}")
        if s.shape[-1] != hidden_size:
            raise RuntimeError(f"hidden{i} has inconsistent hidden_size: got {s.shape[-1]}, expected {hidden_size}")
        if tuple(s.shape[1:]) != shape:
            raise RuntimeError(f"hidden{i} should be of shape {(rows, *shape)}, got {tuple(s.shape)}")
    return tuple(state)


def per_part(attention: Any, f: Callable[[Tensor], Any]) -> Any:
    """f of a layer's attention: of the tensor, of each part where it has several, and None of None."""
    if attention is None:
        return None
    if isinstance(attention, Tensor):
        return f(attention)
    return type(attention)(*(per_part(part, f) for part in attention))


def join_directions(responses: list[Any]) -> Any:
    """One direction's attention as it is, two stacked last."""
    if isinstance(responses[0], tuple):
        return type(responses[0])(*(join_directions(list(parts)) for parts in zip(*responses, strict=True)))
    present = [a for a in responses if a is not None]
    if len(present) < 2:
        return present[0] if present else None
    return torch.stack(present, dim=-1)


def pack_like(packed: PackedSequence, padded: Tensor, lengths: Tensor) -> PackedSequence:
    """`padded` (T, B, ...) packed in the order of `packed`."""
    if packed.sorted_indices is not None:
        padded = padded.index_select(1, packed.sorted_indices)
        lengths = lengths[packed.sorted_indices.cpu()]
    data = pack_padded_sequence(padded, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
