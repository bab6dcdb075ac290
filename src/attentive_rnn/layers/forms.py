"""The forms in which torch.nn's layers take states and give sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from ..ops.eleatt import State


def is_pair(hx: Any) -> bool:
    """Whether `hx` can be an LSTM's state: a sequence of two tensors, and not a tensor of length two."""
    return isinstance(hx, Sequence) and len(hx) == 2 and all(isinstance(s, Tensor) for s in hx)


def given_state(hx: Any, expected: tuple[int, int, int], mode: str, batched: bool) -> State:
    """A layer's state as the caller gave it, as tensors of shape `expected` (layers * directions, B, N).

    Raises:
        RuntimeError: it is not what torch.nn's layer called `mode` takes for input with or without a batch.
    """
    lstm = mode == "LSTM"
    if lstm and not is_pair(hx):
        raise RuntimeError("LSTM: Expected hx to be a pair of tensors (h_0, c_0)")
    if not lstm and not isinstance(hx, Tensor):
        raise RuntimeError(f"{mode}: Expected hx to be a tensor, got {type(hx).__name__}")
    state: State = tuple(hx) if lstm else (hx,)
    dims, which = (3, "batched 3-D") if batched else (2, "unbatched 2-D")
    if any(s.dim() != dims for s in state):
        names, noun = ("hx and cx", "tensors") if lstm else ("hx", "tensor")
        got = ", ".join(f"{s.dim()}-D" for s in state)
        raise RuntimeError(
            f"For {which} input, {names} should also be {dims}-D but got {f'({got})' if lstm else got} {noun}"
        )
    state = state if batched else tuple(s.unsqueeze(1) for s in state)
    for s, name in zip(state, ("hidden[0]", "hidden[1]") if lstm else ("hidden",), strict=True):
        if tuple(s.shape) != expected:
            raise RuntimeError(f"Expected {name} size {expected}, got {list(s.shape)}")
    return state


def given_cell_state(hx: Any, x: Tensor, hidden_size: int, mode: str) -> State:
    """A cell's state as the caller gave it, as tensors (B, N) for an input x (B, D).

    Raises:
        ValueError, RuntimeError: it is not what torch.nn's cell called `mode` takes.
    """
    lstm = mode == "LSTM"
    if lstm and not is_pair(hx):
        raise RuntimeError("LSTMCell: Expected hx to be a pair of tensors (h, c)")
    if not lstm and not isinstance(hx, Tensor):
        raise RuntimeError(f"{mode}Cell: Expected hx to be a tensor, got {type(hx).__name__}")
    state: State = tuple(hx) if lstm else (hx,)
    for i, s in enumerate(state):
        if s.dim() not in (1, 2):
            name = f"hx[{i}]" if lstm else "hidden"
            raise ValueError(f"{mode}Cell: Expected {name} to be 1D or 2D, got {s.dim()}D instead")
    state = tuple(s if s.dim() == 2 else s.unsqueeze(0) for s in state)
    for i, s in enumerate(state):
        if s.shape[0] != x.shape[0]:
            raise RuntimeError(f"Input batch size {x.shape[0]} doesn't match hidden{i} batch size {s.shape[0]}")
        if s.shape[1] != hidden_size:
            raise RuntimeError(f"hidden{i} has inconsistent hidden_size: got {s.shape[1]}, expected {hidden_size}")
    return state


def join_directions(responses: list[Tensor | None]) -> Tensor | None:
    """One direction's attention as it is, two stacked last."""
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
